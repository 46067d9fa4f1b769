import type { Budget } from "../../../contract/connector/connector.ts";
import type { ReadMessage, ReadRequest, Source, StreamRequest } from "../../../contract/connector/source.ts";
import { readInThread, type ThreadedReadOptions } from "./threaded_read.ts";

/** Below this a read is over before a thread has begun. */
const MIN_ROWS = 100_000;

/**
 * The source with its large reads in threads of their own, each with a connection of its own that
 * takes a place of the budget. A budget of one place is left to the connection that is there.
 */
export function threadedSource(source: Source, budget: Budget, options: ThreadedReadOptions): Source {
  if (source.estimateRows === undefined || budget.limit < 2) return source;
  // Who shows how far a read is has asked already.
  const estimates = new WeakMap<StreamRequest, Promise<number | null>>();
  const estimate = (stream: StreamRequest, signal: AbortSignal) => {
    const known = estimates.get(stream) ?? source.estimateRows?.(stream, signal) ?? Promise.resolve(null);
    estimates.set(stream, known);
    return known;
  };
  return {
    pushdown: source.pushdown,
    describe: (stream, signal) => source.describe(stream, signal),
    ...(source.discover === undefined ? {} : { discover: source.discover.bind(source) }),
    ...(source.partition === undefined ? {} : { partition: source.partition.bind(source) }),
    ...(source.scan === undefined ? {} : { scan: source.scan.bind(source) }),
    ...(source.greatest === undefined ? {} : { greatest: source.greatest.bind(source) }),
    ...(source.follow === undefined ? {} : { follow: source.follow.bind(source) }),
    ...(source.followed === undefined ? {} : { followed: source.followed.bind(source) }),
    ...(source.unfollow === undefined ? {} : { unfollow: source.unfollow.bind(source) }),
    estimateRows: estimate,
    read: (request, signal) =>
      readAsSized({ ...source, estimateRows: estimate }, budget, options, request, signal),
  };
}

async function* readAsSized(
  source: Source,
  budget: Budget,
  options: ThreadedReadOptions,
  request: ReadRequest,
  signal: AbortSignal,
): AsyncGenerator<ReadMessage, void, undefined> {
  const [stream, other] = request.streams;
  const rows = stream === undefined || other !== undefined
    ? null
    : await source.estimateRows?.(stream, signal) ?? null;
  if (rows === null || rows < MIN_ROWS) {
    yield* source.read(request, signal);
    return;
  }
  using _place = await budget.acquire(signal);
  yield* readInThread(options, request, signal);
}
