import { StreamsFailed } from "../contract/connector/changes.ts";
import { type ErrorCode, toAppError } from "../contract/errors.ts";

/** What a stream's rows, columns or contract cause; not what the system, the disk or a stop does. */
const OF_STREAM: readonly ErrorCode[] = ["invalid", "not_found", "forbidden"];

/** What to throw for an error in the work of one followed stream: StreamsFailed where it is the stream's own, else the error. */
export function ofStream(name: string, error: unknown): unknown {
  const failure = toAppError(error);
  if (failure instanceof StreamsFailed) return failure;
  return OF_STREAM.includes(failure.code) ? new StreamsFailed(new Map([[name, failure]])) : error;
}
