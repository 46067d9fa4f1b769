import { StreamsFailed } from "../contract/connector/changes.ts";
import { type AppError, type ErrorCode, toAppError } from "../contract/errors.ts";

/** What a stream's rows, columns or contract cause; not what the system, the disk or a stop does. */
const OF_STREAM: readonly ErrorCode[] = ["invalid", "not_found", "forbidden"];

/** What to throw for an error in the work of one followed stream: StreamsFailed where it is the stream's own, else the error. */
export function ofStream(name: string, error: unknown): unknown {
  const failure = toAppError(error);
  if (failure instanceof StreamsFailed) return failure;
  return OF_STREAM.includes(failure.code) ? new StreamsFailed(new Map([[name, failure]])) : error;
}

/**
 * Does the work for each stream, one after the other; returns what it returns. Throws StreamsFailed with all of those
 * that cannot be followed, and at once what is no stream's own.
 */
export async function ofEachStream<S extends { readonly name: string }, T>(
  streams: readonly S[],
  work: (stream: S) => Promise<T>,
): Promise<readonly T[]> {
  const done: T[] = [];
  const errors = new Map<string, AppError>();
  for (const stream of streams) {
    try {
      done.push(await work(stream));
    } catch (error) {
      const failure = ofStream(stream.name, error);
      if (!(failure instanceof StreamsFailed)) throw failure;
      for (const [name, found] of failure.errors) errors.set(name, found);
    }
  }
  if (errors.size > 0) throw new StreamsFailed(errors);
  return done;
}
