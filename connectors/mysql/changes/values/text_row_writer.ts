import type { RowRegion } from "../../session/packet_stream.ts";
import { MAX_PAYLOAD_BYTES, PACKET_HEADER_BYTES } from "../../session/packet_stream.ts";

const INITIAL_BYTES = 65_536;
const MAX_KEPT_BYTES = 4 * 1024 * 1024;
const NULL_MARK = 0xfb;
const encoder = new TextEncoder();

/** Writes rows as the text protocol sends them, for the decoders that read results. */
export class TextRowWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #length = 0;
  #rowAt = 0;

  /** Bytes of whole rows. */
  get length(): number {
    return this.#length;
  }

  beginRow(): void {
    this.#rowAt = this.#length;
    this.#take(PACKET_HEADER_BYTES);
  }

  nothing(): void {
    // Its place is taken before the bytes are looked at: they may be others then.
    const at = this.#take(1);
    this.#bytes[at] = NULL_MARK;
  }

  /** A text of ASCII alone. */
  ascii(text: string): void {
    const { length } = text;
    if (length >= NULL_MARK) return this.value(encoder.encode(text));
    const at = this.#take(1 + length);
    const bytes = this.#bytes;
    bytes[at] = length;
    for (let i = 0; i < length; i++) bytes[at + 1 + i] = text.charCodeAt(i);
  }

  value(value: Uint8Array): void {
    const { length } = value;
    const prefix = length < NULL_MARK ? 1 : length < 0x1_0000 ? 3 : length < 0x100_0000 ? 4 : 9;
    const at = this.#take(prefix + length);
    const bytes = this.#bytes;
    if (prefix === 1) bytes[at] = length;
    else {
      bytes[at] = prefix === 3 ? 0xfc : prefix === 4 ? 0xfd : 0xfe;
      for (let i = 1, rest = length; i < prefix; i++, rest = Math.floor(rest / 256)) {
        bytes[at + i] = rest & 0xff;
      }
    }
    bytes.set(value, at + prefix);
  }

  /** Whether the row is longer than a packet: it has to be taken alone then, without the header before it. */
  endRow(): boolean {
    const size = this.#length - this.#rowAt - PACKET_HEADER_BYTES;
    for (let i = 0; i < 3; i++) this.#bytes[this.#rowAt + i] = size >> (8 * i) & 0xff;
    return size >= MAX_PAYLOAD_BYTES;
  }

  /** The rows that were written, valid until the next is begun. */
  take(isFramed: boolean): RowRegion {
    const start = isFramed ? 0 : PACKET_HEADER_BYTES;
    const region = { bytes: this.#bytes, start, end: this.#length, isFramed };
    this.#length = 0;
    this.#rowAt = 0;
    // A row of many megabytes does not keep them.
    if (this.#bytes.length > MAX_KEPT_BYTES) this.#bytes = new Uint8Array(INITIAL_BYTES);
    return region;
  }

  /** The rows before the one that was written last, which stays; undefined where there are none. */
  takeBefore(): RowRegion | undefined {
    if (this.#rowAt === 0) return undefined;
    const region = { bytes: this.#bytes, start: 0, end: this.#rowAt, isFramed: true };
    this.#bytes = this.#bytes.slice(this.#rowAt, this.#length);
    this.#length = this.#bytes.length;
    this.#rowAt = 0;
    return region;
  }

  #take(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      bytes.set(this.#bytes.subarray(0, at));
      this.#bytes = bytes;
    }
    this.#length = needed;
    return at;
  }
}
