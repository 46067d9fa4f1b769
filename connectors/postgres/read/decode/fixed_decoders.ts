import {
  Bool,
  type Data,
  DateDay,
  FixedSizeBinary,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  IntervalMonthDayNano,
  makeData,
  TimeMicrosecond,
  TimestampMicrosecond,
  Uint32,
} from "apache-arrow";
import { checkLength, ColumnDecoder, DecodeError, type FieldIndex, type Nulls } from "./column_decoder.ts";

/** Days and microseconds between 1970-01-01 (Arrow) and 2000-01-01 (PostgreSQL). */
export const EPOCH_DAYS = 10_957;
const EPOCH_MICROS = 946_684_800_000_000n;
const EPOCH_MICROS_LOW = Number(EPOCH_MICROS & 0xffff_ffffn);
const EPOCH_MICROS_HIGH = Number(EPOCH_MICROS >> 32n);
const INT32_MAX = 0x7fff_ffff;
const INT32_MIN = -0x8000_0000;

export class BoolDecoder extends ColumnDecoder {
  #bits = new Uint8Array(0);

  protected override grow(capacity: number): void {
    const bits = new Uint8Array((capacity + 7) >> 3);
    bits.set(this.#bits.subarray(0, (this.rows + 7) >> 3));
    this.#bits = bits;
  }

  protected override decode({ bytes, offsets, lengths }: FieldIndex, start: number, end: number): void {
    const bits = this.#bits;
    for (let i = start, row = this.rows; i < end; i++, row++) {
      const length = lengths[i] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      checkLength(length, 1, row);
      if (bytes[offsets[i] ?? 0] !== 0) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7));
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = this.#bits.subarray(0, (length + 7) >> 3);
    this.#bits = new Uint8Array(0);
    return makeData({ type: new Bool(), length, ...nulls, data });
  }
}

export class Int16Decoder extends ColumnDecoder {
  #values = new Int16Array(0);

