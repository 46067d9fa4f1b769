/**
 * Protocol Buffers' wire format, as far as Hrana uses it: varints, doubles, and bytes with their length.
 * Source: https://protobuf.dev/programming-guides/encoding/.
 */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
/** A message's length is written in so many bytes, whatever it is: it is known only when the message is whole. */
const LENGTH_BYTES = 4;
/** Below it a whole number, times two, is a double exactly. */
const SMALL = 2 ** 51;

/** Collects one message. */
export class WireWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #used = 0;
  readonly #encoder = new TextEncoder();

  constructor(capacity = 4_096) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#used;
  }

  /** What was written so far; the writer must not be used after it. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#used);
  }

  /** A field that is a message of its own, which `write` writes. */
  message(field: number, write: () => void): void {
    this.#key(field, BYTES);
    this.#reserve(LENGTH_BYTES);
    const start = this.#used + LENGTH_BYTES;
    this.#used = start;
    write();
    let length = this.#used - start;
    for (let i = LENGTH_BYTES; i > 0; i--) {
      this.#bytes[start - i] = (length & 0x7f) | (i > 1 ? 0x80 : 0);
      length >>>= 7;
    }
  }

  string(field: number, text: string): void {
    this.#key(field, BYTES);
    // A UTF-16 unit is at most three bytes.
    this.#reserve(10 + text.length * 3);
    const widest = varintBytes(text.length * 3);
    const { written } = this.#encoder.encodeInto(text, this.#bytes.subarray(this.#used + widest));
    const width = varintBytes(written);
    if (width < widest) {
      this.#bytes.copyWithin(this.#used + width, this.#used + widest, this.#used + widest + written);
    }
    this.#varint(written);
    this.#used += written;
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.#key(field, BYTES);
    this.#reserve(10 + bytes.length);
    this.#varint(bytes.length);
    this.#bytes.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  uint(field: number, value: number): void {
    this.#key(field, VARINT);
    this.#reserve(10);
    this.#varint(value);
  }

  /** A signed integer of 64 bits, as sint64. */
  sint64(field: number, value: bigint): void {
    this.#key(field, VARINT);
    this.#reserve(10);
    const number = Number(value);
    if (Math.abs(number) < SMALL) return this.#varint(number < 0 ? -number * 2 - 1 : number * 2);
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest > 0x7fn) {
      this.#bytes[this.#used++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#used++] = Number(rest);
  }

  double(field: number, value: number): void {
    this.#key(field, FIXED64);
    this.#reserve(8);
    this.#view.setFloat64(this.#used, value, true);
    this.#used += 8;
  }

  #key(field: number, type: number): void {
    this.#reserve(10);
    this.#varint(field * 8 + type);
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#used++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#used++] = rest;
  }

  #reserve(count: number): void {
    if (this.#used + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#used + count));
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** The bytes are no message, or end in the middle of one. */
export class WireError extends Error {
  override readonly name = "WireError";
}

/** Reads one message field by field. */
export class WireReader {
  readonly #bytes: Uint8Array;
  #view: DataView | undefined;
  #at: number;
  readonly #end: number;
  /** The number of the field that next() found. */
  field = 0;
  #type = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Goes to the next field; false at the end. Its value has to be read or skipped before the one after it. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const key = this.#uint();
    this.field = Math.floor(key / 8);
    this.#type = key & 7;
    return true;
  }

  skip(): void {
    if (this.#type === VARINT) {
      while ((this.#byte() & 0x80) !== 0);
    } else if (this.#type === FIXED64) this.#take(8);
    else if (this.#type === FIXED32) this.#take(4);
    else if (this.#type === BYTES) this.#take(this.#uint());
    else throw new WireError(`there is no wire type ${this.#type}`);
  }

  uint(): number {
    this.#expect(VARINT);
    return this.#uint();
  }

  sint64(): bigint {
    this.#expect(VARINT);
    let low = 0;
    let factor = 1;
    for (let i = 0; i < 7; i++) {
      const byte = this.#byte();
      low += (byte & 0x7f) * factor;
      if (byte < 0x80) return BigInt(low % 2 === 0 ? low / 2 : -(low + 1) / 2);
      factor *= 128;
    }
    let rest = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      rest |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (rest >> 1n) ^ -(rest & 1n));
    }
    throw new WireError("an integer has more than 64 bits");
  }

  double(): number {
    this.#expect(FIXED64);
    this.#view ??= new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** A view of the message's own bytes. */
  bytes(): Uint8Array {
    this.#expect(BYTES);
    const length = this.#uint();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  string(): string {
    return textOf(this.bytes());
  }

  message(): WireReader {
    this.#expect(BYTES);
    const length = this.#uint();
    const start = this.#take(length);
    return new WireReader(this.#bytes, start, start + length);
  }

  #expect(type: number): void {
    if (this.#type !== type) {
      throw new WireError(`field ${this.field} has the wire type ${this.#type}, not ${type}`);
    }
  }

  #byte(): number {
    const byte = this.#at < this.#end ? this.#bytes[this.#at] : undefined;
    if (byte === undefined) throw new WireError("a message ends too early");
    this.#at++;
    return byte;
  }

  #uint(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new WireError("a number has more than 53 bits");
  }

  /** Where the bytes begin. */
  #take(count: number): number {
    const start = this.#at;
    if (start + count > this.#end) throw new WireError("a message ends too early");
    this.#at = start + count;
    return start;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const SHORT = 32;

/** A decoder's call costs more than a short text. */
function textOf(bytes: Uint8Array): string {
  if (bytes.length > SHORT) return decodeText(bytes);
  let text = "";
  for (const byte of bytes) {
    if (byte > 0x7f) return decodeText(bytes);
    text += String.fromCharCode(byte);
  }
  return text;
}

function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new WireError("a text is not UTF-8");
  }
}
