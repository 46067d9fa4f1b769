import type { RecordBatch, Schema } from "apache-arrow";
import type { SqlSession } from "./sql.ts";

/**
 * DuckDB files other than the pipeline's warehouse, for connectors. The engine hands this to them, as its
 * room engine/duckdb is the only one that touches DuckDB's API; each file is an instance of its own.
 */

/**
 * Opens a DuckDB file; one that is not there is made, unless it is to be read only. SQL reaches the
 * file and nothing else. Throws `unavailable` where another process holds the file, `conflict` where
 * this process has it open already (as its warehouse, or by another connector), `invalid` where it is
 * no DuckDB file, `forbidden` where it may not be used.
 */
export type OpenDuckdb = (
  /** Absolute. */
  path: string,
  options: { readonly readOnly: boolean; readonly lockTimeoutMs: number; readonly signal: AbortSignal },
) => Promise<DuckdbDatabase>;

/** Disposing of it closes its sessions, which rolls back what is not committed, and frees the file. */
export interface DuckdbDatabase extends AsyncDisposable {
  session(): Promise<DuckdbSession>;
}

export interface DuckdbSession extends SqlSession, AsyncDisposable {
  /** Until it is disposed, an abort of the signal interrupts what runs on the session. */
  interruptOn(signal: AbortSignal): Disposable;
  /**
   * The rows of a query as Arrow. It runs while the batches are pulled; a result without rows gives no
   * batch. Until they have ended, the session refuses other statements.
   */
  read(sql: string): Promise<{ readonly schema: Schema; readonly batches: AsyncIterable<RecordBatch> }>;
  /**
   * Appends the batches to a table (of the schema `temp`, where it is a temporary one) and returns how
   * many rows they have. Columns meet by name; one that the rows lack becomes NULL.
   */
  append(
    table: { readonly schema: string; readonly name: string },
    batches: AsyncIterable<RecordBatch>,
  ): Promise<number>;
}
