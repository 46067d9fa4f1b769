import { type Encode, int32View, int64View, isRowValid } from "./into/fixed_writer.ts";
import type { VectorKernel } from "../../kernels/vectors.ts";
import type { Bitmap } from "./bitmap.ts";
import { CellFault } from "./into/vector_writer.ts";

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_TIMESTAMP_MICROS = -9_223_372_022_400_000_000n;
const MIN_TIMESTAMP_NANOS = -9_223_286_400_000_000_000n;
const DAY_MICROS = 86_400_000_000n;
const DAY_MILLIS = 86_400_000n;

/** Decimals of `words` 32-bit words as DuckDB's integers of `bytes` bytes; at most `width` digits. */
export function encodeDecimals(
  kernel: VectorKernel,
  words: number,
  bytes: 2 | 4 | 8 | 16,
  width: number,
): Encode {
  const limit = 10n ** BigInt(width);
  return (values, count, bitmap) =>
    kernel.decimals(values, { words, bytes, limit }, count, (row) => {
      if (!isRowValid(bitmap, row)) return;
      const value = decimalAt(int32View(values), row * words, words);
      throw new CellFault(row, `the decimal ${value} (unscaled) has more than ${width} digits`);
    });
}

function decimalAt(from: Int32Array, at: number, words: number): bigint {
  let value = BigInt(from[at + words - 1] ?? 0);
  for (let word = words - 2; word >= 0; word--) value = (value << 32n) | BigInt((from[at + word] ?? 0) >>> 0);
  return value;
}

/** 64-bit integers, one by one. Rows without a value become 0. */
function mapLongs(
  values: BigInt64Array,
  count: number,
  bitmap: Bitmap,
  map: (value: bigint, row: number) => bigint,
) {
  const out = new BigInt64Array(count);
  for (let i = 0; i < count; i++) out[i] = isRowValid(bitmap, i) ? map(values[i] ?? 0n, i) : 0n;
  return new Uint8Array(out.buffer);
}

/**
 * Timestamps or durations in units of `multiply`/`divide` microseconds. The infinite ones stay;
 * nanoseconds that are no whole microseconds are refused, where DuckDB's own casts would cut them.
 */
export function encodeMicros(multiply: bigint, divide: bigint, keepsInfinity: boolean): Encode {
  return (values, count, bitmap) =>
    mapLongs(int64View(values), count, bitmap, (value, row) => {
      if (keepsInfinity && (value === MAX_INT64 || value === -MAX_INT64)) return value;
      const micros = divide === 1n ? value * multiply : wholeMicros(value, row);
      if (micros > MAX_INT64 || micros < -MAX_INT64) {
        throw new CellFault(row, `the time ${value} is out of range`);
      }
      return micros;
    });
}

/**
 * Timestamps as they are. Refuses what DuckDB could neither print nor cast: its range is that of
 * microseconds, from 290309 BC (nanoseconds: 1677) to the last before infinity.
 */
export function checkTimestamps(unitsPerMicro: { multiply: bigint; divide: bigint }): Encode {
  const { multiply, divide } = unitsPerMicro;
  const min = divide === 1n ? MIN_TIMESTAMP_MICROS / multiply : MIN_TIMESTAMP_NANOS;
  const max = (MAX_INT64 - 1n) / multiply;
  // The upper half alone shows for most values that they are right.
  const [lowest, highest] = [Number(min >> 32n), Number(max >> 32n)];
  return (values, count, bitmap) => {
    const words = int32View(values);
    for (let i = 0; i < count; i++) {
      const high = words[i * 2 + 1] ?? 0;
      if ((high > lowest && high < highest) || !isRowValid(bitmap, i)) continue;
      const value = (BigInt(high) << 32n) | BigInt((words[i * 2] ?? 0) >>> 0);
      const isInfinite = value === MAX_INT64 || value === -MAX_INT64;
      if (!isInfinite && (value < min || value > max)) {
        throw new CellFault(i, `the timestamp ${value} (since 1970) is out of range`);
      }
    }
    return new Uint8Array(words.buffer, words.byteOffset, count * 8);
  };
}

