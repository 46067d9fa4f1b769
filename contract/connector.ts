import type { RecordBatch, Schema } from "apache-arrow";
import type { GenericSchema } from "valibot";
import type { AppError } from "./errors.ts";

/**
 * What a system has to offer to be a source, a destination, or both. A connector's file reads top
 * to bottom: what it is → config schema → open → read or write → close, and exports one constant:
 * `export const postgres = {…} satisfies Connector<PostgresConfig>`.
 *
 * Methods are written in method form on purpose: a `Connector<X>` then fits a list of
 * `Connector<unknown>`; the engine only ever passes what `configSchema` returned.
 */
export interface Connector<Config = unknown> {
  /** The word in `type:` of connectors.yaml. */
  readonly name: string;
  /** One sentence for docs and the JSON Schema. */
  readonly description: string;
  /** The keys of a connectors.yaml entry beside `type`; strict. Secrets come in as plain strings. */
  readonly configSchema: GenericSchema<unknown, Config>;
  /** `options:` of an extract stream and of a load target; strict, every key described. */
  readonly streamOptionsSchema: GenericSchema<unknown, object>;
  readonly loadOptionsSchema: GenericSchema<unknown, object>;
  /** Which of the stream's addresses it understands. */
  readonly streamAddresses: readonly StreamAddress[];
  readonly loadModes: readonly LoadMode[];
  /** Values in the config that must never be printed (a password, also one inside a URL). */
  secrets(config: Config): string[];
  /** What the run's process must be allowed for this use. Paths are absolute. No I/O. */
  access(config: Config, use: ConnectorUse, context: ConnectorContext): Access;
  /** Connects. Throws `unavailable`, `unauthorized` or `invalid`, naming the connector and the host or path. */
  open(config: Config, context: ConnectorContext): Promise<Connection>;
}

export type StreamAddress = "stream" | "query" | "path";
export type LoadMode = "replace" | "append" | "merge";

export interface ConnectorContext {
  /** The name in connectors.yaml, for messages. */
  readonly name: string;
  /** Relative paths of a project are relative to this folder. Absolute. */
  readonly projectDir: string;
  readonly signal: AbortSignal;
  log(level: "debug" | "info" | "warn", message: string): void;
}

export type ConnectorUse =
  | { readonly kind: "source"; readonly stream: StreamRef }
  | { readonly kind: "destination"; readonly target: string };

export interface Access {
  /** `host:port`, or an absolute path of a Unix socket's folder in `write`. */
  readonly hosts: readonly string[];
  /** Absolute folders or files. */
  readonly read: readonly string[];
  readonly write: readonly string[];
}

export interface Connection extends AsyncDisposable {
  readonly source?: Source;
  readonly destination?: Destination;
}

/** One thing to read. Exactly one of `stream`, `query`, `path` is set. */
export interface StreamRef {
  /** The stream's name in the pipeline; `raw.<name>` in the warehouse. */
  readonly name: string;
  readonly stream?: string;
  readonly query?: string;
  readonly path?: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Where an incremental stream got to. `value` is DuckDB's text of the greatest `update_key` seen.
 * A source gives every row with `column >= value` (ties come again, the engine drops the ones it
 * has) and every row where `column` is NULL.
 */
export interface Cursor {
  readonly column: string;
  readonly value: string;
  /** The DuckDB type of the column in `raw`, as `TIMESTAMP WITH TIME ZONE`. */
  readonly type: string;
}

export interface ReadRequest {
  readonly stream: StreamRef;
  readonly cursor?: Cursor;
}

export interface Source {
  /** The stream's columns without its rows. Throws `not_found` where it does not exist. */
  describe(stream: StreamRef, signal: AbortSignal): Promise<Schema>;
  /**
   * All rows, at most MAX_BATCH_ROWS a batch, every batch with the schema of the first. Pulling is
   * the back-pressure, returning is the end of the input; a cut connection throws, it never
   * returns. A stream without rows yields one batch of zero rows, so that its columns are known.
   */
  read(request: ReadRequest, signal: AbortSignal): AsyncIterable<RecordBatch>;
  /**
   * The shortcut for data that DuckDB reads by itself; `undefined` says: use `describe` and `read`.
   * The engine runs `SELECT * FROM <relation>` in the warehouse, with the cursor as a filter.
   */
  scan?(stream: StreamRef, signal: AbortSignal): Promise<Scan | undefined>;
}

export interface Scan {
  /** A SQL relation such as `read_csv(['/data/a.csv'], header = true)`; literals already quoted. */
  readonly relation: string;
  readonly files: readonly string[];
  readonly sizeBytes: number;
  /** Turns DuckDB's error of this relation into one that names file, line and column. */
  explain(error: unknown): AppError;
}

export interface Destination {
  /**
   * Puts the rows where `target` says, in one transaction there together with the load id. A load
   * id that the destination already has changes nothing and answers `repeated: true`. Readers
   * see the old rows until they see the new ones.
   */
  load(request: LoadRequest, signal: AbortSignal): Promise<LoadResult>;
}

export interface LoadRequest {
  /** The same for every attempt of the same step of the same run. */
  readonly loadId: string;
  readonly target: string;
  readonly mode: LoadMode;
  /** Never empty for `merge`. */
  readonly primaryKey: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly input: LoadInput;
}

/** The rows of one table of the warehouse, as Arrow or written by DuckDB itself. */
export interface LoadInput {
  readonly schema: Schema;
  readonly rows: number;
  /** May be called more than once; each call reads the table anew. */
  batches(): AsyncIterable<RecordBatch>;
  /** DuckDB writes the rows to a file or, with `partitionBy`, a folder. The path is absolute and allowed. */
  copyTo(path: string, options: CopyOptions): Promise<void>;
}

export interface CopyOptions {
  readonly format: "csv" | "json" | "parquet";
  /** What follows FORMAT in COPY's option list, as `{ header: true, compression: "zstd" }`. */
  readonly options?: Readonly<Record<string, string | number | boolean>>;
  readonly partitionBy?: readonly string[];
  /** Columns to write as another type than their own, as `{ total: "DECIMAL(38,0)" }`; fails where a value does not fit. */
  readonly casts?: Readonly<Record<string, string>>;
  /**
   * For `merge`: a relation with what the destination holds. Its rows whose key is not among the
   * new ones are kept; columns are matched by name.
   */
  readonly existing?: { readonly relation: string; readonly primaryKey: readonly string[] };
}

export interface LoadResult {
  readonly rows: number;
  readonly sizeBytes: number;
  readonly repeated: boolean;
}
