import type { Client } from "@libsql/client/sqlite3";
import { DrizzleQueryError } from "drizzle-orm/errors";
import type { LibSQLDatabase } from "drizzle-orm/libsql";
import { AppError, type ErrorCode } from "../../contract/errors.ts";

/**
 * What every family of the store works on. Several statements that belong together go through
 * `batch`, never `transaction`: there is one connection, and an open transaction would hold it.
 */
export type Database = LibSQLDatabase<Record<string, never>> & { readonly $client: Client };

/**
 * Awaits one query or batch; a failure becomes an AppError that says what was being done. The
 * statement's values are left out of it: they may be anything a user put into a pipeline.
 */
export async function storing<T>(action: string, query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw storeError(action, error);
  }
}

/** `action` as `read the run`; the message is `Cannot read the run: …`. */
export function storeError(action: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const cause = error instanceof DrizzleQueryError ? error.cause : error;
  const { code, words } = meaningOf(cause);
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new AppError(code, `Cannot ${action} in the control store: ${words}`, { detail, cause });
}

/** SQLite's own class of error, as `SQLITE_BUSY`; undefined for anything else. */
function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return error.code;
}

/** Whether a file could not grow: what SQLite says of the index of its log is an I/O error. */
export function isOutOfSpace(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === "SQLITE_FULL" || code === "SQLITE_IOERR";
}

function meaningOf(error: unknown): { code: ErrorCode; words: string } {
  switch (sqliteCode(error)) {
    case "SQLITE_BUSY":
    case "SQLITE_LOCKED":
      return { code: "unavailable", words: "another process is writing it; try again" };
    case "SQLITE_FULL":
      return { code: "unavailable", words: "the disk is full; free some space" };
    case "SQLITE_READONLY":
    case "SQLITE_CANTOPEN":
    case "SQLITE_PERM":
      return { code: "unavailable", words: "its file cannot be written; check the folder and its owner" };
    case "SQLITE_IOERR":
      return { code: "unavailable", words: "the disk gave an error" };
    case "SQLITE_CORRUPT":
    case "SQLITE_NOTADB":
      return { code: "internal", words: "its file is damaged; restore it from a backup" };
    case "SQLITE_CONSTRAINT":
      return { code: "conflict", words: "it is there already, or something that it names is not" };
    case "CLIENT_CLOSED":
      return { code: "unavailable", words: "the store is closed" };
    default:
      return { code: "internal", words: "the database gave an error" };
  }
}
