import type { Fault } from "../text/fault.ts";

/**
 * The one error type of the house. `code` says what kind of failure it is, and everything that
 * decides (retry, HTTP status, exit code) reads the code, never the message.
 */

export const ERROR_CODES = [
  "invalid",
  "not_found",
  "conflict",
  "unauthorized",
  "forbidden",
  "unavailable",
  "timeout",
  "cancelled",
  "internal",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Whether the same work, tried again without a change, has a chance. */
export const IS_RETRYABLE: Readonly<Record<ErrorCode, boolean>> = {
  invalid: false,
  not_found: false,
  conflict: false,
  unauthorized: false,
  forbidden: false,
  unavailable: true,
  timeout: true,
  cancelled: false,
  internal: true,
};

/** The reason of an error about a control store that an older version made, and that was not to be brought up to date. */
export const OLD_STORE = "old_store";

/** The reason of an error about a table that is there and has no column to read. */
export const NO_COLUMNS = "no_columns";

/** The reason of an error about a scan that rested on the beginnings of its files, and they go on in another way. */
export const GUESS_FAILED = "guess_failed";

export interface AppErrorOptions {
  /** What code that catches the error can recognise it by, in snake_case, as `idempotency_key_reused`. */
  readonly reason?: string;
  /** More for the operator: the driver's own words, a SQL text. Never a secret. */
  readonly detail?: string;
  readonly faults?: readonly Fault[];
  readonly cause?: unknown;
}

/**
 * Every failure that a caller may meet. `message` is for people and says what was done to what, what it met,
 * and what to do about it; `code` decides about status, exit code and retry. Neither holds a secret.
 */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  /** Tells errors of one code apart; messages are for people and may change. */
  readonly reason: string | undefined;
  readonly detail: string | undefined;
  readonly faults: readonly Fault[];

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.detail = options.detail;
    this.faults = options.faults ?? [];
  }
}

/** The error as it crosses a process boundary or is stored. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly reason?: string;
  readonly message: string;
  readonly detail?: string;
}

/** Any thrown value as an AppError; an unknown one becomes `internal` and keeps its cause. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof DOMException && error.name === "AbortError") {
    return new AppError("cancelled", error.message, { cause: error });
  }
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return new AppError("timeout", error.message, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new AppError("internal", message, { cause: error });
}

/** Any thrown value as the record of it, see toAppError; its stack and cause are left out. */
export function toErrorRecord(error: unknown): ErrorRecord {
  const { code, reason, message, detail } = toAppError(error);
  return {
    code,
    ...(reason === undefined ? {} : { reason }),
    message,
    ...(detail === undefined ? {} : { detail }),
  };
}

/** What is kept of one error, in UTF-16 units: a driver may put a whole document into its message. */
const MAX_MESSAGE_LENGTH = 8_192;
const MAX_DETAIL_LENGTH = 65_536;

/**
 * The record as it may be stored and sent: 8 Ki of message and 64 Ki of detail at most, and no half of
 * a surrogate pair, which neither JSON's readers nor SQLite would give back as it was. To be called
 * after secrets were taken out: half of one would not be recognised.
 */
export function boundErrorRecord(error: ErrorRecord): ErrorRecord {
  return {
    ...error,
    message: boundText(error.message, MAX_MESSAGE_LENGTH),
    ...(error.detail === undefined ? {} : { detail: boundText(error.detail, MAX_DETAIL_LENGTH) }),
  };
}

/** The record as lists show it: who wants the detail asks for the one run. */
export function withoutDetail(error: ErrorRecord | null): ErrorRecord | null {
  if (error === null) return null;
  const { detail: _detail, ...rest } = error;
  return rest;
}

function boundText(text: string, limit: number): string {
  if (text.length <= limit) return text.toWellFormed();
  const cut = ` … (${text.length - limit} more characters)`;
  return (text.slice(0, limit).replace(/[\ud800-\udbff]$/, "") + cut).toWellFormed();
}
