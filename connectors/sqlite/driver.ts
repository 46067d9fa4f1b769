import { DatabaseSync } from "node:sqlite";
import { AppError } from "../../contract/errors.ts";
import type { ResultColumn, SqliteReader, SqliteRow, SqliteValue } from "./database.ts";
import { type FedRows, plainSelect, RowFeed, rowOf, rowsOfSelect, rowsOfTable } from "./row_feed.ts";

/**
 * The SQLite that is part of the runtime. It was chosen over the libsql package because that one
 * ends the whole process at a text that is not UTF-8, needs the run's process to be allowed much more
 * (--allow-sys and the environment), cannot open a file read-only, and does its file accesses
 * outside of the runtime's permissions. The files are the same.
 */

const BUSY_TIMEOUT_MS = 250;
/** Longer ones cost more as a string than as an array of bytes. */
const MAX_HEX_BYTES = 1_024;

export class SqliteDatabase implements SqliteReader, Disposable {
  readonly #database: DatabaseSync;
  readonly #subject: string;
  readonly keepsTexts = true;
  #feeds = 0;

  private constructor(database: DatabaseSync, subject: string) {
    this.#database = database;
    this.#subject = subject;
  }

  /** `subject` is what a message calls it: `read "shop.db"`. */
  static open(
    path: string,
    options: { readonly readOnly: boolean; readonly subject: string },
  ): SqliteDatabase {
    return attempt(options.subject, () => {
      const database = new DatabaseSync(path, {
        readOnly: options.readOnly,
        enableForeignKeyConstraints: false,
      });
      const opened = new SqliteDatabase(database, options.subject);
      try {
        opened.execute(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
        // The file is not looked at before the first statement that needs it.
        opened.all("SELECT count(*) FROM sqlite_master");
        return opened;
      } catch (error) {
        opened[Symbol.dispose]();
        throw error;
      }
    });
  }

  /** Runs one statement. */
  execute(sql: string): void {
    // The driver's exec() would leave the error's number out.
    attempt(this.#subject, () => void this.#database.prepare(sql).run());
  }

  /**
   * The runtime's strings end at a NUL, and have U+FFFD in place of what is not valid. Short values come in hex,
   * since a string is several times cheaper to hand over than an array of bytes.
   */
  bytesOf(value: string): string {
    return `CASE WHEN octet_length(${value}) <= ${MAX_HEX_BYTES} THEN hex(${value}) ELSE CAST(${value} AS BLOB) END`;
  }

  /** All rows of the statement at once; `subject` as in open(). Throws where SQLite could not give them all. */
  all(sql: string, subject = this.#subject, params: readonly SqliteValue[] = []): SqliteRow[] {
    return attempt(subject, () => {
      const statement = this.#database.prepare(sql);
      statement.setReadBigInts(true);
      statement.setReturnArrays(true);
      return statement.all(...params).map(rowOf);
    });
  }

  slices(
    select: string,
    params: readonly SqliteValue[],
    subject: string,
    texts: readonly number[] = [],
  ): Generator<readonly SqliteRow[]> {
    return this.#feed(rowsOfSelect(select, this.columns(select).length), params, subject, texts);
  }

  tableSlices(
    table: string,
    expressions: readonly string[],
    subject: string,
    texts: readonly number[] = [],
  ): Generator<readonly SqliteRow[]> {
    return this.#feed(rowsOfTable(table, expressions), [], subject, texts);
  }

  *#feed(
    rows: FedRows,
    params: readonly SqliteValue[],
    subject: string,
    texts: readonly number[],
  ): Generator<readonly SqliteRow[]> {
    const name = `sluice_take_${++this.#feeds}`;
    const feed = attempt(subject, () => new RowFeed(this.#database, name, rows, texts));
    const slices = feed.slices(params);
    try {
      for (;;) {
        const step = attempt(subject, () => slices.next());
        if (step.done) break;
        yield step.value;
      }
    } finally {
      slices.return(undefined);
    }
    if (!feed.isWhole) throw this.#whyUnfinished(plainSelect(rows), params, subject, feed.rows);
  }

  /** The step after `rows` rows failed; when all rows are asked for at once, the same failure is reported. */
  #whyUnfinished(
    select: string,
    params: readonly SqliteValue[],
    subject: string,
    rows: number,
  ): AppError {
    const after = `${subject} after ${rows} ${rows === 1 ? "row" : "rows"}`;
    try {
      this.all(`SELECT * FROM (${select}) LIMIT 1 OFFSET ${rows}`, after, params);
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
    return new AppError("unavailable", `Cannot ${after}: SQLite stopped there, before the last row`);
  }

  /** The columns of a SELECT, which is not run. Throws `invalid` where another statement follows it. */
  columns(sql: string): ResultColumn[] {
    return attempt(this.#subject, () => {
      const statement = this.#database.prepare(sql);
      if (statement.sourceSQL.length !== sql.length) {
        throw new AppError(
          "invalid",
          `Cannot ${this.#subject}: a query is one SELECT, and there is more than one`,
        );
      }
      return statement.columns().map(({ name, type }) => ({ name, declaredType: type }));
    });
  }

  /** Returns a function that runs the statement with its parameters and returns how many rows that changed. */
  prepare(sql: string): (params: readonly SqliteValue[]) => number {
    const statement = attempt(this.#subject, () => this.#database.prepare(sql));
    return (params) => attempt(this.#subject, () => Number(statement.run(...params).changes));
  }

  get isInTransaction(): boolean {
    return this.#database.isTransaction;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

function attempt<T>(subject: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw sqliteError(subject, error);
  }
}

/** Whether the database was locked by another connection, so that a moment later it may not be. */
export function isBusy(error: unknown): boolean {
  return error instanceof AppError && [5, 6].includes(errcodeOf(error.cause) & 0xff);
}

// https://www.sqlite.org/rescode.html, the primary codes.
const NOT_READABLE = 14;
const CODES: Readonly<Record<number, [AppError["code"], string]>> = {
  3: ["forbidden", "permission denied; let the server's user use the file"],
  5: ["unavailable", "the database is locked by another program; it is tried again later"],
  6: ["unavailable", "the database is locked by another program; it is tried again later"],
  7: ["unavailable", "memory ran out; it is tried again later"],
  8: ["forbidden", "the database is read-only; let the server's user write the file and its folder"],
  10: ["unavailable", "the disk could not be read or written; it is tried again later"],
  11: ["invalid", "the database file is damaged"],
  13: ["unavailable", "the disk is full; free some space and run it again"],
  [NOT_READABLE]: ["forbidden", "the file cannot be opened; let the server's user use it and its folder"],
  26: ["invalid", "the file is not a SQLite database"],
};

/** What the driver threw, as an AppError: `Cannot <subject>: <why>`. */
function sqliteError(subject: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return new AppError("forbidden", `Cannot ${subject}: the run may not use this path`, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  const known = CODES[(errcodeOf(error) || codeOfMessage(message)) & 0xff];
  if (known !== undefined) {
    return new AppError(known[0], `Cannot ${subject}: ${known[1]}`, { detail: message, cause: error });
  }
  const code = /no such table/i.test(message) ? "not_found" : "invalid";
  return new AppError(code, `Cannot ${subject}: ${message}`, { cause: error });
}

function errcodeOf(error: unknown): number {
  return error instanceof Error && "errcode" in error ? Number(error.errcode) : 0;
}

/** Errors of opening a file carry no number. */
function codeOfMessage(message: string): number {
  if (/unable to open database/i.test(message)) return NOT_READABLE;
  if (/not a database/i.test(message)) return 26;
  if (/readonly|read-only/i.test(message)) return 8;
  return 0;
}
