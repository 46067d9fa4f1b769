import type { RunEvent } from "../../contract/run.ts";
import type { Clock } from "../../contract/clock.ts";

/** A comment this often keeps proxies from closing a silent stream, and finds out who has gone. */
const HEARTBEAT_MS = 15_000;
/** Nothing more is sent this long after the last look whether whoever asked may still see it. */
const LOOK_AGAIN_MS = 10_000;

export interface EventStreamOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether whoever asked may still look: they may have been signed out since, or lost a grant. */
  readonly mayStillLook: () => Promise<boolean>;
}

/**
 * Server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html: one of each
 * run event, pulled as the client reads. It ends with the events, when `signal` fires, or with the right to see
 * them, and an error of theirs cuts it, so that a client comes back from the last id it saw.
 */
export function eventStreamResponse(
  watch: (signal: AbortSignal) => AsyncIterable<RunEvent>,
  options: EventStreamOptions,
): Response {
  const left = new AbortController();
  const frames = encodeFrames(watch, { ...options, signal: AbortSignal.any([options.signal, left.signal]) });
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await frames.next();
        if (!done) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      // What was watched may be waiting for something to happen.
      left.abort();
    },
    async cancel() {
      left.abort();
      await frames.return(undefined);
    },
    // Nothing is asked for before it is read: the response to a HEAD never is.
  }, { highWaterMark: 0 });
  return new Response(body, {
    // Said to nginx, which else holds events back.
    headers: { "content-type": "text/event-stream", "x-accel-buffering": "no" },
  });
}

async function* encodeFrames(
  watch: (signal: AbortSignal) => AsyncIterable<RunEvent>,
  { clock, signal, mayStillLook }: EventStreamOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
  const encoder = new TextEncoder();
  const events = watch(signal)[Symbol.asyncIterator]();
  // At once, so that the client knows that it is connected before anything happens.
  yield encoder.encode(": connected\n\n");
  let next = events.next();
  let lookedAtMs = clock.now();
  try {
    while (!signal.aborted) {
      const winner = await nextOrHeartbeat(next, clock, signal);
      if (clock.now() - lookedAtMs >= LOOK_AGAIN_MS) {
        if (!await mayStillLook()) return;
        lookedAtMs = clock.now();
      }
      if (winner === undefined) {
        if (signal.aborted) return;
        yield encoder.encode(": \n\n");
        continue;
      }
      if (winner.done) return;
      yield encoder.encode(frameOf(winner.value));
      next = events.next();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    // An event that was asked for may still come, or fail: nobody waits for it any more.
    next.catch(() => {});
    events.return?.().catch(() => {});
  }
}

/** Undefined where nothing happened for so long, or the signal fired. */
async function nextOrHeartbeat<T>(
  next: Promise<T>,
  clock: Clock,
  signal: AbortSignal,
): Promise<T | undefined> {
  const won = new AbortController();
  try {
    const pause = clock.sleep(HEARTBEAT_MS, AbortSignal.any([won.signal, signal]));
    return await Promise.race([next, pause.then(() => undefined)]);
  } finally {
    won.abort();
  }
}

function frameOf(event: RunEvent): string {
  const { type, ...data } = event;
  const id = event.type === "log" ? `id: ${event.line.seq}\n` : "";
  return `${id}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}
