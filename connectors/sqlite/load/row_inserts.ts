import type { RecordBatch } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { columnList } from "../../destination/plan.ts";
import type { LoadColumn, TargetColumn } from "../../destination/system.ts";
import type { SqliteValue } from "../database.ts";
import type { SqliteDatabase } from "../driver.ts";
import { rowFiller } from "./row_values.ts";

/** About so many values go with one statement: half the price of a statement a row. */
const STATEMENT_VALUES = 192;
const MAX_STATEMENT_ROWS = 32;
/** Larger ones go alone: their copies would wait in memory. */
const LARGE_ROW_BYTES = 65_536;

type Insert = (values: readonly SqliteValue[]) => number;

/** Rows that go into a table, several with a statement. */
export class RowInserts {
  /** Rows that were sent, and how many the table took of them. */
  sent = 0;
  taken = 0;
  readonly #database: SqliteDatabase;
  readonly #columns: readonly LoadColumn<TargetColumn>[];
  readonly #action: string;
  readonly #insertOne: Insert;
  readonly #insertMany: Insert;
  readonly #rows: number;
  #values: SqliteValue[];
  /** Rows that wait in `#values`. */
  #waiting = 0;
  #fill: ReturnType<typeof rowFiller> | undefined;
  #batch: RecordBatch | undefined;

  /** `action` heads the messages. */
  constructor(
    database: SqliteDatabase,
    relation: string,
    columns: readonly LoadColumn<TargetColumn>[],
    action: string,
  ) {
    this.#database = database;
    this.#columns = columns;
    this.#action = action;
    this.#rows = Math.max(1, Math.min(MAX_STATEMENT_ROWS, Math.floor(STATEMENT_VALUES / columns.length)));
    this.#values = new Array(this.#rows * columns.length).fill(null);
    const row = `(${columns.map(() => "?").join(", ")})`;
    const insert = (rows: number) =>
      database.prepare(
        `INSERT OR ABORT INTO ${relation} (${columnList(columns)}) VALUES ${
          new Array(rows).fill(row).join(", ")
        }`,
      );
    this.#insertOne = insert(1);
    this.#insertMany = insert(this.#rows);
  }

  /** Takes rows of a batch. Throws `invalid` for a row that the table does not take, with its number. */
  add(batch: RecordBatch, from: number, to: number): void {
    if (this.#batch !== batch || this.#fill === undefined) {
      this.#batch = batch;
      this.#fill = rowFiller(this.#action, batch, this.#columns, this.#values);
    }
    const areLarge = batch.data.byteLength > batch.numRows * LARGE_ROW_BYTES;
    for (let row = from; row < to; row++) {
      this.#fill(row, this.sent + this.#waiting, this.#waiting * this.#columns.length);
      this.#waiting++;
      if (areLarge) this.#oneByOne();
      else if (this.#waiting === this.#rows) this.#send();
    }
  }

  /** Sends what waits. */
  finish(): void {
    this.#oneByOne();
  }

  #send(): void {
    const isInTransaction = this.#database.isInTransaction;
    try {
      this.taken += this.#insertMany(this.#values);
      this.sent += this.#rows;
      this.#waiting = 0;
    } catch (error) {
      // The statement has undone all of its rows. Some errors end the transaction, and nothing may be written then.
      if (!isInTransaction || !this.#database.isInTransaction) throw error;
      this.#oneByOne();
    }
  }

  /** Finds the row that is not taken, if there is one. */
  #oneByOne(): void {
    const width = this.#columns.length;
    for (let row = 0; row < this.#waiting; row++) {
      try {
        this.taken += this.#insertOne(this.#values.slice(row * width, (row + 1) * width));
        this.sent++;
      } catch (error) {
        throw this.#atRow(error, this.sent + 1);
      }
    }
    this.#waiting = 0;
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
}
