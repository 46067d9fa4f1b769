import { AppError } from "../../contract/errors.ts";
import { readReport } from "./sql_error.ts";

const HELD = /Conflicting lock is held|used by another process/;
const NEWER = /version number|newer version of DuckDB|more recent version/;
const LOCKED = /Cannot open encrypted database/;
const WRONG_KEY = /Wrong encryption key|AES tag differs/;
const DAMAGED = /not a valid DuckDB database|Corrupt|Could not read enough bytes|Is a directory|checksum/;

/** Why a database could not be opened. An AppError stays what it is. */
export function toOpenError(error: unknown, path: string): AppError {
  if (error instanceof AppError) return error;
  const { type, message } = readReport(error);
  const options = { detail: message, cause: error };
  const what = `Cannot open database "${path}"`;
  if (HELD.test(message)) {
    const pid = /\(PID (\d+)\)/.exec(message)?.[1];
    return new AppError(
      "unavailable",
      `${what}: ${pid === undefined ? "another process" : `process ${pid}`} holds it`,
      options,
    );
  }
  if (LOCKED.test(message)) {
    return new AppError("invalid", `${what}: it is encrypted, and its key was not given`, options);
  }
  if (WRONG_KEY.test(message)) {
    return new AppError(
      "invalid",
      `${what}: it does not open with its key: it was encrypted by another installation or is damaged. ` +
        "It was left as it is: restore a backup that has it and its control store",
      options,
    );
  }
  if (NEWER.test(message)) {
    return new AppError("invalid", `${what}: it was written by a newer version of DuckDB`, options);
  }
  if (DAMAGED.test(message)) {
    return new AppError("invalid", `${what}: it is not a DuckDB database or it is damaged`, options);
  }
  if (/No such file/.test(message)) {
    return new AppError("not_found", `${what}: its folder does not exist`, options);
  }
  if (/Permission denied|Read-only file system/.test(message)) {
    return new AppError("forbidden", `${what}: this user may not read and write it`, options);
  }
  return new AppError(type === "IO" ? "internal" : "invalid", `${what}: ${message}`, options);
}
