import * as v from "valibot";
import { pipelineSummarySchema } from "../../contract/run.ts";
import { AppError, type AppErrorOptions, ERROR_CODES, type ErrorCode } from "../../contract/errors.ts";

/** Errors as the API says them: RFC 9457, https://www.rfc-editor.org/rfc/rfc9457. */

export const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  not_found: 404,
  conflict: 409,
  unauthorized: 401,
  forbidden: 403,
  unavailable: 503,
  timeout: 504,
  cancelled: 503,
  internal: 500,
};

/** Where an error's reason says more precisely than its code which status it is. */
const STATUS_OF_REASON: Readonly<Record<string, number>> = {
  idempotency_key_reused: 422,
  unknown_cursor: 422,
  media_type: 415,
  too_large: 413,
  too_many_attempts: 429,
  too_many_requests: 429,
};

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** An error of HTTP itself, for which the code alone does not tell the status. */
export class HttpError extends AppError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    options: AppErrorOptions = {},
  ) {
    super(code, message, options);
    this.status = status;
    this.headers = headers;
  }
}

export const problemSchema = v.object({
  type: v.pipe(v.string(), v.description("Always about:blank: the code says what kind of error it is.")),
  title: v.pipe(v.string(), v.description("The status in words.")),
  status: v.pipe(v.number(), v.integer(), v.description("The HTTP status.")),
  detail: v.pipe(v.string(), v.description("What went wrong and what to do about it.")),
  code: v.pipe(v.picklist(ERROR_CODES), v.description("What kind of error it is.")),
  reason: v.exactOptional(
    v.pipe(v.string(), v.description("Tells errors of one code apart, as idempotency_key_reused.")),
  ),
  faults: v.exactOptional(pipelineSummarySchema.entries.faults),
  request_id: v.pipe(v.string(), v.description("Names the request in the server's log.")),
});
export type Problem = v.InferOutput<typeof problemSchema>;

export function statusOf(error: AppError): number {
  if (error instanceof HttpError) return error.status;
  const byReason = error.reason === undefined ? undefined : STATUS_OF_REASON[error.reason];
  return byReason ?? STATUS[error.code];
}

/** An internal error shows nothing but the request's id; the log has the rest. */
export function problemOf(error: AppError, requestId: string): Problem {
  const status = statusOf(error);
  return {
    type: "about:blank",
    title: TITLES[status] ?? "Error",
    status,
    detail: error.code === "internal"
      ? `The server met an error of its own; its log has it under the request id ${requestId}`
      : error.message,
    code: error.code,
    ...(error.reason === undefined ? {} : { reason: error.reason }),
    ...(error.faults.length > 0 ? { faults: [...error.faults] } : {}),
    request_id: requestId,
  };
}

export function problemResponse(error: AppError, requestId: string): Response {
  const problem = problemOf(error, requestId);
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      "content-type": "application/problem+json",
      ...(problem.status === 401 ? { "www-authenticate": 'Bearer realm="sluice"' } : {}),
      ...(error instanceof HttpError ? error.headers : {}),
    },
  });
}
