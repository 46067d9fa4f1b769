import {
  Bool,
  type Data,
  Decimal,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  makeData,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
} from "apache-arrow";
import { asciiAt, ColumnDecoder, type Nulls, unfit } from "./column_decoder.ts";
import type { RowIndex } from "./row_index.ts";

const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const TWO_32 = 0x1_0000_0000;
/** Digits of which a number holds every count exactly. */
const EXACT_DIGITS = 15;
/** Powers of ten that a double holds exactly. */
const POWERS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const BEYOND = ", which its type cannot hold";

type SmallInts = Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;

/** Whole numbers of up to 32 bits. */
export class IntDecoder extends ColumnDecoder {
  readonly #sizeBytes: 1 | 2 | 4;
  readonly #isUnsigned: boolean;
  readonly #least: number;
  readonly #greatest: number;
  #values: SmallInts;

  constructor(sizeBytes: 1 | 2 | 4, isUnsigned: boolean) {
    super();
    this.#sizeBytes = sizeBytes;
    this.#isUnsigned = isUnsigned;
    const count = 2 ** (sizeBytes * 8);
    this.#least = isUnsigned ? 0 : -count / 2;
    this.#greatest = isUnsigned ? count - 1 : count / 2 - 1;
    this.#values = this.#make(0);
  }

  protected override grow(capacity: number): void {
    const values = this.#make(capacity);
    values.set(this.#values.subarray(0, this.rows));
    this.#values = values;
  }

  protected override decode(index: RowIndex, start: number, count: number): void {
    const { bytes, offsets, lengths } = index;
    const values = this.#values;
    const least = this.#least;
    const greatest = this.#greatest;
    for (let slot = start, row = this.rows, end = start + count; slot < end; slot++, row++) {
      const length = lengths[slot] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      let at = offsets[slot] ?? 0;
      const last = at + length;
      const isNegative = bytes[at] === MINUS;
      if (isNegative) at++;
      let value = 0;
      let isNumber = at < last;
      for (; at < last; at++) {
        const digit = (bytes[at] ?? 0) - ZERO;
        if (digit < 0 || digit > 9) isNumber = false;
        value = value * 10 + digit;
      }
      if (isNegative) value = -value;
      if (!isNumber || value < least || value > greatest) throw unfit(index, slot, row, BEYOND);
      values[row] = value;
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = this.#values.subarray(0, length);
    this.#values = this.#make(0);
    if (data instanceof Int8Array) return makeData({ type: new Int8(), length, ...nulls, data });
    if (data instanceof Int16Array) return makeData({ type: new Int16(), length, ...nulls, data });
    if (data instanceof Int32Array) return makeData({ type: new Int32(), length, ...nulls, data });
    if (data instanceof Uint8Array) return makeData({ type: new Uint8(), length, ...nulls, data });
    if (data instanceof Uint16Array) return makeData({ type: new Uint16(), length, ...nulls, data });
    return makeData({ type: new Uint32(), length, ...nulls, data });
  }

  #make(length: number): SmallInts {
    switch (this.#sizeBytes) {
      case 1:
        return this.#isUnsigned ? new Uint8Array(length) : new Int8Array(length);
      case 2:
        return this.#isUnsigned ? new Uint16Array(length) : new Int16Array(length);
      case 4:
        return this.#isUnsigned ? new Uint32Array(length) : new Int32Array(length);
    }
  }
}

/** BIGINT, signed or not. */
export class BigintDecoder extends ColumnDecoder {
  readonly #isUnsigned: boolean;
  #words = new Uint32Array(0);

  constructor(isUnsigned: boolean) {
    super();
    this.#isUnsigned = isUnsigned;
  }

