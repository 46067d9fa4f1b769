import type { RecordBatch, Schema } from "apache-arrow";
import type { GenericSchema } from "valibot";
import type { Clock } from "./clock.ts";
import type { AppError } from "./errors.ts";
import type { OpenDuckdb } from "./duckdb.ts";
import type { JsonValue } from "./json.ts";

/**
 * What a system has to offer to be a source, a destination, or both. A connector's file reads top
 * to bottom: what it is → config schema → open → read or write → close, and exports one constant:
 * `export const postgres = {…} satisfies Connector<PostgresConfig, …>`.
 *
 * Capabilities are small and optional; the core is never widened for one system. Methods are
 * written in method form on purpose: a `Connector<X>` then fits a list of `Connector<unknown>`; the
 * engine only ever passes what the connector's own schemas returned.
 */
export interface Connector<Config = unknown, Stream = unknown, Target = unknown> {
  /** The word in `type:` of connectors.yaml. */
  readonly name: string;
  /** One sentence for docs and the JSON Schema. */
  readonly description: string;
  /** The keys of a connectors.yaml entry beside `type`; strict. Secrets come in as plain strings. */
  readonly configSchema: GenericSchema<unknown, Config>;
  /**
   * A stream's own keys: where it is (`stream`, `query`, `path`, `endpoint` …) and its `options`,
   * beside the keys that all streams have. Strict, every key described. Absent: no source.
   */
  readonly streamSchema?: GenericSchema<unknown, Stream>;
  /** A load target's own keys, as `table` or `path`, and its `options`. Absent: no destination. */
  readonly loadSchema?: GenericSchema<unknown, Target>;
  readonly loadModes: readonly LoadMode[];
  /** Why a load of this target in this mode cannot be, as far as the two alone tell; undefined where it can. No I/O. */
  refusesLoad?(target: Target, mode: LoadMode): string | undefined;
  /** The most loads at a time into one system of this kind; by default as many as it has connections. */
  readonly loadsAtOnce?: number;
  /**
   * Whether a load into this target may be begun before its rows are there, and stage them while they are
   * read: its claim is held as long as the source takes, and `rows` of its input is null. Not for a system
   * that a load keeps from all other writers, nor for a target that DuckDB writes by itself. No I/O.
   */
  stagesWhileReading?(target: Target): boolean;
  /** Values in the config that must never be printed (a password, also one inside a URL). */
  secrets(config: Config): string[];
  /** What the run's process must be allowed for this use. Paths are absolute. No I/O. */
  access(config: Config, use: ConnectorUse<Stream, Target>, place: ConnectorPlace): Access;
  /**
   * Connects. Throws `unavailable`, `unauthorized` or `invalid`, naming the connector and the host or path.
   */
  open(config: Config, context: ConnectorContext): Promise<Connection>;
}

export type LoadMode = "replace" | "append" | "merge";

/** Which entry of which project's connectors.yaml this is. */
export interface ConnectorPlace {
  /** The name in connectors.yaml, for messages. */
  readonly name: string;
  /** Relative paths of a project are relative to this folder. Absolute. */
  readonly projectDir: string;
}

/** What an open connection may use of the process that it is in. */
export interface ConnectorContext extends ConnectorPlace {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** One place for each connection that is open at a time: `max_connections` of connectors.yaml. */
  readonly budget: Budget;
  /** DuckDB files beside the warehouse: see contract/duckdb.ts. */
  readonly openDuckdb: OpenDuckdb;
  /**
   * A folder of the process's own for what is too large for its memory, which DuckDB may read too. Absolute; it
   * may not be there yet. What is in it goes with the process.
   */
  readonly scratchDir: string;
  log(level: "debug" | "info" | "warn", message: string): void;
  /**
   * The secret's value as it is now, for what lives longer than a connection, as a token that is renewed.
   * Throws `forbidden` for a name that no connector of the pipeline refers to, `invalid` for one
   * without a value.
   */
  secret(name: string): Promise<string>;
}

/** What a system has a limited number of. */
export interface Budget {
  readonly limit: number;
  /**
   * Waits for a place, which disposing gives back. Whoever holds one must never wait for a second.
   * Throws the signal's reason where that is aborted first.
   */
  acquire(signal: AbortSignal): Promise<Disposable>;
}

export type ConnectorUse<Stream = unknown, Target = unknown> =
  | { readonly kind: "source"; readonly stream: Stream }
  /** To find what streams there are: of a source that has `discover`. */
  | { readonly kind: "discovery" }
  | { readonly kind: "destination"; readonly target: Target };

/**
 * What a use of a connector needs. All paths are absolute; all but `config` must lie in the
 * operator's `file_roots`, and symbolic links are followed before that is decided.
 */
