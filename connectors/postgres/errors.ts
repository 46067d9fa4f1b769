import { AppError, type ErrorCode, toAppError } from "../../contract/errors.ts";
import { ConnectionLostError, HandshakeError, ServerError } from "./session/server_error.ts";

/**
 * SQLSTATEs that say more than their class. Of what may pass by itself only is `unavailable`, so that it
 * is tried again. Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const CODES: Readonly<Record<string, ErrorCode>> = {
  "0P000": "forbidden",
  "28000": "unauthorized",
  "28P01": "unauthorized",
  "3D000": "not_found",
  "3F000": "not_found",
  "42P01": "not_found",
  "42501": "forbidden",
  "25006": "forbidden",
  "25P03": "timeout",
  "25P04": "timeout",
  "57014": "timeout",
  "57P04": "not_found",
  "58P01": "invalid",
  "58P02": "invalid",
  "XX001": "invalid",
  "XX002": "invalid",
  // Tried again, these have a chance: another transaction was in the way.
  "40001": "unavailable",
  "40003": "unavailable",
  "40P01": "unavailable",
  "55P03": "unavailable",
};

const CLASSES: Readonly<Record<string, ErrorCode>> = {
  "08": "unavailable",
  "53": "unavailable",
  "57": "unavailable",
  "58": "unavailable",
  "XX": "internal",
};

/** What the server says of data, statements, limits, and what its functions and triggers raise, it will say again. */
const codeOfSqlState = (state: string): ErrorCode => CODES[state] ?? CLASSES[state.slice(0, 2)] ?? "invalid";

/** `action` is what was tried, as `Cannot load "public.orders"`; the rest of the message is what it met. */
export function toPostgresError(action: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof ServerError) {
    const { code, message, detail, hint } = error.fields;
    const advice = adviceFor(code, message) ?? hint;
    // Of a constraint that is violated, only the detail names the key.
    const met = code.startsWith("23") && detail !== undefined ? `${message}: ${detail}` : message;
    const sentence = advice === undefined ? met : `${met} (${advice})`;
    return new AppError(codeOfSqlState(code), `${action}: ${sentence}`, {
      detail: detailOf(error),
      cause: error,
    });
  }
  if (error instanceof ConnectionLostError) {
    return new AppError("unavailable", `${action}: ${error.message}`, { cause: error });
  }
  if (error instanceof HandshakeError) {
    const code = error.kind === "authentication" ? "unauthorized" : "unavailable";
    return new AppError(code, `${action}: ${error.message}`, { cause: error });
  }
  return toAppError(error);
}

/** SQLSTATE and everything else that the server said. */
export function detailOf(error: ServerError): string {
  const { code, detail, hint, where, position, constraint } = error.fields;
  return [
    `SQLSTATE ${code}`,
    detail,
    hint === undefined ? undefined : `hint: ${hint}`,
    where,
    position === undefined ? undefined : `at character ${position} of the statement`,
    constraint === undefined ? undefined : `constraint ${constraint}`,
  ].filter((part) => part !== undefined).join("; ");
}

function adviceFor(code: string, message: string): string | undefined {
  if (code === "28000" && /no encryption|SSL off/.test(message)) return "set ssl: require";
  if (code === "28P01") return "check user and password";
  if (code === "25006") {
    return "a stream is read in a transaction that may not write; take that out of the query";
  }
  if (code === "42501" && /row-level security/.test(message)) {
    return "it would hide rows from the load; let the load's user own the table, or have BYPASSRLS";
  }
  if (code === "23503" && /^update or delete/.test(message)) {
    return "its rows are referred to; load with mode: merge, which deletes none";
  }
  if (code === "0A000" && /during recovery/.test(message)) {
    return "the server is a standby; load into its primary";
  }
  return undefined;
}
