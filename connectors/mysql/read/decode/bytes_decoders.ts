import { isUtf8 } from "node:buffer";
import { Binary, type Data, FixedSizeBinary, makeData, Utf8 } from "apache-arrow";
import { ColumnDecoder, DecodeError, type Nulls, unfit } from "./column_decoder.ts";
import type { RowIndex } from "./row_index.ts";

/** Up to this many bytes a loop is faster than a call that copies. */
const SHORT_BYTES = 32;
const UUID_LENGTH = 36;
const DASH = 0x2d;

/** Text and bytes of any length. */
export class BytesDecoder extends ColumnDecoder {
  readonly #isText: boolean;
  #offsets = new Int32Array(1);
  #values = new Uint8Array(0);
  #used = 0;
  #lastUsed = 0;

  constructor(isText: boolean) {
    super();
    this.#isText = isText;
  }

  override get variableBytes(): number {
    return this.#used;
  }

  protected override grow(capacity: number): void {
    const offsets = new Int32Array(capacity + 1);
    offsets.set(this.#offsets.subarray(0, this.rows + 1));
    this.#offsets = offsets;
  }

  protected override decode({ bytes, offsets, lengths }: RowIndex, start: number, count: number): void {
    this.#reserve(lengths, start, count);
    const ends = this.#offsets;
    const values = this.#values;
    const usedBefore = this.#used;
    let used = usedBefore;
    for (let slot = start, row = this.rows, end = start + count; slot < end; slot++, row++) {
      const length = lengths[slot] ?? -1;
      if (length < 0) {
        this.markNull(row);
      } else {
        const from = offsets[slot] ?? 0;
        if (length > SHORT_BYTES) values.set(bytes.subarray(from, from + length), used);
        else for (let b = 0; b < length; b++) values[used + b] = bytes[from + b] ?? 0;
        used += length;
      }
      ends[row + 1] = used;
    }
    this.#used = used;
    if (this.#isText && !isUtf8(values.subarray(usedBefore, used))) this.#findFault(count);
  }

  protected override build(length: number, nulls: Nulls): Data {
    const valueOffsets = this.#offsets.subarray(0, length + 1);
    const data = this.#values.subarray(0, this.#used);
    this.#offsets = new Int32Array(1);
    this.#values = new Uint8Array(0);
    this.#lastUsed = this.#used;
    this.#used = 0;
    return this.#isText
      ? makeData({ type: new Utf8(), length, ...nulls, valueOffsets, data })
      : makeData({ type: new Binary(), length, ...nulls, valueOffsets, data });
  }

  #reserve(lengths: Int32Array, start: number, count: number): void {
    let needed = this.#used;
    for (let slot = start; slot < start + count; slot++) needed += Math.max(lengths[slot] ?? 0, 0);
    if (needed <= this.#values.length) return;
    const likely = this.#lastUsed + (this.#lastUsed >> 4);
    const values = new Uint8Array(Math.max(needed, this.#values.length * 2, likely));
    values.set(this.#values.subarray(0, this.#used));
    this.#values = values;
  }

  /** The servers take surrogates into columns of utf8mb3, which UTF-8 does not have. */
  #findFault(count: number): void {
    for (let row = this.rows; row < this.rows + count; row++) {
      const value = this.#values.subarray(this.#offsets[row] ?? 0, this.#offsets[row + 1] ?? 0);
      if (isUtf8(value)) continue;
      throw new DecodeError(row, "is not UTF-8; read it as bytes in a query, as CAST(… AS BINARY)");
    }
  }
}

/** UUID, which comes as 36 characters. */
export class UuidDecoder extends ColumnDecoder {
  #values = new Uint8Array(0);

  protected override grow(capacity: number): void {
    const values = new Uint8Array(capacity * 16);
    values.set(this.#values.subarray(0, this.rows * 16));
    this.#values = values;
  }

  protected override decode(index: RowIndex, start: number, count: number): void {
    const { bytes, offsets, lengths } = index;
    const values = this.#values;
    for (let slot = start, row = this.rows, end = start + count; slot < end; slot++, row++) {
      const length = lengths[slot] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      let at = offsets[slot] ?? 0;
      const last = at + length;
      let isUuid = length === UUID_LENGTH;
      for (let to = row * 16; to < row * 16 + 16; to++) {
        if (bytes[at] === DASH) at++;
        const high = hexDigit(bytes[at++] ?? 0);
        const low = hexDigit(bytes[at++] ?? 0);
        isUuid &&= high >= 0 && low >= 0;
        values[to] = (high << 4) | low;
      }
      if (!isUuid || at !== last) throw unfit(index, slot, row, ", which is no UUID");
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = this.#values.subarray(0, length * 16);
    this.#values = new Uint8Array(0);
    return makeData({ type: new FixedSizeBinary(16), length, ...nulls, data });
  }
}

/** Negative for what is none. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
