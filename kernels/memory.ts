const PAGE_BYTES = 65_536;
const ALIGNMENT = 64;

/**
 * The memory of a kernel, given out in pieces. What is freed serves again for pieces of at most its size; all
 * of it goes back to the system with the kernel.
 */
export class KernelMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #free: { readonly at: number; readonly bytes: number }[] = [];
  /** No piece is at 0. */
  #top = ALIGNMENT;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#bytes = new Uint8Array(ownBuffer(memory));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** All of it; to be asked for again after `allocate`, which may move it. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  get view(): DataView<ArrayBuffer> {
    return this.#view;
  }

  /** A piece of at least so many bytes, at a multiple of 64; its content is not defined. Throws RangeError where there is none. */
  allocate(sizeBytes: number): number {
    const found = this.#free.findIndex(({ bytes }) => bytes >= sizeBytes);
    if (found !== -1) return this.#free.splice(found, 1)[0]?.at ?? 0;
    const at = this.#top;
    this.#top += aligned(sizeBytes);
    const missing = this.#top - this.#bytes.length;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
      this.#bytes = new Uint8Array(ownBuffer(this.#memory));
      this.#view = new DataView(this.#bytes.buffer);
    }
    return at;
  }

  release(at: number, sizeBytes: number): void {
    if (sizeBytes > 0) this.#free.push({ at, bytes: aligned(sizeBytes) });
  }
}

/** A piece of a kernel's memory that grows with what is put there. */
export class KernelPiece {
  readonly #memory: KernelMemory;
  at = 0;
  #size = 0;

  constructor(memory: KernelMemory) {
    this.#memory = memory;
  }

  /** Makes room, and returns the place; what was there is gone. */
  reserve(sizeBytes: number): number {
    if (sizeBytes > this.#size) {
      this.#memory.release(this.at, this.#size);
      this.#size = Math.max(sizeBytes, 2 * this.#size);
      this.at = this.#memory.allocate(this.#size);
    }
    return this.at;
  }

  put(bytes: Uint8Array, slackBytes = 0): number {
    const at = this.reserve(bytes.length + slackBytes);
    this.#memory.bytes.set(bytes, at);
    return at;
  }
}

function ownBuffer({ buffer }: WebAssembly.Memory): ArrayBuffer {
  if (buffer instanceof ArrayBuffer) return buffer;
  throw new TypeError("A kernel's memory is shared between threads");
}

const aligned = (sizeBytes: number): number => Math.ceil(sizeBytes / ALIGNMENT) * ALIGNMENT;