export interface Access {
  /** `host:port` (`[address]:port` for IPv6), or `unix:` and the absolute path of a socket. */
  readonly hosts: readonly string[];
  /** Folders or files that the connector opens by itself. */
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** Files whose rows are read, as paths or globs of a folder: also by DuckDB, where it scans them. */
  readonly sources?: readonly { readonly root: string; readonly pattern: string }[];
  /** Files or folders that a load puts its rows into, and where it builds them: also by DuckDB's COPY. */
  readonly targets?: readonly string[];
  /**
   * Files that belong to the connector's own configuration, as a certificate authority's: no data, wherever
   * they are.
   */
  readonly config?: readonly string[];
  /** Tables that the use names: no load may go into one that the same pipeline reads. */
  readonly tables?: readonly TableUse[];
}

/** A table, so that two uses of it can be recognized whatever connectors they go by. */
export interface TableUse {
  readonly action: "read" | "write";
  /** The absolute path of the database's file, or server and database, as `postgres db.example:5432/shop`. */
  readonly database: string;
  /** As the system tells names apart: in lower case where case does not matter. */
  readonly table: string;
}

export interface Connection extends AsyncDisposable {
  readonly source?: Source;
  readonly destination?: Destination;
}

/** Where an incremental stream got to. `value` is DuckDB's text of the greatest `update_key` seen. */
export interface Cursor {
  readonly column: string;
  readonly value: string;
  /** The DuckDB type of the column in `raw`, as `TIMESTAMP WITH TIME ZONE`. */
  readonly type: string;
}

/** One stream of a read. */
export interface StreamRequest<Stream = unknown> {
  /** The stream's name in the pipeline; `raw.<name>` in the warehouse. */
  readonly name: string;
  /** What `streamSchema` returned for the stream's own keys. */
  readonly address: Stream;
  /** Columns by name to give and no others, in the source's order; all by default. */
  readonly columns?: ColumnChoice;
  /** A condition in the source's own SQL; only where the source's `pushdown` has it. */
  readonly where?: string;
  /**
   * Asks for every row with `column >= value` (ties come again, the engine drops the ones that it
   * has) and every row where `column` is NULL: see connectors/cursor.ts.
   */
  readonly cursor?: Cursor;
  /** The last state that the source gave and that was committed with its rows; its own JSON. */
  readonly state?: JsonValue;
  /**
   * Rows that do not fit are sent as rejects, by sources that can single them out; otherwise the first
   * of them is thrown.
   */
  readonly setsAside?: boolean;
  /**
   * Columns that hold text in `raw`. A source that guesses types gives their values as they are
   * written, whatever they look like this time.
   */
  readonly texts?: readonly string[];
}

/** `only` and `except` are never both given. Names are compared without case where none matches exactly. */
export interface ColumnChoice {
  readonly only?: readonly string[];
  readonly except?: readonly string[];
}

export interface ReadRequest<Stream = unknown> {
  /** One stream, or several that the source reads together. */
  readonly streams: readonly StreamRequest<Stream>[];
  /** Only this part of the one stream. */
  readonly part?: Part;
}

/**
 * A part of a stream that can be read by itself, with a closed upper bound: its rows do not change with the
 * time of reading.
 */
export interface Part {
  /** Unique in the stream and the same in every attempt, as `1000000..1999999`. */
  readonly id: string;
  /** The source's own JSON: how it finds the part. */
  readonly bounds: JsonValue;
}

/**
 * What a source says while it reads. `rows` of one stream all have the schema of its first batch,
 * until `schema` says that it changes. At `state` everything before it belongs together: the engine
 * commits rows and state in one transaction; without one, at the end.
 */
export type ReadMessage =
  | { readonly type: "rows"; readonly stream: string; readonly batch: RecordBatch }
  | { readonly type: "state"; readonly stream: string; readonly state: JsonValue }
  | { readonly type: "reject"; readonly stream: string; readonly reject: Reject }
  | { readonly type: "log"; readonly level: "info" | "warn"; readonly message: string };

/** A row that does not fit, kept beside the stream. */
export interface Reject {
  /** For a person: what does not fit, with the column and its value. */
  readonly reason: string;
  /** Where it is in the source, as `line 12` or `rowid 7`; null where it has no place. */
  readonly position: string | null;
  /** The row as it came. */
  readonly row: JsonValue;
}

/** What a stream looks like without its rows. */
export interface StreamDescription {
  readonly schema: Schema;
  /** The columns that identify a row, where the source knows. */
  readonly primaryKey?: readonly string[];
}

