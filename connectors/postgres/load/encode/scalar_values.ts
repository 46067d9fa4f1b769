import { type Data, DataType, DateUnit, IntervalUnit, TimeUnit } from "apache-arrow";
import { EncodeError, valuesOf } from "./column_encoder.ts";
import { FIELD, type FieldKind } from "../../../../kernels/copy_fields.ts";
import type { PutValue } from "./fixed_encoder.ts";

/** How fixed-size Arrow values are put as PostgreSQL's: all big-endian, dates and times since 2000. */

const EPOCH_DAYS = 10_957;
const EPOCH_MICROS = 946_684_800_000_000n;
const INT64_MAX = 0x7fff_ffff_ffff_ffffn;
const INT64_MIN = -INT64_MAX - 1n;
const DAY_MS = 86_400_000n;

/** Microseconds in one unit, or units in one microsecond. */
const MICROS: Readonly<Record<TimeUnit, { readonly times: bigint; readonly over: bigint }>> = {
  [TimeUnit.SECOND]: { times: 1_000_000n, over: 1n },
  [TimeUnit.MILLISECOND]: { times: 1_000n, over: 1n },
  [TimeUnit.MICROSECOND]: { times: 1n, over: 1n },
  [TimeUnit.NANOSECOND]: { times: 1n, over: 1_000n },
};

type SmallIntegers = Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;

/** Any integer of up to 64 bits signed into int2, int4 or int8, with a check where it may not fit. */
export function putInteger(data: Data, target: "int2" | "int4" | "int8"): PutValue | FieldKind {
  if (data.values instanceof BigInt64Array) return putInt64(data.values, target);
  if (data.values instanceof Int32Array && target === "int4") return FIELD.word32;
  if (data.values instanceof Int16Array && target === "int2") return FIELD.word16;
  const values = smallIntegers(data);
  if (target === "int8") {
    return (view, at, row) => {
      const value = values[row] ?? 0;
      view.setInt32(at, value < 0 ? -1 : 0);
      view.setInt32(at + 4, value);
    };
  }
  const limit = target === "int2" ? 0x8000 : 0x8000_0000;
  return (view, at, row) => {
    const value = values[row] ?? 0;
    if (value >= limit || value < -limit) throw notIn(row, value, target);
    if (target === "int2") view.setInt16(at, value);
    else view.setInt32(at, value);
  };
}

function putInt64(values: BigInt64Array, target: "int2" | "int4" | "int8"): PutValue | FieldKind {
  if (target === "int8") return FIELD.word64;
  const words = wordsOf(values);
  const limit = target === "int2" ? 0x8000 : 0x8000_0000;
  return (view, at, row) => {
    const low = words[row * 2] ?? 0;
    const high = words[row * 2 + 1] ?? 0;
    if (high !== low >> 31 || low >= limit || low < -limit) throw notIn(row, values[row] ?? 0n, target);
    if (target === "int2") view.setInt16(at, low);
    else view.setInt32(at, low);
  };
}

const notIn = (row: number, value: number | bigint, target: string): EncodeError =>
  new EncodeError(row, `is ${value}, which ${target} cannot hold`);

function smallIntegers(data: Data): SmallIntegers {
  const values: unknown = data.values;
  if (
    values instanceof Int8Array || values instanceof Int16Array || values instanceof Int32Array ||
    values instanceof Uint8Array || values instanceof Uint16Array || values instanceof Uint32Array
  ) return values;
  throw new TypeError(`Arrow ${data.type} came without a buffer of integers`);
}

export function putDate(data: Data): PutValue | FieldKind {
  const isOfMs = DataType.isDate(data.type) && data.type.unit === DateUnit.MILLISECOND;
  return isOfMs ? putDateOfMs(data) : FIELD.date;
}

function putDateOfMs(data: Data): PutValue {
  const values = valuesOf(data, BigInt64Array);
  return (view, at, row) => {
    const milliseconds = values[row] ?? 0n;
    if (milliseconds % DAY_MS !== 0n) throw new EncodeError(row, "is a date with a time of day");
    view.setInt32(at, Number(milliseconds / DAY_MS) - EPOCH_DAYS);
  };
}

export function putTime(data: Data, unit: TimeUnit): PutValue | FieldKind {
  if (unit === TimeUnit.MICROSECOND) return FIELD.word64;
  const toMicros = microsOf(data, unit);
  return (view, at, row) => view.setBigInt64(at, toMicros(row));
}

export function putTimestamp(data: Data, unit: TimeUnit): PutValue | FieldKind {
  return unit === TimeUnit.MICROSECOND ? FIELD.timestamp : putAnyTimestamp(data, unit);
}

function putAnyTimestamp(data: Data, unit: TimeUnit): PutValue {
  const values = valuesOf(data, BigInt64Array);
  const toMicros = microsOf(data, unit);
  return (view, at, row) => {
    const value = values[row] ?? 0n;
    if (value === INT64_MAX) view.setBigInt64(at, INT64_MAX);
    else if (value === -INT64_MAX) view.setBigInt64(at, INT64_MIN);
    else {
      const micros = toMicros(row) - EPOCH_MICROS;
      // Stored as it is, it would come round to the far future.
      if (micros < INT64_MIN || micros > INT64_MAX) {
        throw new EncodeError(row, "is a time out of PostgreSQL's range");
      }
      view.setBigInt64(at, micros);
    }
  };
}

/** PostgreSQL: microseconds in int64, days, months. */
export function putInterval(data: Data): PutValue {
  const unit = DataType.isInterval(data.type) ? data.type.unit : undefined;
  const values = valuesOf(data, Int32Array);
  const put = (view: DataView, at: number, months: number, days: number, micros: bigint) => {
    view.setBigInt64(at, micros);
    view.setInt32(at + 8, days);
    view.setInt32(at + 12, months);
  };
  if (unit === IntervalUnit.YEAR_MONTH) return (view, at, row) => put(view, at, values[row] ?? 0, 0, 0n);
  if (unit === IntervalUnit.DAY_TIME) {
    return (view, at, row) =>
      put(view, at, 0, values[row * 2] ?? 0, BigInt(values[row * 2 + 1] ?? 0) * 1000n);
  }
  return (view, at, row) => {
    const low = BigInt((values[row * 4 + 2] ?? 0) >>> 0);
    const nanos = (BigInt(values[row * 4 + 3] ?? 0) << 32n) | low;
    if (nanos % 1000n !== 0n) {
      throw new EncodeError(row, "has nanoseconds, and PostgreSQL keeps microseconds");
    }
    put(view, at, values[row * 4] ?? 0, values[row * 4 + 1] ?? 0, nanos / 1000n);
  };
}

export function putDuration(data: Data, unit: TimeUnit): PutValue {
  const toMicros = microsOf(data, unit);
  return (view, at, row) => {
    view.setBigInt64(at, toMicros(row));
    view.setBigInt64(at + 8, 0n);
  };
}

function microsOf(data: Data, unit: TimeUnit): (row: number) => bigint {
  const { times, over } = MICROS[unit];
  const values: unknown = data.values;
  if (!(values instanceof BigInt64Array || values instanceof Int32Array)) {
    throw new TypeError(`Arrow ${data.type} came without a buffer of integers`);
  }
  return (row) => {
    const value = BigInt(values[row] ?? 0);
    if (over !== 1n && value % over !== 0n) {
      throw new EncodeError(row, "has nanoseconds, and PostgreSQL keeps microseconds");
    }
    return value * times / over;
  };
}

const wordsOf = (values: BigInt64Array): Int32Array =>
  new Int32Array(values.buffer, values.byteOffset, values.length * 2);
