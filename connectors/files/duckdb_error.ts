import { UNHELD_VALUE } from "../../contract/connector/destination.ts";
import { AppError } from "../../contract/errors.ts";
import { OUT_OF_MEMORY } from "../../contract/sql.ts";
import { fileError } from "../locations/file_error.ts";

/** An error of DuckDB's COPY while it wrote this path. */
export function copyError(path: string, error: unknown): AppError {
  const message = error instanceof Error ? error.message : String(error);
  if (/No space left|Disk quota|Read-only file system|Permission denied/i.test(message)) {
    return fileError("write", path, new Error(message, { cause: error }));
  }
  const unheld = new RegExp(`${UNHELD_VALUE}([^]*?)(?:\\n\\nLINE |$)`).exec(driverMessage(error))?.[1];
  if (unheld !== undefined) {
    return new AppError("invalid", `Cannot write "${path}": ${unheld}`, { cause: error });
  }
  if (error instanceof AppError) return error;
  return new AppError("internal", `Cannot write "${path}": ${message}`, { cause: error });
}

/** DuckDB's own words, which its wrapped error may have shortened. */
export function driverMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const raw = error instanceof Error && error.cause instanceof Error ? error.cause.message : message;
  const json = /"exception_message":"((?:[^"\\]|\\.)*)"/.exec(raw)?.[1];
  if (json === undefined) return raw;
  const text: unknown = JSON.parse(`"${json}"`);
  return typeof text === "string" ? text : raw;
}

/** Whether the error says nothing about the data: the run was stopped, or memory ran out. */
export function isOutside(error: unknown): error is AppError {
  return error instanceof AppError &&
    (error.reason === OUT_OF_MEMORY ||
      ["cancelled", "timeout", "unavailable", "forbidden"].includes(error.code));
}
