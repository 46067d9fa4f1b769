import { type Data, DataType } from "apache-arrow";
import { type ColumnEncoder, LENGTH_BYTES, nullTest, type Output, valuesOf } from "./column_encoder.ts";

/** 39 digits and three zeros that align them, four a group. */
const MAX_GROUPS = 11;
const HEADER_BYTES = 8;
const NEGATIVE = 0x4000;
const TWO_32 = 0x1_0000_0000;

/** Puts a value's four 32-bit words, lowest first, into `words`. */
type GetWords = (row: number, words: Int32Array) => void;

/** Decimal128, 128-bit integers and Uint64 → numeric. The format is described in kernels/assembly/copy_rows.as. */
export class NumericEncoder implements ColumnEncoder {
  readonly #scale: number;
  readonly #isSigned: boolean;
  /** Aligns the last digit with a group of four. */
  readonly #multiplier: number;
  readonly #lastWeight: number;
  readonly #words = new Int32Array(4);
  #groups = new Int16Array(0);
  #counts = new Uint8Array(0);
  #weights = new Int8Array(0);
  #negative = new Uint8Array(0);

  constructor(scale: number, isSigned: boolean) {
    const fractionGroups = Math.ceil(scale / 4);
    this.#scale = scale;
    this.#isSigned = isSigned;
    this.#multiplier = 10 ** (fractionGroups * 4 - scale);
    this.#lastWeight = -fractionGroups;
  }

  measure(data: Data, from: number, to: number, sizes: Int32Array): void {
    this.#reserve(to - from);
    const isNull = nullTest(data);
    const getWords = bindWords(data);
    for (let row = from, i = 0; row < to; row++, i++) {
      let sizeBytes = LENGTH_BYTES;
      if (!isNull?.(row)) {
        getWords(row, this.#words);
        sizeBytes += HEADER_BYTES + 2 * this.#split(i);
      }
      sizes[i] = (sizes[i] ?? 0) + sizeBytes;
    }
  }

  write(data: Data, from: number, to: number, { view }: Output, places: Int32Array): void {
    const isNull = nullTest(data);
    for (let row = from, i = 0; row < to; row++, i++) {
      let at = places[i] ?? 0;
      if (isNull?.(row)) {
        view.setInt32(at, -1);
        places[i] = at + LENGTH_BYTES;
        continue;
      }
      const count = this.#counts[i] ?? 0;
      view.setInt32(at, HEADER_BYTES + 2 * count);
      view.setInt16(at + 4, count);
      view.setInt16(at + 6, this.#weights[i] ?? 0);
      view.setUint16(at + 8, this.#negative[i] === 1 ? NEGATIVE : 0);
      view.setUint16(at + 10, this.#scale);
      at += LENGTH_BYTES + HEADER_BYTES;
      for (let g = i * MAX_GROUPS + count - 1; g >= i * MAX_GROUPS; g--, at += 2) {
        view.setInt16(at, this.#groups[g] ?? 0);
      }
      places[i] = at;
    }
  }

  #reserve(rows: number): void {
    if (rows <= this.#counts.length) return;
    this.#groups = new Int16Array(rows * MAX_GROUPS);
    this.#counts = new Uint8Array(rows);
    this.#weights = new Int8Array(rows);
    this.#negative = new Uint8Array(rows);
  }

  /** Splits the value in `#words` into groups, lowest first, without zeros at either end; returns how many. */
  #split(i: number): number {
    const words = this.#words;
    const isNegative = this.#isSigned && (words[3] ?? 0) < 0;
    this.#negative[i] = isNegative ? 1 : 0;
    if (isNegative) negate(words);
    const isSmall = words[2] === 0 && words[3] === 0 && (words[1] ?? 0) >= 0;
    const value = isSmall ? (words[1] ?? 0) * TWO_32 + ((words[0] ?? 0) >>> 0) : Number.MAX_VALUE;
    const aligned = value * this.#multiplier;
    return aligned <= Number.MAX_SAFE_INTEGER ? this.#splitSmall(i, aligned) : this.#splitLarge(i);
  }

  #splitSmall(i: number, aligned: number): number {
    let rest = aligned;
    let weight = this.#lastWeight;
    let count = 0;
    while (rest > 0) {
      const quotient = Math.floor(rest / 10_000);
      const group = rest - quotient * 10_000;
      if (group === 0 && count === 0) weight++;
      else this.#groups[i * MAX_GROUPS + count++] = group;
      rest = quotient;
    }
    this.#weights[i] = count === 0 ? 0 : weight + count - 1;
    return this.#counts[i] = count;
  }

  #splitLarge(i: number): number {
    let rest = 0n;
    for (let w = 3; w >= 0; w--) rest = (rest << 32n) | BigInt((this.#words[w] ?? 0) >>> 0);
    rest *= BigInt(this.#multiplier);
    let weight = this.#lastWeight;
    let count = 0;
    while (rest > 0n) {
      const group = Number(rest % 10_000n);
      if (group === 0 && count === 0) weight++;
      else this.#groups[i * MAX_GROUPS + count++] = group;
      rest /= 10_000n;
    }
    this.#weights[i] = count === 0 ? 0 : weight + count - 1;
    return this.#counts[i] = count;
  }
}

function negate(words: Int32Array): void {
  let carry = 1;
  for (let w = 0; w < 4; w++) {
    const sum = (~(words[w] ?? 0) >>> 0) + carry;
    words[w] = sum;
    carry = sum >= TWO_32 ? 1 : 0;
  }
}

function bindWords(data: Data): GetWords {
  if (DataType.isDecimal(data.type)) {
    const values = valuesOf(data, Uint32Array);
    const stride = data.type.bitWidth / 32;
    return (row, words) => {
      for (let w = 0; w < stride; w++) words[w] = values[row * stride + w] ?? 0;
      for (let w = stride; w < 4; w++) words[w] = (words[stride - 1] ?? 0) >> 31;
    };
  }
  if (data.values instanceof BigUint64Array) {
    const { buffer, byteOffset, length } = data.values;
    const values = new Int32Array(buffer, byteOffset, length * 2);
    return (row, words) => {
      words[0] = values[row * 2] ?? 0;
      words[1] = values[row * 2 + 1] ?? 0;
      words[2] = words[3] = 0;
    };
  }
  const bytes = valuesOf(data, Uint8Array);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (row, words) => {
    for (let w = 0; w < 4; w++) words[w] = view.getInt32(row * 16 + w * 4, true);
  };
}