  protected override grow(capacity: number): void {
    const values = new Int16Array(capacity);
    values.set(this.#values.subarray(0, this.rows));
    this.#values = values;
  }

  protected override decode({ view, offsets, lengths }: FieldIndex, start: number, end: number): void {
    const values = this.#values;
    for (let i = start, row = this.rows; i < end; i++, row++) {
      const length = lengths[i] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      checkLength(length, 2, row);
      values[row] = view.getInt16(offsets[i] ?? 0);
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = this.#values.subarray(0, length);
    this.#values = new Int16Array(0);
    return makeData({ type: new Int16(), length, ...nulls, data });
  }
}

/** Values of four bytes: int4, oid, float4, date. */
export class Word32Decoder extends ColumnDecoder {
  readonly #kind: "int4" | "oid" | "float4" | "date";
  #values = new Int32Array(0);

  constructor(kind: "int4" | "oid" | "float4" | "date") {
    super();
    this.#kind = kind;
  }

  protected override grow(capacity: number): void {
    const values = new Int32Array(capacity);
    values.set(this.#values.subarray(0, this.rows));
    this.#values = values;
  }

  protected override decode({ view, offsets, lengths }: FieldIndex, start: number, end: number): void {
    const values = this.#values;
    for (let i = start, row = this.rows; i < end; i++, row++) {
      const length = lengths[i] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      checkLength(length, 4, row);
      values[row] = view.getInt32(offsets[i] ?? 0);
    }
    if (this.#kind === "date") shiftDates(values, this.rows, this.rows + end - start);
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = this.#values.subarray(0, length);
    this.#values = new Int32Array(0);
    const { buffer } = data;
    switch (this.#kind) {
      case "int4":
        return makeData({ type: new Int32(), length, ...nulls, data });
      case "date":
        return makeData({ type: new DateDay(), length, ...nulls, data });
      case "oid":
        return makeData({ type: new Uint32(), length, ...nulls, data: new Uint32Array(buffer, 0, length) });
      case "float4":
        return makeData({ type: new Float32(), length, ...nulls, data: new Float32Array(buffer, 0, length) });
    }
  }
}

/** PostgreSQL's infinities are the extremes of 32 bits; ours are the greatest and its negation. */
function shiftDates(values: Int32Array, start: number, end: number): void {
  for (let row = start; row < end; row++) {
    const days = values[row] ?? 0;
    if (days === INT32_MIN) values[row] = -INT32_MAX;
    else if (days !== INT32_MAX) values[row] = days + EPOCH_DAYS;
  }
}

/** Values of eight bytes: int8, float8, time, timestamp, timestamptz. */
export class Word64Decoder extends ColumnDecoder {
  readonly #kind: "int8" | "float8" | "time" | "timestamp" | "timestamptz";
  /** Low word, high word of each. */
  #words = new Int32Array(0);

  constructor(kind: "int8" | "float8" | "time" | "timestamp" | "timestamptz") {
    super();
    this.#kind = kind;
  }

  protected override grow(capacity: number): void {
    const words = new Int32Array(capacity * 2);
    words.set(this.#words.subarray(0, this.rows * 2));
    this.#words = words;
  }

  protected override decode({ view, offsets, lengths }: FieldIndex, start: number, end: number): void {
    const words = this.#words;
    for (let i = start, row = this.rows; i < end; i++, row++) {
      const length = lengths[i] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      checkLength(length, 8, row);
      const offset = offsets[i] ?? 0;
      words[row * 2] = view.getInt32(offset + 4);
      words[row * 2 + 1] = view.getInt32(offset);
    }
    if (this.#kind === "timestamp" || this.#kind === "timestamptz") {
      shiftTimestamps(words, lengths, start, this.rows, end - start);
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const { buffer } = this.#words;
    this.#words = new Int32Array(0);
    switch (this.#kind) {
      case "int8":
        return makeData({ type: new Int64(), length, ...nulls, data: new BigInt64Array(buffer, 0, length) });
      case "float8":
        return makeData({ type: new Float64(), length, ...nulls, data: new Float64Array(buffer, 0, length) });
      case "time": {
        const data = new BigInt64Array(buffer, 0, length);
        return makeData({ type: new TimeMicrosecond(), length, ...nulls, data });
      }
      case "timestamp":
      case "timestamptz": {
        const type = new TimestampMicrosecond(this.#kind === "timestamp" ? null : "UTC");
        return makeData({ type, length, ...nulls, data: new BigInt64Array(buffer, 0, length) });
      }
    }
  }
}

/** Adds the epochs' distance in two words, without a bigint a value. */
function shiftTimestamps(
  words: Int32Array,
  lengths: Int32Array,
  from: number,
  firstRow: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    if ((lengths[from + i] ?? -1) < 0) continue;
    const row = firstRow + i;
    const low = (words[row * 2] ?? 0) >>> 0;
    const high = words[row * 2 + 1] ?? 0;
    if (high === INT32_MAX && low === 0xffff_ffff) continue;
    if (high === INT32_MIN && low === 0) {
      words[row * 2] = 1;
      continue;
    }
    const sum = low + EPOCH_MICROS_LOW;
    const newHigh = high + EPOCH_MICROS_HIGH + (sum > 0xffff_ffff ? 1 : 0);
    if (newHigh > INT32_MAX) {
      throw new DecodeError(
        row,
        "is a time after the year 294246, which 64 bits of microseconds cannot hold",
      );
    }
    words[row * 2] = sum | 0;
    words[row * 2 + 1] = newHigh;
  }
}

export class UuidDecoder extends ColumnDecoder {
  #values = new Uint8Array(0);

  protected override grow(capacity: number): void {
    const values = new Uint8Array(capacity * 16);
    values.set(this.#values.subarray(0, this.rows * 16));
    this.#values = values;
  }

  protected override decode({ bytes, offsets, lengths }: FieldIndex, start: number, end: number): void {
    const values = this.#values;
    for (let i = start, row = this.rows; i < end; i++, row++) {
      const length = lengths[i] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      checkLength(length, 16, row);
      const offset = offsets[i] ?? 0;
      for (let b = 0; b < 16; b++) values[row * 16 + b] = bytes[offset + b] ?? 0;
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = this.#values.subarray(0, length * 16);
    this.#values = new Uint8Array(0);
    return makeData({ type: new FixedSizeBinary(16), length, ...nulls, data });
  }
}

/** Microseconds in int64, days, months → months, days, nanoseconds in int64. */
export class IntervalDecoder extends ColumnDecoder {
  #words = new Int32Array(0);

  protected override grow(capacity: number): void {
    const words = new Int32Array(capacity * 4);
    words.set(this.#words.subarray(0, this.rows * 4));
    this.#words = words;
  }

  protected override decode({ view, offsets, lengths }: FieldIndex, start: number, end: number): void {
    const words = this.#words;
    for (let i = start, row = this.rows; i < end; i++, row++) {
      const length = lengths[i] ?? -1;
      if (length < 0) {
        this.markNull(row);
        continue;
      }
      checkLength(length, 16, row);
      const offset = offsets[i] ?? 0;
      const nanos = view.getBigInt64(offset) * 1000n;
      if (BigInt.asIntN(64, nanos) !== nanos) {
        throw new DecodeError(
          row,
          "is an interval of more than 292 years of hours, beyond 64 bits of nanoseconds",
        );
      }
      words[row * 4] = view.getInt32(offset + 12);
      words[row * 4 + 1] = view.getInt32(offset + 8);
      words[row * 4 + 2] = Number(BigInt.asIntN(32, nanos));
      words[row * 4 + 3] = Number(nanos >> 32n);
    }
  }

  protected override build(length: number, nulls: Nulls): Data {
    const data = this.#words.subarray(0, length * 4);
    this.#words = new Int32Array(0);
    return makeData({ type: new IntervalMonthDayNano(), length, ...nulls, data });
  }
}