  protected override grow(capacity: number): void {
    const words = new Uint32Array(capacity * 2);
    words.set(this.#words.subarray(0, this.rows * 2));
    this.#words = words;
  }

  protected override decode(index: RowIndex, start: number, count: number): void {
    const { bytes, offsets, lengths } = index;
    const words = this.#words;
    for (let slot = start, row = this.rows, end = start + count; slot < end; slot++, row++) {
      const length = lengths[slot] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      let at = offsets[slot] ?? 0;
      const last = at + length;
      const isNegative = bytes[at] === MINUS;
      if (isNegative) at++;
      if (last - at > EXACT_DIGITS) {
        this.#setLarge(index, slot, row);
        continue;
      }
      let value = 0;
      let isNumber = at < last;
      for (; at < last; at++) {
        const digit = (bytes[at] ?? 0) - ZERO;
        if (digit < 0 || digit > 9) isNumber = false;
        value = value * 10 + digit;
      }
      if (!isNumber || isNegative && this.#isUnsigned && value !== 0) throw unfit(index, slot, row, BEYOND);
      if (isNegative) value = -value;
      words[row * 2] = value;
      words[row * 2 + 1] = Math.floor(value / TWO_32);
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const { buffer } = this.#words;
    this.#words = new Uint32Array(0);
    return this.#isUnsigned
      ? makeData({ type: new Uint64(), length, ...nulls, data: new BigUint64Array(buffer, 0, length) })
      : makeData({ type: new Int64(), length, ...nulls, data: new BigInt64Array(buffer, 0, length) });
  }

  #setLarge(index: RowIndex, slot: number, row: number): void {
    const text = asciiAt(index, slot);
    if (!/^-?\d+$/.test(text)) throw unfit(index, slot, row, BEYOND);
    const value = BigInt(text);
    const held = this.#isUnsigned ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value);
    if (held !== value) throw unfit(index, slot, row, BEYOND);
    this.#words[row * 2] = Number(BigInt.asUintN(32, value));
    this.#words[row * 2 + 1] = Number(BigInt.asUintN(32, value >> 32n));
  }
}

/** BIT(n), which comes as its bytes, the first of them the greatest. */
export class BitsDecoder extends ColumnDecoder {
  #words = new Uint32Array(0);

  protected override grow(capacity: number): void {
    const words = new Uint32Array(capacity * 2);
    words.set(this.#words.subarray(0, this.rows * 2));
    this.#words = words;
  }

  protected override decode(index: RowIndex, start: number, count: number): void {
    const { bytes, offsets, lengths } = index;
    for (let slot = start, row = this.rows, end = start + count; slot < end; slot++, row++) {
      const length = lengths[slot] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      if (length > 8) throw unfit(index, slot, row, BEYOND);
      const at = offsets[slot] ?? 0;
      let low = 0;
      let high = 0;
      for (let i = 0; i < length; i++) {
        high = ((high << 8) | (low >>> 24)) >>> 0;
        low = ((low << 8) | (bytes[at + i] ?? 0)) >>> 0;
      }
      this.#words[row * 2] = low;
      this.#words[row * 2 + 1] = high;
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = new BigUint64Array(this.#words.buffer, 0, length);
    this.#words = new Uint32Array(0);
    return makeData({ type: new Uint64(), length, ...nulls, data });
  }
}

/** BIT(1). */
export class BoolDecoder extends ColumnDecoder {
  #bits = new Uint8Array(0);

  protected override grow(capacity: number): void {
    const bits = new Uint8Array((capacity + 7) >> 3);
    bits.set(this.#bits.subarray(0, (this.rows + 7) >> 3));
    this.#bits = bits;
  }

  protected override decode(index: RowIndex, start: number, count: number): void {
    const { bytes, offsets, lengths } = index;
    const bits = this.#bits;
    for (let slot = start, row = this.rows, end = start + count; slot < end; slot++, row++) {
      const length = lengths[slot] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      const value = bytes[offsets[slot] ?? 0] ?? 0;
      if (length !== 1 || value > 1) throw unfit(index, slot, row, BEYOND);
      if (value === 1) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7));
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = this.#bits.subarray(0, (length + 7) >> 3);
    this.#bits = new Uint8Array(0);
    return makeData({ type: new Bool(), length, ...nulls, data });
  }
}

/** DOUBLE, and FLOAT that is selected as one. */
export class FloatDecoder extends ColumnDecoder {
  readonly #isSingle: boolean;
  #values: Float32Array | Float64Array;

  constructor(isSingle: boolean) {
    super();
    this.#isSingle = isSingle;
    this.#values = this.#make(0);
  }

  protected override grow(capacity: number): void {
    const values = this.#make(capacity);
    values.set(this.#values.subarray(0, this.rows));
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
      const isNegative = bytes[at] === MINUS;
      if (isNegative) at++;
      let value = 0;
      let digits = 0;
      let pointAt = last;
      for (; at < last; at++) {
        const digit = (bytes[at] ?? 0) - ZERO;
        if (digit >= 0 && digit <= 9) {
          value = value * 10 + digit;
          digits++;
        } else if (bytes[at] === POINT && pointAt === last) pointAt = at;
        else break;
      }
      // Up to 15 digits and a small power of ten, both are exact, and so is the quotient to the last bit.
      if (at < last || digits === 0 || digits > EXACT_DIGITS) {
        values[row] = numberAt(index, slot, row);
        continue;
      }
      if (pointAt < last) value /= POWERS[last - pointAt - 1] ?? 1;
      values[row] = isNegative ? -value : value;
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = this.#values.subarray(0, length);
    this.#values = this.#make(0);
    return data instanceof Float32Array
      ? makeData({ type: new Float32(), length, ...nulls, data })
      : makeData({ type: new Float64(), length, ...nulls, data });
  }

  #make(length: number): Float32Array | Float64Array {
    return this.#isSingle ? new Float32Array(length) : new Float64Array(length);
  }
}

function numberAt(index: RowIndex, slot: number, row: number): number {
  const text = asciiAt(index, slot);
  const value = /^-?\d*\.?\d+(?:e[-+]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw unfit(index, slot, row, BEYOND);
}

/** DECIMAL(p,s) up to 38 digits. */
export class DecimalDecoder extends ColumnDecoder {
  readonly #type: Decimal;
  readonly #scale: number;
  readonly #precision: number;
  /** The first count of units that is too great for the precision, or for a number to be exact. */
  readonly #limit: number;
  #words = new Uint32Array(0);

  constructor(precision: number, scale: number) {
    super();
    this.#type = new Decimal(scale, precision, 128);
    this.#precision = precision;
    this.#scale = scale;
    this.#limit = Math.min(10 ** precision, Number.MAX_SAFE_INTEGER);
  }

  protected override grow(capacity: number): void {
    const words = new Uint32Array(capacity * 4);
    words.set(this.#words.subarray(0, this.rows * 4));
    this.#words = words;
  }

  protected override decode(index: RowIndex, start: number, count: number): void {
    const { bytes, offsets, lengths } = index;
    const words = this.#words;
    const scale = this.#scale;
    const limit = this.#limit;
    for (let slot = start, row = this.rows, end = start + count; slot < end; slot++, row++) {
      const length = lengths[slot] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      let at = offsets[slot] ?? 0;
      const last = at + length;
      const isNegative = bytes[at] === MINUS;
      if (isNegative) at++;
      const pointAt = scale === 0 ? last : last - scale - 1;
      // As the column is declared, so many digits stand behind the point; all else goes the long way.
      if (last - at > EXACT_DIGITS + 1 || scale > 0 && (pointAt < at || bytes[pointAt] !== POINT)) {
        this.#setLarge(index, slot, row);
        continue;
      }
      let value = 0;
      let isNumber = at < last;
      for (; at < last; at++) {
        if (at === pointAt) continue;
        const digit = (bytes[at] ?? 0) - ZERO;
        if (digit < 0 || digit > 9) isNumber = false;
        value = value * 10 + digit;
      }
      if (!isNumber || value >= limit) {
        this.#setLarge(index, slot, row);
        continue;
      }
      if (isNegative) value = -value;
      const high = Math.floor(value / TWO_32);
      const word = row * 4;
      words[word] = value;
      words[word + 1] = high;
      words[word + 2] = words[word + 3] = high < 0 ? 0xffff_ffff : 0;
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = this.#words.subarray(0, length * 4);
    this.#words = new Uint32Array(0);
    return makeData({ type: this.#type, length, ...nulls, data });
  }

  #setLarge(index: RowIndex, slot: number, row: number): void {
    const [, sign, whole = "", fraction = ""] = /^([-+]?)(\d*)(?:\.(\d*))?$/.exec(asciiAt(index, slot)) ?? [];
    if (sign === undefined || whole + fraction === "") throw unfit(index, slot, row, BEYOND);
    const kept = fraction.slice(0, this.#scale).padEnd(this.#scale, "0");
    const digits = (whole + kept).replace(/^0+(?=\d)/, "");
    if (/[1-9]/.test(fraction.slice(this.#scale)) || digits.length > this.#precision) {
      throw unfit(index, slot, row, `, which DECIMAL(${this.#precision},${this.#scale}) cannot hold`);
    }
    let value = sign === "-" ? -BigInt(digits) : BigInt(digits);
    for (let word = row * 4; word < row * 4 + 4; word++) {
      this.#words[word] = Number(value & 0xffff_ffffn);
      value >>= 32n;
    }
  }
}
