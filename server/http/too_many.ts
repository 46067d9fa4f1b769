import { HttpError } from "./problem.ts";

/** Status 429, with when to try again. */
export function retryLater(
  message: string,
  waitMs: number,
  reason: "too_many_attempts" | "too_many_requests",
): HttpError {
  return new HttpError(429, "unavailable", message, { "retry-after": String(wholeSeconds(waitMs)) }, {
    reason,
  });
}

/** Status 429 for whoever has to wait for others' failures, or their own: `what` as "wrong passwords". */
export function tooManyAttempts(what: string, waitMs: number, otherwise = ""): HttpError {
  const message = `Too many ${what}: wait ${wholeSeconds(waitMs)} seconds${otherwise}`;
  return retryLater(message, waitMs, "too_many_attempts");
}

/** As Retry-After has it: never none. */
export const wholeSeconds = (waitMs: number): number => Math.max(1, Math.ceil(waitMs / 1_000));
