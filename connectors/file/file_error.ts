import { AppError, type ErrorCode } from "../../contract/errors.ts";

type Action = "read" | "write";

/** An error of the file system as one that says what was done to which file, and what to do. */
export function fileError(action: Action, path: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const [code, what] = describe(action, error);
  return new AppError(code, `Cannot ${action} "${path}": ${what}`, { cause: error });
}

function describe(action: Action, error: unknown): [ErrorCode, string] {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT" || /No space left|Disk quota/i.test(message)) {
    return ["unavailable", "the disk is full; free some space and run it again"];
  }
  if (code === "EROFS" || /Read-only file system/i.test(message)) {
    return ["forbidden", "the file system is read-only"];
  }
  if (error instanceof Deno.errors.PermissionDenied || /Permission denied/i.test(message)) {
    return ["forbidden", `permission denied; let the server's user ${action} it`];
  }
  if (error instanceof Deno.errors.NotCapable) return ["forbidden", "the run may not use this path"];
  if (error instanceof Deno.errors.NotFound) return ["not_found", "it does not exist"];
  if (code === "ENOTDIR" || error instanceof Deno.errors.NotADirectory) {
    return ["invalid", "a part of the path is a file, not a folder"];
  }
  if (error instanceof Deno.errors.IsADirectory) return ["invalid", "it is a folder"];
  return ["internal", message];
}

/** An error of DuckDB's COPY while it wrote this path. */
export function copyError(path: string, error: unknown): AppError {
  const message = error instanceof Error ? error.message : String(error);
  if (/No space left|Disk quota|Read-only file system|Permission denied/i.test(message)) {
    return fileError("write", path, new Error(message, { cause: error }));
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
    ["cancelled", "timeout", "unavailable", "forbidden"].includes(error.code);
}
