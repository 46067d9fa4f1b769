import type { RecordBatch } from "apache-arrow";
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
  | { readonly type: "log"; readonly level: "info" | "warn"; readonly message: string };

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
