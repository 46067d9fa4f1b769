import { DatabaseSync } from "node:sqlite";
import { AppError } from "../../contract/errors.ts";

/**
 * The SQLite that is part of the runtime. It was chosen over the libsql package because that one
 * ends the whole process at a text that is not UTF-8, needs the run's process to be allowed much more
 * (--allow-sys and the environment), cannot open a file read-only, and does its file accesses
 * outside of the runtime's permissions. The files are the same.
 */

/** What SQLite holds; integers are always bigints. */
export type SqliteValue = null | bigint | number | string | Uint8Array;
export type SqliteRow = readonly SqliteValue[];

const BUSY_TIMEOUT_MS = 250;

export interface ResultColumn {
  readonly name: string;
  /** As the table declares it; null for an expression. */
  readonly declaredType: string | null;
}

export class SqliteDatabase implements Disposable {
  readonly #database: DatabaseSync;
  readonly #subject: string;

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

  all(sql: string, ...params: readonly SqliteValue[]): SqliteRow[] {
    return [...this.iterate(sql, ...params)];
  }

  /** The columns of a SELECT, which is not run. */
  columns(sql: string): ResultColumn[] {
    return attempt(
      this.#subject,
      () => this.#database.prepare(sql).columns().map(({ name, type }) => ({ name, declaredType: type })),
    );
  }

  *iterate(sql: string, ...params: readonly SqliteValue[]): Generator<SqliteRow> {
    const rows = attempt(this.#subject, () => {
      const statement = this.#database.prepare(sql);
      statement.setReadBigInts(true);
      statement.setReturnArrays(true);
      return statement.iterate(...params)[Symbol.iterator]();
    });
    for (;;) {
      const step = attempt(this.#subject, () => rows.next());
      if (step.done) return;
      if (!isRow(step.value)) throw new AppError("internal", "SQLite gave a row of an unknown shape");
      yield step.value;
    }
  }

  /** Answers a function that runs the statement with its parameters, and how many rows that changed. */
  prepare(sql: string): (params: readonly SqliteValue[]) => number {
    const statement = attempt(this.#subject, () => this.#database.prepare(sql));
    return (params) => attempt(this.#subject, () => Number(statement.run(...params).changes));
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

function isRow(value: unknown): value is SqliteRow {
  return Array.isArray(value);
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
  return error instanceof AppError && error.code === "unavailable" && error.message.includes("is locked");
}

// https://www.sqlite.org/rescode.html, the primary codes.
const NOT_READABLE = 14;
const CODES: Readonly<Record<number, [AppError["code"], string]>> = {
  3: ["forbidden", "permission denied; let the server's user use the file"],
  5: ["unavailable", "the database is locked by another program; it is tried again later"],
  6: ["unavailable", "the database is locked by another program; it is tried again later"],
  8: ["forbidden", "the database is read-only; let the server's user write the file and its folder"],
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
  const errcode = error instanceof Error && "errcode" in error ? Number(error.errcode) : undefined;
  const known = CODES[(errcode ?? codeOfMessage(message)) & 0xff];
  if (known !== undefined) {
    return new AppError(known[0], `Cannot ${subject}: ${known[1]}`, { detail: message, cause: error });
  }
  const code = /no such table/i.test(message) ? "not_found" : "invalid";
  return new AppError(code, `Cannot ${subject}: ${message}`, { cause: error });
}

/** Errors of opening a file carry no number. */
function codeOfMessage(message: string): number {
  if (/unable to open database/i.test(message)) return NOT_READABLE;
  if (/not a database/i.test(message)) return 26;
  if (/readonly|read-only/i.test(message)) return 8;
  return 0;
}
