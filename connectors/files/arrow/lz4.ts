/** The bytes of an LZ4 frame (github.com/lz4/lz4, doc/lz4_Frame_format.md). Checksums are not looked at. */
export function decodeLz4Frame(frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 7 || view.getUint32(0, true) !== 0x184d2204) throw new Error("not an LZ4 frame");
  const flags = view.getUint8(4);
  const hasSize = (flags & 8) !== 0;
  const output = new Output(hasSize ? Number(view.getBigUint64(6, true)) : frame.length * 4);
  const hasBlockChecksum = (flags & 16) !== 0;
  let position = 6 + (hasSize ? 8 : 0) + ((flags & 1) !== 0 ? 4 : 0) + 1;
  for (;;) {
    const header = view.getUint32(position, true);
    position += 4;
    if (header === 0) return output.bytes();
    const size = header & 0x7fffffff;
    const block = frame.subarray(position, position + size);
    if (block.length < size) throw new Error("the LZ4 frame is cut short");
    if ((header & 0x80000000) !== 0) output.append(block);
    else decodeBlock(block, output);
    position += size + (hasBlockChecksum ? 4 : 0);
  }
}

class Output {
  #buffer: Uint8Array;
  #length = 0;

  constructor(capacity: number) {
    this.#buffer = new Uint8Array(Math.max(capacity, 64));
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Copies from what was written before; the ranges may overlap, then the bytes repeat. */
  repeat(offset: number, count: number): void {
    if (offset === 0 || offset > this.#length) throw new Error("the LZ4 frame is damaged");
    this.#reserve(count);
    const buffer = this.#buffer;
    const start = this.#length - offset;
    if (offset >= count) buffer.copyWithin(this.#length, start, start + count);
    else for (let i = 0; i < count; i++) buffer[this.#length + i] = buffer[start + i] ?? 0;
    this.#length += count;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + count));
    larger.set(this.bytes());
    this.#buffer = larger;
  }
}

function decodeBlock(block: Uint8Array, output: Output): void {
  let position = 0;
  const extended = (length: number): number => {
    if (length < 15) return length;
    for (;;) {
      const more = block[position++];
      if (more === undefined) throw new Error("the LZ4 frame is damaged");
      length += more;
      if (more !== 255) return length;
    }
  };
  while (position < block.length) {
    const token = block[position++] ?? 0;
    const literals = extended(token >> 4);
    if (position + literals > block.length) throw new Error("the LZ4 frame is damaged");
    output.append(block.subarray(position, position + literals));
    position += literals;
    if (position >= block.length) return;
    const offset = (block[position] ?? 0) | ((block[position + 1] ?? 0) << 8);
    position += 2;
    output.repeat(offset, extended(token & 15) + 4);
  }
}
