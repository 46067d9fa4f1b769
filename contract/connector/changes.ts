import type { RecordBatch } from "apache-arrow";
import { AppError } from "../errors.ts";
import type { JsonValue } from "../json.ts";

/** What a source says that follows a log of changes: `mode: cdc`. */

export const CHANGE_OPERATIONS = ["snapshot", "insert", "update", "delete", "truncate"] as const;
export type ChangeOperation = (typeof CHANGE_OPERATIONS)[number];

/** One change of one row; a truncate has a row of NULLs. */
export interface Change {
  readonly operation: ChangeOperation;
  readonly transaction: ChangeTransaction;
  /**
   * Columns, by their place in the batch, that the log does not carry since the change left them alone: they
   * keep the value that the row had.
   */
  readonly unchanged?: readonly number[];
  /** The row was known by another key before: by that of the change right before this one, a delete. */
  readonly isMoved?: boolean;
}

export interface ChangeTransaction {
  /** Where in the log it was committed, as `0/16B3748`. */
  readonly position: string;
  /** Microseconds since 1970 (UTC); null where the log does not say. */
  readonly committedAtUs: bigint | null;
}

/**
 * `snapshot` begins the rows of a stream as they are at one moment, which replace what is there; `rows`
 * has them. `changes` are in the log's order; all of one batch have one schema, which may differ from
 * the one before. At `commit` everything before it belongs together: the engine commits it with
 * `states`, by stream, in one transaction, and asks for the next message only when that is durable: only
 * then may the source let its system forget what came before.
 */
export type FollowMessage =
  | { readonly type: "snapshot"; readonly stream: string; readonly reason: string }
  | { readonly type: "rows"; readonly stream: string; readonly batch: RecordBatch }
  | ChangesMessage
  | CommitMessage
  | { readonly type: "progress"; readonly progress: FollowProgress }
  | { readonly type: "log"; readonly level: "info" | "warn"; readonly message: string };

/** How far the streams of a source are in its log; only what is committed counts. The last one that is given is shown. */
export interface FollowProgress {
  /** Everything that the log has before it is stored, as `0/16B3748`; null where nothing is yet. */
  readonly position: string | null;
  /** Bytes of the log behind it, when that was last looked at; null where the system does not say. */
  readonly behindBytes: number | null;
  /** What the system keeps of its log for this pipeline alone; null where it keeps it whoever reads. */
  readonly retainedBytes: number | null;
  /** Everything that was committed before this moment is stored, in ms since 1970; null where that is not known. */
  readonly upToMs: number | null;
  /** Whether all is stored that the system had when the run began. */
  readonly isCaughtUp: boolean;
  /** What a person has to look at soon, with what to do, as a log that fills the system's disk; the run warns of it. */
  readonly warning: string | null;
}

/**
 * Streams that cannot be followed, by name, while their source can be. Thrown by `follow` in place of what it would
 * throw otherwise: what was not committed is dropped, and the others are followed without them.
 */
export class StreamsFailed extends AppError {
  readonly errors: ReadonlyMap<string, AppError>;

  constructor(errors: ReadonlyMap<string, AppError>) {
    const failures = [...errors.values()];
    super(failures[0]?.code ?? "internal", failures.map(({ message }) => message).join("\n"));
    this.errors = errors;
  }
}

export interface CommitMessage {
  readonly type: "commit";
  /** By stream; those that are left out have nothing new. */
  readonly states: Readonly<Record<string, JsonValue>>;
  /** All that was asked for is there. Exactly the last commit says so. */
  readonly isLast: boolean;
}

export interface ChangesMessage {
  readonly type: "changes";
  readonly stream: string;
  /** The key's columns, by their place in the batch. Of a deleted row they are all that is certain. */
  readonly primaryKey: readonly number[];
  /** A row for each change, with the columns of the stream. */
  readonly batch: RecordBatch;
  readonly changes: readonly Change[];
}
