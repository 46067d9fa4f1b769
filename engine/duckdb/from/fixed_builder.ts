import duckdb from "@duckdb/node-bindings";
import type { Data, DataType, Vector } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { arrowData } from "../arrow_data.ts";
import { bitmapBytes, isSet, setBit } from "../bitmap.ts";
import type { ColumnBuilder } from "./column_builder.ts";
import { decimalBytes, type DuckType, enumBytes } from "../duck_type.ts";
import { GrowingBitmap, GrowingBytes } from "./growing_buffer.ts";

/**
 * Turns `count` DuckDB values in `source` into Arrow ones, written to `target` from `at` on.
 * `bitmap` is the vector's validity, with the first value's bit at `start`.
 */
type Convert = (
  source: Uint8Array<ArrayBuffer>,
  target: Uint8Array<ArrayBuffer>,
  at: number,
  count: number,
  bitmap: Uint8Array | undefined,
  start: number,
) => void;

interface Layout {
  readonly duckBytes: number;
  readonly arrowBytes: number;
  /** Undefined: both keep the same bytes. */
  readonly convert?: Convert;
}

/** Columns whose values all have the same number of bytes, but for BOOLEAN. */
export class FixedBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #layout: Layout;
  readonly #dictionary: Vector | undefined;
  readonly #values = new GrowingBytes();
  readonly #validity = new GrowingBitmap();

  constructor(type: DataType, layout: Layout, dictionary?: Vector) {
    this.#type = type;
    this.#layout = layout;
    this.#dictionary = dictionary;
  }

  get sizeBytes(): number {
    return this.#values.length;
  }

  weigh(): number {
    return 0;
  }

  append(vector: duckdb.Vector, start: number, count: number): void {
    const { duckBytes, arrowBytes, convert } = this.#layout;
    const bitmap = this.#validity.appendOf(vector, start, count);
    if (count === 0) return;
    const source = duckdb.vector_get_data(vector, (start + count) * duckBytes).subarray(start * duckBytes);
    if (convert === undefined) {
      this.#values.append(source);
      return;
    }
    const target = this.#values.reserve(count * arrowBytes);
    // A copy, as typed arrays want the memory aligned and DuckDB's may be foreign.
    convert(new Uint8Array(source), target, this.#values.length, count, bitmap, start);
    this.#values.advance(count * arrowBytes);
  }

  take(): Data {
    const values = new this.#type.ArrayType(this.#values.take().buffer);
    return arrowData(this.#type, { ...this.#validity.take(), values, dictionary: this.#dictionary });
  }
}

/** BOOLEAN: a byte a value in DuckDB, a bit in Arrow. */
export class BoolBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #values = new GrowingBytes();
  readonly #validity = new GrowingBitmap();

  constructor(type: DataType) {
    this.#type = type;
  }

  get sizeBytes(): number {
    return this.#values.length / 8;
  }

  weigh(): number {
    return 0;
  }

  append(vector: duckdb.Vector, start: number, count: number): void {
    this.#validity.appendOf(vector, start, count);
    if (count > 0) this.#values.append(duckdb.vector_get_data(vector, start + count).subarray(start));
  }

  take(): Data {
    const validity = this.#validity.take();
    const values = new Uint8Array(bitmapBytes(validity.length));
    this.#values.take().forEach((value, i) => {
      if (value !== 0) setBit(values, i);
    });
    return arrowData(this.#type, { ...validity, values });
  }
}

/** How DuckDB and Arrow keep the values of a type of fixed width. */
export function layoutOf(type: DuckType): Layout | undefined {
  if (type.kind === "decimal") return decimalLayout(decimalBytes(type.width));
  if (type.kind === "enum") {
    const bytes = enumBytes(type.values.length);
    return { duckBytes: bytes, arrowBytes: bytes, convert: zeroNulls(bytes) };
  }
  if (type.kind !== "scalar") return undefined;
  if (type.id === duckdb.Type.UUID) return { duckBytes: 16, arrowBytes: 16, convert: copyUuids };
  if (type.id === duckdb.Type.INTERVAL) return { duckBytes: 16, arrowBytes: 16, convert: copyIntervals };
  const bytes = SAME_BYTES.get(type.id);
  return bytes === undefined ? undefined : { duckBytes: bytes, arrowBytes: bytes };
}

