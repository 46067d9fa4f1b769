import { HEAD_BYTES } from "../sandbox/frames.ts";
import { aligned, LAYOUT_HEAD_BYTES } from "../sandbox/batch_layout.ts";

const FIRST_BYTES = 4 * 1024 * 1024;

/** The bytes of one frame while it is made, behind the room for its head. Buffers begin at multiples of eight. */
export class Arena {
  #bytes = new Uint8Array(FIRST_BYTES);
  #used = 0;

  /** Begins a new frame. */
  clear(): void {
    this.#used = HEAD_BYTES + LAYOUT_HEAD_BYTES;
  }

  /** Where a buffer of at most so many bytes begins: at the end of what there is. */
  reserve(size: number): number {
    this.#used = aligned(this.#used);
    const needed = this.#used + size;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = larger;
    }
    return this.#used;
  }

  /** So many bytes of what was reserved are taken. What lies between them and the next buffer is zero. */
  take(size: number): void {
    const end = this.#used + size;
    this.#used = aligned(end);
    this.#bytes.fill(0, end, this.#used);
  }

  /** Reserves and takes; the bytes are zero. */
  zeros(size: number): number {
    const at = this.reserve(size);
    this.#bytes.fill(0, at, at + size);
    this.take(size);
    return at;
  }

  /** All of it, which a longer reservation replaces. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  get used(): number {
    return this.#used;
  }

  /** Gives up all that was taken since the frame had so many bytes. */
  rewind(used: number): void {
    this.#used = used;
  }

  /** Adds bytes behind the last buffer, which end the frame. */
  append(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.#bytes.set(bytes, at);
    this.#used = at + bytes.length;
  }
}
