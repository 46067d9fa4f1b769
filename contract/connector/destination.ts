import type { RecordBatch, Schema } from "apache-arrow";
import type { RunFacts } from "./source.ts";
import type { Traffic } from "../streams/traffic.ts";

export const LOAD_MODES = ["replace", "append", "merge", "delete_insert", "scd2"] as const;
export type LoadMode = (typeof LOAD_MODES)[number];

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

export interface LoadRequest<Target = unknown> extends LoadShape {
  /** The same for every attempt of the same step of the same run; ASCII. */
  readonly loadId: string;
  /**
   * How an earlier release wrote the id of this same load: a destination looks for both. May not be ASCII.
   */
  readonly earlierLoadId?: string;
  /** What `loadSchema` returned for the target's own keys. */
  readonly target: Target;
}

/** What a load does with its target's rows, as the pipeline says it. */
export interface LoadShape {
  readonly mode: LoadMode;
  /** Never empty for `merge` and `scd2`. */
  readonly primaryKey: readonly string[];
  /**
   * Of `delete_insert`, never empty there: the target's rows that have the values of these columns in common
   * with one of the new rows, NULL with NULL, give way to the new ones.
   */
  readonly partitionBy?: readonly string[];
  /** Whether the target's rows whose key the new ones do not have are deleted too, in a `merge`, or closed, in `scd2`. */
  readonly deletesMissing?: boolean;
  /** Of `scd2`. */
  readonly history?: HistoryShape;
  /**
   * SQL of the user's, each text one statement or several, that a destination of SQL runs in the load's
   * transaction: before it looks at the target, and when the rows are where they belong.
   */
  readonly preSql?: readonly string[];
  readonly postSql?: readonly string[];
}

/**
 * A history of rows: each version of a key is a row of its own. The columns are among those of the rows that
 * are sent, which are all current: `validFrom` is their moment, `validTo` NULL, `isCurrent` true.
 */
export interface HistoryShape {
  readonly validFrom: string;
  readonly validTo: string;
  /** True for the one version of each key that holds now. */
  readonly isCurrent: string;
  /** From when on the rows that are sent hold: milliseconds since 1970. */
  readonly atMs: number;
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
   * Whether the target is there and, before this load, the load of that id was the last to change it, as far as
   * is noted. To be called when the load is claimed. Absent where nothing tells.
   */
  isAfter?(loadId: string): Promise<boolean>;
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
  /** Of a delivering destination: rows that it did not want, which are kept aside; they are among `rows`. */
  readonly rejects?: number;
}

/** The rows of one table of the warehouse, as Arrow or written by DuckDB itself. */
export interface LoadInput {
  readonly schema: Schema;
  /** Null where the rows are sent while they are still being read: then they can be read once only. */
  readonly rows: number | null;
  /**
   * Rows with just the columns of the primary key, which come with a `merge` or `scd2`: the target's rows of
   * these keys are deleted, or closed. None of them is among the rows. `copyTo` sees to it by itself.
   */
  readonly gone?: KeysGone;
  /**
   * The rows are only those that changed since the load that `isAfter` told to be the last: those whose key is
   * not among them are as they were, and not missing.
   */
  readonly isPartial?: boolean;
  /**
   * Each call reads the table anew; where `rows` is null there can be one only. `maxRows` are the most rows of a
   * batch, where the table is read for this call.
   */
  batches(maxRows?: number): AsyncIterable<RecordBatch>;
  /**
   * DuckDB writes the rows to a file or, with `partitionBy`, a folder. The path is absolute and allowed.
   * Not to be called where `rows` is null.
   */
  copyTo(path: string, options: CopyOptions): Promise<Copied>;
  /**
   * A hash of all rows that does not depend on their order: 32 hexadecimal digits, comparable between
   * loads of one DuckDB version. Null where it is not known. To be asked for after the rows were read.
   */
  hash(): Promise<string | null>;
}

export interface KeysGone {
  readonly schema: Schema;
  readonly rows: number;
  /** To be read once. */
  batches(): AsyncIterable<RecordBatch>;
}

export interface Copied {
  /** Those of `existing` that were kept among them. */
  readonly rows: number;
  /** Rows of `existing` that were left out. */
  readonly deleted: number;
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
  readonly merge?: {
    readonly action: string;
    readonly primaryKey: readonly string[];
    /** Existing rows of other keys are left out. */
    readonly deletesMissing?: boolean;
  };
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
  /** How many rows a delivery to the target has; the last one may have fewer. */
  batchRows(target: Target): number;
  /** How many deliveries to the target may go on at a time, in no order; one by default. */
  deliveriesAtOnce?(target: Target): number;
  /**
   * The rows come as slices of batches. Returns a result for each row, in their order. Throws where it is not
   * known of each row what became of it, or where nothing of the load can be delivered.
   */
  deliver(
    rows: readonly RecordBatch[],
    request: DeliveryRequest<Target>,
    signal: AbortSignal,
  ): Promise<readonly DeliveryResult[]>;
  /**
   * Called once when each row of the load was taken or rejected, and there were some: what is held back until then goes
   * now. Throws where the system does not take it in the end.
   */
  finish?(request: LoadDelivery<Target>, signal: AbortSignal): Promise<void>;
}

/** What all deliveries of a load have in common. */
export interface LoadDelivery<Target = unknown> {
  /** The same for every attempt of the same step of the same run; ASCII. */
  readonly loadId: string;
  readonly target: Target;
  readonly mode: LoadMode;
  readonly primaryKey: readonly string[];
  /** What the rows are loaded for. */
  readonly run: RunFacts;
  /** A line of the load's own, in the run's log. */
  log(level: "info" | "warn", message: string): void;
}

export interface DeliveryRequest<Target = unknown> extends LoadDelivery<Target> {
  /** The same for the same batch in every attempt; ASCII. */
  readonly idempotencyKey: string;
  /** Told what the requests of this delivery have come to. */
  onTraffic?(traffic: Traffic): void;
}

export type DeliveryResult =
  | { readonly type: "ok" }
  /** Tried again later, it may succeed. */
  | { readonly type: "retryable"; readonly reason: string }
  /** The system does not want this row; sent again it would not want it either. */
  | { readonly type: "rejected"; readonly reason: string };
