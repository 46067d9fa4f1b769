import { type Data, Decimal, makeData } from "apache-arrow";
import { ColumnDecoder, DecodeError, type FieldIndex, type Nulls } from "./column_decoder.ts";

const POSITIVE = 0x0000;
const NEGATIVE = 0x4000;
const NAN = 0xc000;
const HEADER_BYTES = 8;
/** Digits of base 10,000 that a number holds exactly, whatever they are. */
const EXACT_GROUPS = 3;

/**
 * numeric(p,s) → Decimal128. The wire has a sign, the weight of the first digit and digits of base
 * 10,000. Source: numeric_send in https://github.com/postgres/postgres, src/backend/utils/adt/numeric.c
 */
export class NumericDecoder extends ColumnDecoder {
  readonly #type: Decimal;
  /** Groups right of the point, and what to divide by where the last of them reaches beyond the scale. */
  readonly #fractionGroups: number;
  readonly #divisor: number;
  #words = new Uint32Array(0);

  constructor(precision: number, scale: number) {
    super();
    this.#type = new Decimal(scale, precision, 128);
    this.#fractionGroups = Math.ceil(scale / 4);
    this.#divisor = 10 ** (this.#fractionGroups * 4 - scale);
  }

  protected override grow(capacity: number): void {
    const words = new Uint32Array(capacity * 4);
    words.set(this.#words.subarray(0, this.rows * 4));
    this.#words = words;
  }

  protected override decode({ view, offsets, lengths }: FieldIndex, start: number, end: number): void {
    for (let i = start, row = this.rows; i < end; i++, row++) {
      if ((lengths[i] ?? -1) < 0) {
        this.markNull(row);
        continue;
      }
      const at = offsets[i] ?? 0;
      const count = view.getInt16(at);
      const groups = view.getInt16(at + 2) + 1 + this.#fractionGroups;
      const sign = view.getUint16(at + 4);
      if (sign !== POSITIVE && sign !== NEGATIVE) {
        const name = sign === NAN ? "NaN" : "Infinity";
        throw new DecodeError(row, `is ${name}, which a decimal cannot hold`);
      }
      const digits = at + HEADER_BYTES;
      if (groups <= EXACT_GROUPS) this.#setSmall(row, view, digits, count, groups, sign === NEGATIVE);
      else this.#setLarge(row, view, digits, count, groups, sign === NEGATIVE);
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = this.#words.subarray(0, length * 4);
    this.#words = new Uint32Array(0);
    return makeData({ type: this.#type, length, ...nulls, data });
  }

  #setSmall(row: number, view: DataView, digits: number, count: number, groups: number, isNegative: boolean) {
    let value = 0;
    for (let g = 0; g < groups; g++) value = value * 10_000 + (g < count ? view.getInt16(digits + g * 2) : 0);
    value /= this.#divisor;
    const words = this.#words;
    const high = Math.floor(value / 0x1_0000_0000);
    const word = row * 4;
    if (!isNegative || value === 0) {
      words[word] = value;
      words[word + 1] = high;
      words[word + 2] = words[word + 3] = 0;
      return;
    }
    const low = (~value + 1) >>> 0;
    words[word] = low;
    words[word + 1] = ~high + (low === 0 ? 1 : 0);
    words[word + 2] = words[word + 3] = 0xffff_ffff;
  }

  #setLarge(row: number, view: DataView, digits: number, count: number, groups: number, isNegative: boolean) {
    let value = 0n;
    for (let g = 0; g < groups; g++) {
      value = value * 10_000n + (g < count ? BigInt(view.getInt16(digits + g * 2)) : 0n);
    }
    value /= BigInt(this.#divisor);
    if (isNegative) value = -value;
    for (let w = 0; w < 4; w++) {
      this.#words[row * 4 + w] = Number(value & 0xffff_ffffn);
      value >>= 32n;
    }
  }
}
