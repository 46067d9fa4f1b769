import type { RecordBatch } from "apache-arrow";
import type { Cell, LoadColumn, SentRows, SqlSession, TargetColumn } from "../../destination/system.ts";
import { isBusy, type SqliteDatabase } from "../driver.ts";
import { RowInserts } from "./row_inserts.ts";

/** How long another program's write, or the last reader before a commit, is waited for. */
const LOCK_TIMEOUT_MS = 30_000;
const LOCK_RETRY_MS = 20;
/** Rows are written without a wait; the event loop gets its turn this often. */
const SLICE_MS = 8;
const SLICE_ROWS = 256;

type Column = LoadColumn<TargetColumn>;

/** A connection to a SQLite file as the mode planner uses it. */
export class LoadSession implements SqlSession<TargetColumn> {
  readonly isUnicode = true;
  readonly #database: SqliteDatabase;
  readonly #action: string;
  readonly #signal: AbortSignal;

  constructor(database: SqliteDatabase, action: string, signal: AbortSignal) {
    this.#database = database;
    this.#action = action;
    this.#signal = signal;
  }

  begin(): Promise<void> {
    return this.#untilFree("BEGIN IMMEDIATE");
  }

  commit(): Promise<void> {
    return this.#untilFree("COMMIT");
  }

  rollback(): Promise<void> {
    this.#database.execute("ROLLBACK");
    return Promise.resolve();
  }

  run(sql: string): Promise<number> {
    return attempt(() => this.#database.prepare(sql)([]));
  }

  rows(sql: string): Promise<Cell[][]> {
    return attempt(() =>
      this.#database.all(sql).map((row) => row.map((value) => (value === null ? null : String(value))))
    );
  }

  async send(
    relation: string,
    columns: readonly Column[],
    batches: AsyncIterable<RecordBatch>,
  ): Promise<SentRows> {
    const inserts = new RowInserts(this.#database, relation, columns, this.#action);
    let sizeBytes = 0;
    let sliceStart = performance.now();
    for await (const batch of batches) {
      this.#signal.throwIfAborted();
      sizeBytes += batch.data.byteLength;
      for (let row = 0; row < batch.numRows; row += SLICE_ROWS) {
        inserts.add(batch, row, Math.min(row + SLICE_ROWS, batch.numRows));
        if (performance.now() - sliceStart < SLICE_MS) continue;
        await new Promise((resolve) => setTimeout(resolve, 0));
        this.#signal.throwIfAborted();
        sliceStart = performance.now();
      }
    }
    inserts.finish();
    return { sent: inserts.sent, taken: inserts.taken, sizeBytes };
  }

  /** Runs a statement that another program's lock may refuse, without blocking the process. */
  async #untilFree(statement: string): Promise<void> {
    const deadlineMs = performance.now() + LOCK_TIMEOUT_MS;
    for (;;) {
      this.#signal.throwIfAborted();
      try {
        return this.#database.execute(statement);
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadlineMs) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
    }
  }
}

/** The driver works at once; what it throws comes as a rejection. */
function attempt<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
