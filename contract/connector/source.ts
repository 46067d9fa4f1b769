import type { RecordBatch, Schema } from "apache-arrow";
import type { AppError } from "../errors.ts";
import type { JsonValue } from "../json.ts";
import type { Traffic } from "../streams/traffic.ts";
import type { ParamValue } from "../run.ts";
import type { FollowMessage, FollowProgress } from "./changes.ts";

/** Where an incremental stream got to. `value` is DuckDB's text of the greatest `update_key` seen. */
export interface Cursor {
  readonly column: string;
  readonly value: string;
  /** The DuckDB type of the column in `raw`, as `TIMESTAMP WITH TIME ZONE`. */
  readonly type: string;
}

/**
 * Where a read of a stream with an `update_key` ends. Without `isRange` it closes the run's window: rows with
 * `column <= value` are asked for, and those that no bound can hold (NULL, infinite, NaN), so that the same
 * window can be read again by a retry. With it, just the rows from the cursor until before `value`.
 */
export interface Until {
  readonly column: string;
  /** DuckDB's text, or what the source's own `greatest` has returned. */
  readonly value: string;
  /** The DuckDB type of the column. */
  readonly type: string;
  readonly isRange: boolean;
}

/** One stream of a read. */
export interface StreamRequest<Stream = unknown> {
  /** The stream's name in the pipeline; `raw.<name>` in the warehouse. */
  readonly name: string;
  /** What `streamSchema` returned for the stream's own keys. */
  readonly address: Stream;
  /** Columns by name to give and no others, in the source's order; all by default. */
  readonly columns?: ColumnChoice;
  /** Its log of changes is to be followed: what that does not have is no column of it, and where it has none, that is an error. */
  readonly isFollowed?: boolean;
  /** A condition in the source's own SQL; only where the source's `pushdown` has it. */
  readonly where?: string;
  /**
   * Asks for every row with `column >= value` (ties come again, the engine drops the ones that it
   * has) and every row where `column` is NULL: see connectors/cursor.ts.
   */
  readonly cursor?: Cursor;
  /** The end of what is asked for, of the same column as the cursor's: see connectors/cursor.ts. */
  readonly until?: Until;
  /** The last state that the source gave and that was committed with its rows; its own JSON. */
  readonly state?: JsonValue;
  /** The pipeline's update_key, by the source's name of it, of a stream that keeps its rows from run to run. */
  readonly updateKey?: string;
  /**
   * Of a stream that is read whole: the scan's `validators` that came with the rows that are there. Where nothing has changed
   * since then, the source may say so in place of reading: see Scan.isUnchanged.
   */
  readonly validators?: JsonValue;
  /**
   * The rows are added to those from before, and no column tells which are new: a source that keeps a state gives
   * what is not in it.
   */
  readonly addsOnly?: boolean;
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
  /**
   * The rows of the scan are read at once, and the whole is asked for anew without this where that throws
   * GUESS_FAILED: the relation may rest on the beginnings of files, and the files may be brought from now on. What
   * goes on meanwhile ends with the signal.
   */
  readonly mayGuess?: boolean;
  /** What it is read for; absent outside of runs. */
  readonly run?: RunFacts;
  /** Only the columns are wanted, of `scan`: a part of the rows that shows them is enough. */
  readonly isSample?: boolean;
  /**
   * Of a child, see contract/pipeline/parents.ts: the rows of the stream that it names, each once, without those in which
   * one of `columns` is NULL. Absent where there are none to be had, as in a check. Throws `invalid` for a column that it
   * does not have.
   */
  parentRows?(columns: readonly string[], included: readonly string[]): Promise<readonly ParentRow[]>;
  /**
   * Of a stream that names others as its input, see contract/pipeline/parents.ts: all of their rows as they are committed,
   * one stream behind the other, at most so many a batch. Read as they are pulled; to be disposed of where they are not
   * read to their end. Absent where there are none to be had, as in a check. Throws `invalid` for a stream without a table.
   */
  inputRows?(batchRows: number): AsyncGenerator<InputBatch, void, undefined>;
  /**
   * The columns of those streams, in their order, whether or not they have rows. Absent where `inputRows` is. Throws as that
   * does.
   */
  inputSchemas?(): Promise<readonly Schema[]>;
  /** Told by a source that asks an API what its requests for the stream have come to, and how many records came. */
  onTraffic?(traffic: Traffic, records: number): void;
}