/** Durations: an INTERVAL of microseconds alone. */
export function encodeDurations(multiply: bigint, divide: bigint): Encode {
  const toMicros = encodeMicros(multiply, divide, false);
  return (values, count, bitmap) => {
    const micros = int64View(toMicros(values, count, bitmap));
    const out = new BigInt64Array(count * 2);
    for (let i = 0; i < count; i++) out[i * 2 + 1] = micros[i] ?? 0n;
    return new Uint8Array(out.buffer);
  };
}

/** Times of the day in 32 or 64 bits; 24:00:00 is one too. */
export function encodeTimes(bits: number, multiply: bigint, unitsPerDay: bigint): Encode {
  return (values, count, bitmap) => {
    const longs = bits === 64 ? int64View(values) : BigInt64Array.from(int32View(values), BigInt);
    return mapLongs(longs, count, bitmap, (value, row) => {
      if (value < 0n || value > unitsPerDay) {
        throw new CellFault(row, `the time of day ${value} is out of range`);
      }
      return value * multiply;
    });
  };
}

export const TIME_UNITS_PER_DAY = {
  seconds: DAY_MICROS / 1_000_000n,
  millis: DAY_MILLIS,
  micros: DAY_MICROS,
  nanos: DAY_MICROS * 1_000n,
} as const;

const MIN_DAY = -2_147_483_646;

/** Days in 32 bits; the one number that DuckDB has no date for is refused. */
export const encodeDays: Encode = (values, count, bitmap) => {
  const days = new Int32Array(int32View(values));
  for (let i = 0; i < count; i++) {
    const day = days[i] ?? 0;
    if (day < MIN_DAY - 1 && isRowValid(bitmap, i)) {
      throw new CellFault(i, `the date ${day} (days) is out of range`);
    }
  }
  return new Uint8Array(days.buffer);
};

/** Milliseconds that Arrow wants to be whole days. */
export const encodeMillisAsDays: Encode = (values, count, bitmap) => {
  const millis = int64View(values);
  const days = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    if (!isRowValid(bitmap, i)) continue;
    const value = millis[i] ?? 0n;
    const day = Number(value / DAY_MILLIS);
    if (value % DAY_MILLIS !== 0n || Math.abs(day) > -MIN_DAY) {
      throw new CellFault(i, `the date ${value} (milliseconds) is not a whole day or out of range`);
    }
    days[i] = day;
  }
  return new Uint8Array(days.buffer);
};

/** Months, days and nanoseconds as months, days and microseconds. */
export const encodeMonthDayNanos: Encode = (values, count, bitmap) => {
  const out = new Uint8Array(count * 16);
  out.set(values.subarray(0, count * 16));
  const longs = new BigInt64Array(out.buffer);
  for (let i = 0; i < count; i++) {
    longs[i * 2 + 1] = isRowValid(bitmap, i) ? wholeMicros(longs[i * 2 + 1] ?? 0n, i) : 0n;
  }
  return out;
};

/** Days and milliseconds. */
export const encodeDayTimes: Encode = (values, count) => {
  const from = int32View(values);
  const out = new BigInt64Array(count * 2);
  const ints = new Int32Array(out.buffer);
  for (let i = 0; i < count; i++) {
    ints[i * 4 + 1] = from[i * 2] ?? 0;
    out[i * 2 + 1] = BigInt(from[i * 2 + 1] ?? 0) * 1_000n;
  }
  return new Uint8Array(out.buffer);
};

export const encodeYearMonths: Encode = (values, count) => {
  const from = int32View(values);
  const out = new Int32Array(count * 4);
  for (let i = 0; i < count; i++) out[i * 4] = from[i] ?? 0;
  return new Uint8Array(out.buffer);
};

/** IEEE half precision as single; every value is exact. */
export const encodeHalves: Encode = (values, count) => {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) out[i] = halfToNumber(view.getUint16(i * 2, true));
  return new Uint8Array(out.buffer);
};

function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1_024) * 2 ** (exponent - 15);
}

function wholeMicros(nanos: bigint, row: number): bigint {
  if (nanos % 1_000n === 0n) return nanos / 1_000n;
  const reason = `${nanos} ns is no whole number of microseconds, which is what DuckDB keeps of an instant ` +
    "or a duration; write the column in microseconds, or as text";
  throw new CellFault(row, reason);
}