/** A stream that the source has, whether or not a pipeline reads it. */
export interface DiscoveredStream {
  /** The own keys that read it, as `{ stream: "public.orders" }`. */
  readonly address: Readonly<Record<string, JsonValue>>;
  /** For people and for the name in a pipeline, as `public.orders`. */
  readonly name: string;
  readonly kind: "table" | "view" | "file";
  readonly columns: readonly { readonly name: string; readonly type: string; readonly nullable: boolean }[];
  readonly primaryKey: readonly string[];
  /** An estimate; null where the source has none. */
  readonly rows: number | null;
  readonly sizeBytes: number | null;
}

export interface Source<Stream = unknown> {
  /** What the source does by itself; the rest the engine does on the rows' way in. */
  readonly pushdown: { readonly columns: boolean; readonly where: boolean };
  /** All streams that it has. */
  discover?(signal: AbortSignal): AsyncIterable<DiscoveredStream>;
  /**
   * The stream's columns without its rows: the schema that `read` gives. Throws `not_found` where it does not
   * exist.
   */
  describe(stream: StreamRequest<Stream>, signal: AbortSignal): Promise<StreamDescription>;
  /**
   * The parts that the stream falls into by `column`, of about `rows` rows each, in the order of the
   * column; together they are the whole stream as it is at this moment, its NULLs included.
   */
  partition?(
    stream: StreamRequest<Stream>,
    by: { readonly column: string; readonly rows: number },
    signal: AbortSignal,
  ): Promise<readonly Part[]>;
  /**
   * About how many rows `read` would give, where the source knows without reading them; null where it
   * does not. A source that has this may be read in a thread, with a connection of its own: decoding
   * goes on beside the storing then. Its batches share no memory with each other or with the source.
   */
  estimateRows?(stream: StreamRequest<Stream>, signal: AbortSignal): Promise<number | null>;
  /**
   * All that was asked for, at most MAX_BATCH_ROWS a batch. Pulling is the back-pressure, returning
   * is the end of the input; a cut connection or an error in the middle throws, it never returns
   * (rule 7). A stream without rows gives one batch of zero rows, so that its columns are known. A batch
   * that was given is not changed any more.
   */
  read(request: ReadRequest<Stream>, signal: AbortSignal): AsyncIterable<ReadMessage>;
  /**
   * The shortcut for data that DuckDB reads by itself; `undefined` says: use `describe` and `read`.
   * The engine runs `SELECT … FROM <relation>` in the warehouse, with columns, filter and cursor.
   */
  scan?(stream: StreamRequest<Stream>, signal: AbortSignal): Promise<Scan | undefined>;
}

export interface Scan {
  /** A SQL relation such as `read_csv(['/data/a.csv'], header = true)`; literals already quoted. */
  readonly relation: string;
  readonly files: readonly string[];
  readonly sizeBytes: number;
  /**
   * Where DuckDB cannot read the files as they are: makes what it can read, in the scratch folder, and gives the
   * relation with the rows. `relation` has the same columns and not all rows then. Throws what reading
   * throws.
   */
  prepare?(signal: AbortSignal): Promise<PreparedScan>;
  /**
   * The files hold no record, and nothing else says what columns one would have: the relation has one column,
   * which means nothing, and no rows.
   */
  readonly hasNoColumns?: boolean;
  /** Turns DuckDB's error of this relation into one that names file, line and column. */
  explain(error: unknown): Promise<AppError>;
  /**
   * To be called when all rows were read, before they are kept: throws where a file changed meanwhile (rule
   * 7).
   */
  verify(): Promise<void>;
}

/** Disposing of it removes what was made. */
export interface PreparedScan extends AsyncDisposable {
  readonly relation: string;
}

/** Where rows go. `kind` says which promise the system can keep; the engine does the rest. */
export type Destination<Target = unknown> =
  | TransactionalDestination<Target>
  | DeliveringDestination<Target>;

/**
 * A system that takes all rows of a load or none, together with the load's id. Readers see the old
 * rows until they see the new ones.
 */
export interface TransactionalDestination<Target = unknown> {
  readonly kind: "transactional";
  /** Begins a load; nothing is changed yet. Throws `invalid` for a target that the system cannot have. */
  begin(request: LoadRequest<Target>, signal: AbortSignal): Promise<Load>;
}

export interface LoadRequest<Target = unknown> {
  /** The same for every attempt of the same step of the same run; ASCII. */
  readonly loadId: string;
  /**
   * How an earlier release wrote the id of this same load: a destination looks for both. May not be ASCII.
   */
  readonly earlierLoadId?: string;
  /** What `loadSchema` returned for the target's own keys. */
  readonly target: Target;
  readonly mode: LoadMode;
  /** Never empty for `merge`. */
  readonly primaryKey: readonly string[];
}

/**
 * One load: claim → stage → apply → commit, each once and in this order. Disposing of it without a
 * commit leaves the destination as it was, and so does a process that dies at any point before the
 * commit took effect.
 */
