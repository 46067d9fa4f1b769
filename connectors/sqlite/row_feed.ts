import type { DatabaseSync, StatementSync } from "node:sqlite";
import { AppError } from "../../contract/errors.ts";
import type { SqliteRow, SqliteValue } from "./database.ts";

/**
 * The rows of a SELECT, in slices. SQLite gives each row to a function of ours, which stands in the WHERE of a query
 * around it: a call with all values of a row costs half of what the runtime takes to give out the row itself, and the
 * statement stops only where a slice is whole. A string comes to a function with the NULs in it, too.
 *
 * The runtime's iterator ends without an error where a step of the statement fails, as if there were no more rows. So
 * a row is put after the last one, and that one alone says that the rows are whole.
 */

const SLICE_ROWS = 1_024;
/** Characters and bytes. */
const SLICE_SIZE = 1024 * 1024;
/** SQLite takes 1,000; see sqlite3_limit. */
const MAX_ARGUMENTS = 500;
/** What the runtime puts in place of bytes that are no text. */
const REPLACEMENT = "\ufffd";

/** Rows that a feed is asked for. */
export interface FedRows {
  /** What stands before the SELECT. */
  readonly before: string;
  /** Expressions. */
  readonly columns: readonly string[];
  readonly from: string;
}

/** The rows of a SELECT, which may have an order. A LIMIT keeps SQLite from asking for the condition within it, where it may have more rows. */
export function rowsOfSelect(select: string, columns: number): FedRows {
  const names = Array.from({ length: columns }, (_, index) => `c${index}`);
  const before = `WITH rows_(${names.join(", ")}) AS (${select}\nLIMIT -1 OFFSET 0)`;
  return { before, columns: names, from: "rows_" };
}

/** The same rows by a SELECT alone. */
export const plainSelect = ({ before, columns, from }: FedRows): string =>
  `${before} SELECT ${columns.join(", ")} FROM ${from}`;

/** All rows of a table, in the order in which they are stored: a tenth less work than by a SELECT within another. */
export function rowsOfTable(table: string, columns: readonly string[]): FedRows {
  return { before: "", columns, from: `${table} NOT INDEXED` };
}

export class RowFeed {
  /** Given so far. */
  rows = 0;
  /** Whether the last row was given. */
  isWhole = false;
  readonly #statement: StatementSync;
  readonly #texts: ReadonlySet<number>;
  #slice: SqliteRow[] = [];
  #size = 0;
  /** The first columns of a row that SQLite gives in several parts. */
  #begun: SqliteValue[] = [];

  /**
   * `name` is one that no other feed of the connection has. Columns of `texts` are given as SqliteReader.slices() says.
   * Throws what the driver does.
   */
  constructor(
    database: DatabaseSync,
    name: string,
    { before, columns, from }: FedRows,
    texts: readonly number[],
  ) {
    this.#texts = new Set(texts);
    const condition = this.#conditionOf(database, name, columns, 0);
    this.#statement = database.prepare(
      `${before} SELECT 0 FROM ${from} WHERE ${condition} UNION ALL SELECT 1`,
    );
    this.#statement.setReturnArrays(true);
  }

  /** Gives the columns from `from` on to functions, and is true where the slice is whole. */
  #conditionOf(database: DatabaseSync, name: string, columns: readonly string[], from: number): string {
    const to = Math.min(from + MAX_ARGUMENTS, columns.length);
    const parts = columns.slice(from, to);
    const isLast = to === columns.length;
    const [take, takeBytes] = [`${name}_${from}`, `${name}_${from}_bytes`];
    const options = { varargs: true, useBigIntArguments: true };
    const add = (values: SqliteValue[]) => isLast ? this.#end(values) : this.#begin(values);
    database.function(take, options, (...values: SqliteValue[]) => {
      return this.#isTaken(values, from) ? add(values) : null;
    });
    database.function(takeBytes, options, (...values: SqliteValue[]) => add(values));
    const bytes = parts.map((column, index) =>
      this.#texts.has(from + index)
        ? `CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) WHEN 'blob' THEN 0 ELSE ${column} END`
        : column
    );
    const taken = `coalesce(${take}(${parts.join(", ")}), ${takeBytes}(${bytes.join(", ")}))`;
    return isLast ? taken : `CASE WHEN ${taken} THEN ${this.#conditionOf(database, name, columns, to)} END`;
  }

  /** Counts what the values take. False where a text may not be what SQLite has, or is none. */
  #isTaken(values: readonly SqliteValue[], from: number): boolean {
    let size = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (typeof value === "string") {
        size += value.length;
        if (value.includes(REPLACEMENT) && this.#texts.has(from + i)) return false;
      } else if (typeof value === "object" && value !== null) {
        size += value.length;
        if (this.#texts.has(from + i)) return false;
      }
    }
    this.#size += size;
    return true;
  }

  #begin(values: readonly SqliteValue[]): number {
    this.#begun.push(...values);
    return 1;
  }

  #end(values: SqliteValue[]): number {
    if (this.#begun.length === 0) this.#slice.push(values);
    else {
      this.#slice.push([...this.#begun, ...values]);
      this.#begun = [];
    }
    return this.#slice.length >= SLICE_ROWS || this.#size >= SLICE_SIZE ? 1 : 0;
  }

  /** To be gone through once. Ends early, and `isWhole` stays false, where a step of the statement fails. */
  *slices(params: readonly SqliteValue[]): Generator<readonly SqliteRow[]> {
    const steps = this.#statement.iterate(...params)[Symbol.iterator]();
    try {
      for (let step = steps.next(); !step.done; step = steps.next()) {
        const [end] = rowOf(step.value);
        if (this.#slice.length > 0) {
          const slice = this.#slice;
          this.rows += slice.length;
          this.#slice = [];
          this.#size = 0;
          yield slice;
        }
        this.isWhole = end === 1;
      }
      // Before a step that failed.
      this.rows += this.#slice.length;
    } finally {
      steps.return?.();
    }
  }
}

/** A row as the runtime gives it where it was asked for arrays. */
export function rowOf(value: unknown): readonly (SqliteValue | number)[] {
  if (!isRow(value)) throw new AppError("internal", "SQLite gave a row of an unknown shape");
  return value;
}

function isRow(value: unknown): value is SqliteRow {
  return Array.isArray(value);
}
