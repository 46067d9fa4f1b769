import { WireError } from "./wire.ts";

const EMPTY = new Uint8Array(0);
/**
 * The server sends each row as a chunk of its own, and a read of one costs more than all else that is done with
 * it: so many bytes are waited for, as far as there are more.
 */
const READ_BYTES = 128 * 1024;

/** The messages of an answer of any length, each with its own length before it. */
export class FrameReader {
  readonly #reader: ReadableStreamBYOBReader | undefined;
  /** What came and was not given yet, from `#at` on. */
  #held: Uint8Array = EMPTY;
  #at = 0;
  /** How many bytes the next message wants from `#at` on, as far as that is known. */
  #wanted = 1;

  constructor(response: Response) {
    this.#reader = response.body?.getReader({ mode: "byob" });
  }

  /** The next message that is here, as a view that stays as it is; undefined where more has to come first. */
  take(): Uint8Array | undefined {
    let length = 0;
    let factor = 1;
    for (let at = this.#at; at < this.#held.length; at++) {
      const byte = this.#held[at] ?? 0;
      length += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte > 0x7f) continue;
      const start = at + 1;
      this.#wanted = start + length - this.#at;
      if (start + length > this.#held.length) return undefined;
      this.#at = start + length;
      this.#wanted = 1;
      return this.#held.subarray(start, this.#at);
    }
    return undefined;
  }

  /** Waits for more; false at the end. Throws WireError where the answer ends within a message. */
  async fill(): Promise<boolean> {
    const rest = this.#held.subarray(this.#at);
    const chunks = rest.length === 0 ? [] : [rest];
    let bytes = rest.length;
    do {
      const space = new Uint8Array(READ_BYTES * 2);
      const { value } = await this.#reader?.read(space, { min: READ_BYTES }) ?? { value: undefined };
      if (value === undefined || value.length === 0) {
        if (bytes === 0) return false;
        throw new WireError("the answer ends within a message");
      }
      chunks.push(value);
      bytes += value.length;
      // The chunks of a long value are put together once.
    } while (bytes < this.#wanted);
    this.#held = joined(chunks, bytes);
    this.#at = 0;
    return true;
  }

  async cancel(): Promise<void> {
    await this.#reader?.cancel().catch(() => {});
  }
}

function joined(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const [only, ...more] = chunks;
  if (only !== undefined && more.length === 0) return only;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