/** Types that DuckDB and Arrow keep alike, with the bytes of a value. */
const SAME_BYTES: ReadonlyMap<duckdb.Type, number> = new Map([
  [duckdb.Type.TINYINT, 1],
  [duckdb.Type.UTINYINT, 1],
  [duckdb.Type.SMALLINT, 2],
  [duckdb.Type.USMALLINT, 2],
  [duckdb.Type.INTEGER, 4],
  [duckdb.Type.UINTEGER, 4],
  [duckdb.Type.FLOAT, 4],
  [duckdb.Type.DATE, 4],
  [duckdb.Type.BIGINT, 8],
  [duckdb.Type.UBIGINT, 8],
  [duckdb.Type.DOUBLE, 8],
  [duckdb.Type.TIME, 8],
  [duckdb.Type.TIME_NS, 8],
  [duckdb.Type.TIMESTAMP, 8],
  [duckdb.Type.TIMESTAMP_S, 8],
  [duckdb.Type.TIMESTAMP_MS, 8],
  [duckdb.Type.TIMESTAMP_NS, 8],
  [duckdb.Type.TIMESTAMP_TZ, 8],
  [duckdb.Type.HUGEINT, 16],
  [duckdb.Type.UHUGEINT, 16],
]);

function decimalLayout(duckBytes: 2 | 4 | 8 | 16): Layout {
  if (duckBytes === 16) return { duckBytes, arrowBytes: 16 };
  return { duckBytes, arrowBytes: 16, convert: duckBytes === 8 ? widenLongs : widenInts(duckBytes) };
}

/** Sign-extends 64-bit integers to 128 bits. */
const widenLongs: Convert = (source, target, at, count) => {
  const from = new Int32Array(source.buffer, 0, count * 2);
  const to = new Int32Array(target.buffer, at, count * 4);
  for (let i = 0; i < count; i++) {
    const high = from[i * 2 + 1] ?? 0;
    to[i * 4] = from[i * 2] ?? 0;
    to[i * 4 + 1] = high;
    to[i * 4 + 2] = high >> 31;
    to[i * 4 + 3] = high >> 31;
  }
};

const widenInts = (bytes: 2 | 4): Convert => (source, target, at, count) => {
  const from = bytes === 2
    ? new Int16Array(source.buffer, 0, count)
    : new Int32Array(source.buffer, 0, count);
  const to = new Int32Array(target.buffer, at, count * 4);
  for (let i = 0; i < count; i++) {
    const value = from[i] ?? 0;
    to[i * 4] = value;
    to[i * 4 + 1] = value >> 31;
    to[i * 4 + 2] = value >> 31;
    to[i * 4 + 3] = value >> 31;
  }
};

/** A NULL's code may be anything, and readers of a dictionary look every code up. */
const zeroNulls = (bytes: number): Convert => (source, target, at, count, bitmap, start) => {
  target.set(source.subarray(0, count * bytes), at);
  if (bitmap === undefined) return;
  for (let i = 0; i < count; i++) {
    if (!isSet(bitmap, start + i)) target.fill(0, at + i * bytes, at + (i + 1) * bytes);
  }
};

/** DuckDB keeps a UUID little-endian with the first bit flipped, so that it sorts as its text does. */
const copyUuids: Convert = (source, target, at, count) => {
  for (let i = 0; i < count; i++) {
    const from = i * 16;
    for (let j = 0; j < 16; j++) target[at + from + j] = source[from + 15 - j] ?? 0;
    target[at + from] = (target[at + from] ?? 0) ^ 0x80;
  }
};

const MAX_INTERVAL_MICROS = 9_223_372_036_854_775n;

/** Months, days, microseconds → months, days, nanoseconds. */
const copyIntervals: Convert = (source, target, at, count, bitmap, start) => {
  target.set(source.subarray(0, count * 16), at);
  const times = new BigInt64Array(target.buffer, at, count * 2);
  for (let i = 0; i < count; i++) {
    const micros = times[i * 2 + 1] ?? 0n;
    const isValid = bitmap === undefined || isSet(bitmap, start + i);
    if (isValid && (micros > MAX_INTERVAL_MICROS || micros < -MAX_INTERVAL_MICROS)) {
      throw new AppError("invalid", `an INTERVAL of ${micros} microseconds is longer than Arrow's can be`);
    }
    times[i * 2 + 1] = micros * 1_000n;
  }
};
