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

export interface AppErrorOptions {
  /** More for the operator: the driver's own words, a SQL text. Never a secret. */
  readonly detail?: string;
  readonly faults?: readonly Fault[];
  readonly cause?: unknown;
}

export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly faults: readonly Fault[];

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    this.faults = options.faults ?? [];
  }
}

/** The error as it crosses a process boundary or is stored. */
export interface ErrorRecord {
  readonly code: ErrorCode;
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

export function toErrorRecord(error: unknown): ErrorRecord {
  const { code, message, detail } = toAppError(error);
  return detail === undefined ? { code, message } : { code, message, detail };
}
