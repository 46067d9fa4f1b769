import type { RecordBatch } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { columnList } from "../../destination/plan.ts";
import type { Cell, LoadColumn, SentRows, SqlSession, TargetColumn } from "../../destination/system.ts";
import type { SqliteValue } from "../database.ts";
import { isBusy, type SqliteDatabase } from "../driver.ts";
import { fittedReader, UnfitValueError } from "./fit.ts";

/** How long another program's write, or the last reader before a commit, is waited for. */
const LOCK_TIMEOUT_MS = 30_000;
const LOCK_RETRY_MS = 20;
/** Rows are written without a wait; the event loop gets its turn this often. */
const SLICE_MS = 8;
const SLICE_ROWS = 256;
const MAX_SHOWN = 100;

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
    const insert = this.#database.prepare(
      `INSERT OR ABORT INTO ${relation} (${columnList(columns)}) VALUES (${
        columns.map(() => "?").join(", ")
      })`,
    );
    let sent = 0;
    let taken = 0;
    let sizeBytes = 0;
    let sliceStart = performance.now();
    const values: SqliteValue[] = new Array(columns.length).fill(null);
    const put = (row: readonly SqliteValue[]) => {
      try {
        return insert(row);
      } catch (error) {
        throw this.#atRow(error, sent + 1);
      }
    };
    for await (const batch of batches) {
      this.#signal.throwIfAborted();
      sizeBytes += batch.data.byteLength;
      const fill = this.#filler(batch, columns, values);
      for (let row = 0; row < batch.numRows; row++) {
        fill(row, sent);
        taken += put(values);
        sent++;
        if (sent % SLICE_ROWS !== 0 || performance.now() - sliceStart < SLICE_MS) continue;
        await new Promise((resolve) => setTimeout(resolve, 0));
        this.#signal.throwIfAborted();
        sliceStart = performance.now();
      }
    }
    return { sent, taken, sizeBytes };
  }

  /** Puts a row of the batch into `values`; `before` is how many rows came before it. */
  #filler(
    batch: RecordBatch,
    columns: readonly Column[],
    values: SqliteValue[],
  ): (row: number, before: number) => void {
    const readers = columns.map(({ field, sentSql }, i) => {
      const child = batch.data.children[i];
      if (child === undefined) throw new AppError("internal", `A batch has no column "${field.name}"`);
      return fittedReader(field, child, sentSql);
    });
    return (row, before) => {
      for (let i = 0; i < readers.length; i++) {
        try {
          const value = readers[i]?.(row) ?? null;
          if (value === null && columns[i]?.target?.numbersNulls) {
            throw this.#numbered(columns[i], before + 1);
          }
          values[i] = value;
        } catch (error) {
          if (!(error instanceof UnfitValueError)) throw error;
          throw this.#misfit(columns[i], before + 1, error);
        }
      }
    };
  }

  /** What SQLite refuses, as by a constraint, with the row. */
  #atRow(error: unknown, row: number): unknown {
    const prefix = `${this.#action}: `;
    if (!(error instanceof AppError) || !error.message.startsWith(prefix)) return error;
    return new AppError(error.code, `${this.#action} row ${row}: ${error.message.slice(prefix.length)}`, {
      cause: error,
      ...(error.detail === undefined ? {} : { detail: error.detail }),
    });
  }

  #numbered(column: Column | undefined, row: number): AppError {
    return new AppError(
      "invalid",
      `${this.#action} row ${row}: column "${column?.name}" is NULL, and the table would give the row a number of its own; ` +
        `leave the column out of the rows to have it do so`,
    );
  }

  #misfit(column: Column | undefined, row: number, error: UnfitValueError): AppError {
    return new AppError(
      "invalid",
      `${this.#action} row ${row}: column "${column?.name}" is ${
        error.message.slice(0, MAX_SHOWN)
      }, which the ` +
        `table's ${column?.targetSql} cannot hold without a loss; round or cast it in the model, or change the table`,
      { cause: error },
    );
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