/** The run that a stream is read for. A retry has the same. */
export interface RunFacts {
  readonly runId: string;
  readonly pipeline: string;
  readonly params: Readonly<Record<string, ParamValue>>;
  /** Milliseconds since 1970. */
  readonly windowStartMs: number | null;
  readonly windowEndMs: number;
}

/** A row of a stream that another one names: by its columns, values as text and, of those that are included, as JSON. */
export interface ParentRow {
  readonly texts: Readonly<Record<string, string>>;
  readonly json: Readonly<Record<string, string>>;
}

/** Rows of a stream that is another one's input. */
export interface InputBatch {
  readonly stream: string;
  readonly batch: RecordBatch;
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

/** Streams that are followed together, since their source has one log for all of them. */
export interface FollowRequest<Stream = unknown> {
  /** The pipeline's name, for what the source keeps for it (a replication slot). */
  readonly pipeline: string;
  /** Unique to the warehouse, eight letters and digits: two servers with one project do not share a slot. */
  readonly token: string;
  readonly streams: readonly FollowedStream<Stream>[];
  /**
   * The pipeline's other streams that follow this source, in this run not, or which cannot be followed: what they
   * still need must be kept.
   */
  readonly resting: readonly FollowedStream<Stream>[];
}

/** `state` is the one that was last committed with the stream's rows; without one it begins with a snapshot. */
export interface FollowedStream<Stream = unknown> extends StreamRequest<Stream> {
  /** As the pipeline says, in the source's names; by default the source's own key. */
  readonly primaryKey?: readonly string[];
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
 * What a source says while it reads. `rows` of one stream all have the schema of its first batch, but for sources
 * that tell a column's type by its values: there a batch may have more columns than those before it, or wider
 * ones, and each value is stored exactly whatever the column becomes. At `state` everything before it belongs
 * together: the engine commits rows and state in one transaction; without one, at the end. `nothing` stands in the
 * place of the one batch without rows where nobody knows what columns there would be; its `schema` has those that are
 * known, which a table that has columns already keeps to in its types.
 */
export type ReadMessage =
  | { readonly type: "rows"; readonly stream: string; readonly batch: RecordBatch }
  | { readonly type: "nothing"; readonly stream: string; readonly schema?: Schema }
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

/** A file as it is now. */
export interface SeenFile {
  /** As a stream's path could have it; unique in its connector. */
  readonly name: string;
  /** Another one for another content, as far as one can tell without reading it. */
  readonly tag: string;
}

export interface Source<Stream = unknown> {
  /** What the source does by itself; the rest the engine does on the rows' way in. */
  readonly pushdown: { readonly columns: boolean; readonly where: boolean };
  /** All streams that it has. */
  discover?(signal: AbortSignal): AsyncIterable<DiscoveredStream>;
  /** The files that a path or glob names, none where there is none. Of connectors that have files. */
  look?(path: string, signal: AbortSignal): Promise<readonly SeenFile[]>;
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
   * The greatest finite value of the column that there is now, of any row of the table or query; it closes the
   * run's window as `until`. Undefined where there is none. Left out by sources whose rows cannot change
   * between two reads of a run.
   */
  greatest?(
    stream: StreamRequest<Stream>,
    column: string,
    signal: AbortSignal,
  ): Promise<Omit<Until, "isRange"> | undefined>;
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
   * The streams' changes from where they were last committed up to what the system had when this was called,
   * snapshots first of those that are new. Needs `pushdown.columns`. Throws `invalid` where the system
   * cannot be followed, or no longer has what comes next, with what to do, and StreamsFailed where only some
   * streams cannot.
   */
  follow?(request: FollowRequest<Stream>, signal: AbortSignal): AsyncIterable<FollowMessage>;
  /**
   * What the system keeps for a pipeline's streams, whether or not they are followed just now, and how long it will
   * keep what is behind `position`, as the last run reported it. Undefined where it keeps nothing. Changes nothing.
   */
  followed?(
    request: Omit<FollowRequest<Stream>, "resting"> & { readonly position: string | null },
    signal: AbortSignal,
  ): Promise<FollowProgress | undefined>;
  /** Lets the system forget what it keeps for a pipeline's streams that are followed no more. Does nothing where there is nothing. */
  unfollow?(follower: Pick<FollowRequest, "pipeline" | "token">, signal: AbortSignal): Promise<void>;
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
   * The rows in parts, for files that come from elsewhere: relations, each of which can be read until the next one is
   * asked for, while the files of the next are being brought. A part may lack columns, and have narrower types, which
   * `relation` has. In the place of `prepare`. Throws what reading throws.
   */
  parts?(signal: AbortSignal): AsyncIterable<string>;
  /**
   * The rows while they still come, where `mayGuess` was asked: for sources that cannot be asked twice. In the place of `prepare`
   * and `parts`; `relation` has the columns of the first of them, and `sizeBytes` is known when they have ended. Throws what
   * reading throws.
   */
  arriving?(signal: AbortSignal): AsyncIterable<ArrivingRows>;
  /**
   * The files hold no record, and nothing else says what columns one would have: the relation has one column,
   * which means nothing, and no rows.
   */
  readonly hasNoColumns?: boolean;
  /** The source's state after these rows, when they have ended; see StreamRequest. */
  readonly state?: JsonValue | undefined;
  /** What tells later whether the source still has these rows and no others, when they have ended; see StreamRequest. */
  readonly validators?: JsonValue | undefined;
  /** The source has what it had when the request's `validators` came: those rows stay, and the relation is not read. */
  readonly isUnchanged?: boolean;
  /**
   * The source goes by its state and not by the cursor: rows may come that are before it, as they changed, and rows that
   * came before may come again.
   */
  readonly repeats?: boolean;
  /** For the run's log. */
  readonly messages?: readonly { readonly level: "info" | "warn"; readonly message: string }[];
  /** Turns DuckDB's error of this relation into one that names file, line and column. */
  explain(error: unknown): Promise<AppError>;
  /**
   * To be called when all rows were read, before they are kept: throws where a file changed meanwhile (rule
   * 7).
   */
  verify(): Promise<void>;
}

/** Rows that can be read until the next ones are asked for. */
export interface ArrivingRows {
  /** Of the same columns and types as the one before, unless it is one anew. */
  readonly relation: string;
  /** All rows since the last state: what was read after it is to be dropped, since columns or types are others now. */
  readonly isAnew: boolean;
  /**
   * The source's state behind these rows: all so far may be committed with it before the next ones are asked for, which are
   * anew then and have columns and types of their own.
   */
  readonly state?: JsonValue;
}

/** Disposing of it removes what was made. */
export interface PreparedScan extends AsyncDisposable {
  readonly relation: string;
  /**
   * The rows that do not fit, where they are set aside: as text `_sluice_reason`, `_sluice_position` and
   * `_sluice_row` (JSON), see Reject, and the columns of `relation` as far as they have a value.
   */
  readonly rejects?: string;
  /**
   * To be called when all rows were read, where `relation` is a guess: waits until all of the files were looked at,
   * and throws what that found, with the reason GUESS_FAILED where it makes another relation.
   */
  confirm?(): Promise<void>;
}
