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
