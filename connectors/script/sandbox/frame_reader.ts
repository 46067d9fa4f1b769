import { HEAD_BYTES, KEY_BYTES, MAX_FRAME_BYTES } from "./frames.ts";
import { FrameFault } from "./frame_fault.ts";

export interface Frame {
  readonly kind: number;
  /** Begins at the start of a buffer of its own. */
  readonly payload: Uint8Array;
}

/** The frames among the bytes of a sandbox: all of them are, or it has said something by itself. */
export class FrameReader {
  readonly #reader: ReadableStreamBYOBReader;
  readonly #key: Uint8Array;
  #head = new Uint8Array(HEAD_BYTES);

  /** The stream is one of bytes. */
  constructor(stream: ReadableStream<Uint8Array>, key: Uint8Array) {
    this.#reader = stream.getReader({ mode: "byob" });
    this.#key = key;
  }

  /** The next frame; undefined at the end of the bytes. Throws FrameFault. */
  async next(): Promise<Frame | undefined> {
    const head = await this.#fill(this.#head);
    if (head === undefined) return undefined;
    this.#head = head;
    const length = new DataView(head.buffer).getUint32(0, true);
    for (let i = 0; i < KEY_BYTES; i++) {
      if (head[8 + i] !== this.#key[i]) throw new FrameFault("something else than a frame");
    }
    if (length > MAX_FRAME_BYTES) throw new FrameFault("a frame is too large");
    if (length === 0) return { kind: head[4] ?? 0, payload: new Uint8Array() };
    const payload = await this.#fill(new Uint8Array(length));
    if (payload === undefined) throw new FrameFault("a frame is cut");
    return { kind: head[4] ?? 0, payload };
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }

  /** Undefined where there was no byte any more. */
  async #fill(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> {
    let { buffer } = bytes;
    const size = bytes.byteLength;
    for (let filled = 0; filled < size;) {
      const { value, done } = await this.#reader.read(new Uint8Array(buffer, filled, size - filled));
      if (done || value === undefined) {
        if (filled === 0) return undefined;
        throw new FrameFault("a frame is cut");
      }
      buffer = value.buffer;
      filled += value.byteLength;
    }
    return new Uint8Array(buffer, 0, size);
  }
}
