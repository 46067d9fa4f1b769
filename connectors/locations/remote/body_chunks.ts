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

/**
 * All bytes of a body in one piece, which is fastest where it is known how many there will be: pieces that are brought together
 * later take twice the time. `onBytes` is called as they come, with their number so far. Throws what the body does, what `onBytes`
 * does, and the signal's reason.
 */
export async function wholeBody(
  body: ReadableStream<Uint8Array>,
  expectedBytes: number,
  onBytes: (sizeBytes: number) => void,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader({ mode: "byob" });
  const stop = () => void reader.cancel().catch(() => {});
  signal?.addEventListener("abort", stop, { once: true });
  // With room for one more its end shows itself.
  let buffer = new ArrayBuffer(expectedBytes + 1);
  let size = 0;
  let min = 1;
  try {
    signal?.throwIfAborted();
    for (;;) {
      const start = performance.now();
      const room = new Uint8Array(buffer, size);
      const { value, done } = await reader.read(room, { min: Math.min(min, room.length) });
      signal?.throwIfAborted();
      if (value === undefined) throw new Error("The body was cancelled");
      buffer = value.buffer;
      size += value.length;
      if (done) return new Uint8Array(buffer, 0, size);
      onBytes(size);
      min = performance.now() - start < QUICK_MS ? Math.min(min * 8, MOST_BYTES) : 1;
      if (size === buffer.byteLength) buffer = buffer.transfer(2 * size);
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    await reader.cancel().catch(() => {});
  }
}