export interface Load extends AsyncDisposable {
  /**
   * Takes the load id for this load, and waits for another load of the same target. Returns the
   * receipt where the id was committed before: then there is nothing left to do but to dispose.
   */
  claim(): Promise<LoadReceipt | undefined>;
  /**
   * Sends all rows, streamed. No reader sees them yet. Throws `invalid` for a value that the
   * target's column would change, with the column and the value, and for rows that do not all arrive.
   */
  stage(input: LoadInput): Promise<void>;
  /** Brings the staged rows to where they belong, by the load's mode; readers still see the old ones. */
  apply(): Promise<void>;
  /** Makes rows and load id visible in one step. */
  commit(): Promise<LoadReceipt>;
}

/** What a load did. The same from every destination, and the same again for a load that is repeated. */
export interface LoadReceipt {
  /** Rows that were sent. */
  readonly rows: number;
  /** Rows of the target that are new, changed or gone; null where the system does not report it. */
  readonly inserted: number | null;
  readonly updated: number | null;
  readonly deleted: number | null;
  /** Of the rows as they were sent, see LoadInput. */
  readonly hash: string | null;
  /** What was sent or written. */
  readonly sizeBytes: number;
  /** The load id was committed before; nothing was changed now. */
  readonly repeated: boolean;
}

/** The rows of one table of the warehouse, as Arrow or written by DuckDB itself. */
export interface LoadInput {
  readonly schema: Schema;
  /** Null where the rows are sent while they are still being read: then they can be read once only. */
  readonly rows: number | null;
  /** Each call reads the table anew; where `rows` is null there can be one only. */
  batches(): AsyncIterable<RecordBatch>;
  /**
   * DuckDB writes the rows to a file or, with `partitionBy`, a folder. The path is absolute and allowed.
   * Returns how many rows were written, those of `existing` that were kept among them. Not to be called
   * where `rows` is null.
   */
  copyTo(path: string, options: CopyOptions): Promise<number>;
  /**
   * A hash of all rows that does not depend on their order: 16 hexadecimal digits, comparable between
   * loads of one DuckDB version. Null where it is not known. To be asked for after the rows were read.
   */
  hash(): Promise<string | null>;
}

/** Begins DuckDB's message of a value that a copy's format cannot hold; what it is, and what to do, follow. */
export const UNHELD_VALUE = "sluice_unheld:";

export interface CopyOptions {
  readonly format: "csv" | "json" | "parquet";
  /**
   * What follows FORMAT in COPY's option list, as `{ header: true, compression: "zstd" }`; a list is of
   * columns.
   */
  readonly options?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly partitionBy?: readonly string[];
  /**
   * Columns to write as another type than their own, as `{ total: "DECIMAL(38,0)" }`; fails where a value
   * does not fit.
   */
  readonly casts?: Readonly<Record<string, string>>;
  /** Columns to write as what an expression of SQL makes of them, as `{ day: "strftime(day, '%d.%m.%Y')" }`. */
  readonly expressions?: Readonly<Record<string, string>>;
  /**
   * The rows are to be merged: throws `invalid`, with `action` before the reason, where a key is NULL
   * or comes twice in them.
   */
  readonly merge?: { readonly action: string; readonly primaryKey: readonly string[] };
  /**
   * For `merge`: a relation with what the destination holds. Its rows whose key is not among the new ones
   * are kept, and of the others the columns that the new ones lack; columns are matched by name.
   */
  readonly existing?: { readonly relation: string };
}

/**
 * A system that takes rows one by one or in small batches and has no transaction, as an API. It is
 * at-least-once: a row may arrive twice where a process dies between the delivery and the note of it;
 * the idempotency key lets the system drop what it has.
 */
export interface DeliveringDestination<Target = unknown> {
  readonly kind: "delivering";
  /** The most rows that one delivery takes. */
  readonly maxBatchRows: number;
  /** Returns a result for each row of the batch, in its order. Throws where nothing of it arrived. */
  deliver(
    batch: RecordBatch,
    request: DeliveryRequest<Target>,
    signal: AbortSignal,
  ): Promise<readonly DeliveryResult[]>;
}

export interface DeliveryRequest<Target = unknown> {
  /** The same for the same batch in every attempt; ASCII. */
  readonly idempotencyKey: string;
  readonly target: Target;
  readonly mode: LoadMode;
  readonly primaryKey: readonly string[];
}

export type DeliveryResult =
  | { readonly type: "ok" }
  /** Tried again later, it may succeed. */
  | { readonly type: "retryable"; readonly reason: string }
  /** The system does not want this row; sent again it would not want it either. */
  | { readonly type: "rejected"; readonly reason: string };
