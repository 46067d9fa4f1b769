/**
 * What is asked for with one read of an answer's body. A read costs the same for a few bytes as for many, so that the
 * pieces of a network, of some kilobytes, take several times as long as these.
 */
const LEAST_BYTES = 64 * 1024;
const MOST_BYTES = 1024 * 1024;
/** Where a piece takes less the next one is larger; where it takes longer the next one begins anew, whatever is there. */
const QUICK_MS = 50;
const SLOW_MS = 500;

/**
 * The bytes of a body as they come: soon where they come slowly, and in large pieces where they come quickly. Throws
 * what the body does, and the signal's reason. Who takes no more of them ends the transfer, and so does the signal.
 */
export async function* bodyChunks(
  body: ReadableStream<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const reader = body.getReader({ mode: "byob" });
  const stop = () => void reader.cancel().catch(() => {});
  signal?.addEventListener("abort", stop, { once: true });
  let size = LEAST_BYTES;
  let min = 1;
  try {
    signal?.throwIfAborted();
    for (;;) {
      const start = performance.now();
      const { value } = await reader.read(new Uint8Array(size), { min });
      // What was cancelled looks as if it had ended.
      signal?.throwIfAborted();
      if (value === undefined || value.length === 0) return;
      yield value;
      const tookMs = performance.now() - start;
      if (tookMs > SLOW_MS) [size, min] = [LEAST_BYTES, 1];
      else if (tookMs < QUICK_MS) min = size = Math.min(size * 2, MOST_BYTES);
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    await reader.cancel().catch(() => {});
  }
}
