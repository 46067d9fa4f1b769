import type { Schema } from "apache-arrow";
import { AppError, type AppErrorOptions, type ErrorCode } from "./errors.ts";

/** A column as DuckDB names it. `type` is DuckDB's own text, as `DECIMAL(18,2)`. */
export interface Column {
  readonly name: string;
  readonly type: string;
}

/** A value bound to a parameter or set as a variable; a bigint becomes BIGINT or HUGEINT. */
export type SqlValue = string | number | bigint | boolean | null | Date;

/** One row of a small result: JSON-safe values, bigints beyond 2^53 and decimals as text. */
export type SqlRow = Readonly<Record<string, string | number | boolean | null>>;

/**
 * What the SQL part and the steps of a run need of a database: DuckDB through engine/duckdb.
 * One session is one connection; statements run one after the other.
 */
export interface SqlSession {
  /** Runs one or more statements; returns how many rows the last one changed (0 where none). */
  run(sql: string, params?: readonly SqlValue[]): Promise<number>;
  /** A small result, whole. */
  rows(sql: string, params?: readonly SqlValue[]): Promise<SqlRow[]>;
  /** Columns of a query, bound but not run. Throws SqlError with the position of the fault. */
  describe(sql: string): Promise<Column[]>;
  /** All of `work` in one transaction: commits when it returns, rolls back when it throws. */
  transaction<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Inserts a row into a table at the end of the transaction that is under way, all rows of a table by one statement;
   * nothing in the transaction sees it, and what it fails with the transaction fails with. Without a transaction it is
   * inserted at once. `row` is SQL: `(1, 'a')`.
   */
  insertAtCommit(table: string, row: string): Promise<void>;
  /** `SET VARIABLE name = value`. Values are bound; a Date is TIMESTAMP WITH TIME ZONE. */
  setVariable(name: string, value: SqlValue): Promise<void>;
  /**
   * Sets variables to constants of SQL, to what a query in parentheses gives, or to nothing. Those that this has set to
   * the same constant last take no statement: whoever sets them otherwise uses `setVariable`.
   */
  setVariables(values: Readonly<Record<string, string | null>>): Promise<void>;
  /** DuckDB column definitions of an Arrow schema, see contract/arrow.ts. */
  columnsOf(schema: Schema): Column[];
}

/** An error of DuckDB. `position` counts UTF-16 units from 0 in the SQL that was given. */
export class SqlError extends AppError {
  /** DuckDB's own class of error, as `Binder`, `Catalog`, `Conversion`, `Out of Memory`, `IO`. */
  readonly type: string;
  readonly position: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: AppErrorOptions & { readonly type: string; readonly position?: number },
  ) {
    super(code, message, options);
    this.type = options.type;
    this.position = options.position;
  }
}

/** The reason of a SqlError by which DuckDB met a limit of the run: it says nothing about the data. */
export const OUT_OF_MEMORY = "out_of_memory";

/** `"` quoted, for an identifier of DuckDB, PostgreSQL or SQLite. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `'` quoted, for a literal of DuckDB, or of PostgreSQL with standard_conforming_strings. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * What is equal for names that DuckDB takes for the same: for it only the case of ASCII letters does not
 * count, so that "ID" and "id" are one column, and "Ä" and "ä" are two.
 */
export function nameKey(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Whether DuckDB takes the two for the name of the same table, column or variable. */
export function isSameName(one: string, other: string): boolean {
  return nameKey(one) === nameKey(other);
}

/** The column that DuckDB finds by the name, or undefined. */
export function findColumn<T extends Column>(columns: readonly T[], name: string): T | undefined {
  return columns.find((column) => isSameName(column.name, name));
}
