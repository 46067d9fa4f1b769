import {
  BufferType,
  Data,
  DataType,
  DateUnit,
  makeData,
  RecordBatch,
  TimeUnit,
  type Vector,
} from "apache-arrow";
import type { Cursor } from "../../../contract/connector/source.ts";
import { isSameName } from "../../../contract/sql.ts";
import { AppError } from "../../../contract/errors.ts";

/** The rows of Arrow batches that a cursor asks for: not below its value, or NULL. */
export class ArrowFilter {
  readonly #cursor: Cursor;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  /** The batch without the other rows; undefined where none is left. Throws `invalid` for a column that does not sort. */
  apply(batch: RecordBatch): RecordBatch | undefined {
    const index = batch.schema.fields.findIndex(({ name }) => isSameName(name, this.#cursor.column));
    const column = batch.getChildAt(index);
    if (column === null) {
      throw new AppError(
        "invalid",
        `Cannot read the files: there is no column "${this.#cursor.column}" for the cursor`,
      );
    }
    const isBelow = belowCursor(column, this.#cursor);
    const rows: number[] = [];
    for (let row = 0; row < batch.numRows; row++) if (!isBelow(row)) rows.push(row);
    if (rows.length === batch.numRows) return batch;
    if (rows.length === 0) return undefined;
    const children = batch.data.children.map((child) => take(child, rows));
    const type = batch.data.type;
    return new RecordBatch(batch.schema, makeData({ type, length: rows.length, nullCount: 0, children }));
  }
}

function belowCursor(column: Vector, cursor: Cursor): (row: number) => boolean {
  const [data] = column.data;
  const type: DataType = column.type;
  if (data === undefined) return () => false;
  const { values } = data;
  const isNull = (row: number) => data.nullCount > 0 && !data.getValid(row);
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    const limit = new TextEncoder().encode(cursor.value);
    return (row) =>
      !isNull(row) &&
      compareBytes(
          values.subarray(Number(data.valueOffsets[row]), Number(data.valueOffsets[row + 1])),
          limit,
        ) < 0;
  }
  if (DataType.isFloat(type)) {
    const limit = Number(cursor.value);
    return (row) => !isNull(row) && values[row] < limit;
  }
  const limit = integerLimit(type, cursor);
  return (row) => !isNull(row) && BigInt(values[row]) < limit;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const UNITS_A_SECOND: Readonly<Record<TimeUnit, bigint>> = {
  [TimeUnit.SECOND]: 1n,
  [TimeUnit.MILLISECOND]: 1_000n,
  [TimeUnit.MICROSECOND]: 1_000_000n,
  [TimeUnit.NANOSECOND]: 1_000_000_000n,
};

/** The least value that is wanted, in the column's own unit. */
function integerLimit(type: DataType, cursor: Cursor): bigint {
  if (DataType.isInt(type)) return BigInt(cursor.value);
  const text = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:\+00(?::00)?)?)?$/.exec(
    cursor.value,
  );
  const seconds = text === null ? NaN : Date.parse(`${text[1]}T${text[2] ?? "00:00:00"}Z`) / 1_000;
  if (text !== null && Number.isInteger(seconds)) {
    const nanos = BigInt(seconds) * 1_000_000_000n + BigInt((text[3] ?? "").padEnd(9, "0"));
    if (DataType.isTimestamp(type)) return ceilDivide(nanos, 1_000_000_000n / UNITS_A_SECOND[type.unit]);
    if (DataType.isDate(type)) {
      return ceilDivide(nanos, type.unit === DateUnit.DAY ? 86_400_000_000_000n : 1_000_000n);
    }
  }
  throw new AppError(
    "invalid",
    `Cannot read the files: column "${cursor.column}" of type ${type} with the value ${cursor.value} cannot be an update_key`,
  );
}

function ceilDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return quotient * divisor < value ? quotient + 1n : quotient;
}

/** The given rows of a column, in their order. */
export function take(data: Data, rows: readonly number[]): Data {
  const type: DataType = data.type;
  const length = rows.length;
  const validity = takeValidity(data, rows);
  const base = { length, nullCount: validity.nullCount, nullBitmap: validity.bitmap };
  if (DataType.isNull(type)) return makeData({ type, length });
  if (DataType.isStruct(type)) {
    return makeData({ type, ...base, children: data.children.map((child) => take(child, rows)) });
  }
  if (DataType.isFixedSizeList(type)) {
    const items = rows.flatMap((row) =>
      Array.from({ length: type.listSize }, (_, i) => row * type.listSize + i)
    );
    return makeData({ type, ...base, child: takeChild(data, items) });
  }
  if (DataType.isList(type) || DataType.isMap(type)) {
    const { offsets, items } = takeRanges(data, rows);
    const child = takeChild(data, items);
    return DataType.isList(type)
      ? makeData({ type, ...base, valueOffsets: offsets, child })
      : makeData({ type, ...base, valueOffsets: offsets, child });
  }
  if (DataType.isUtf8(type) || DataType.isBinary(type)) {
    const { offsets, bytes } = takeBytes(data, rows);
    return DataType.isUtf8(type)
      ? makeData({ type, ...base, valueOffsets: offsets, data: bytes })
      : makeData({ type, ...base, valueOffsets: offsets, data: bytes });
  }
  if (DataType.isUnion(type) || DataType.isLargeUtf8(type) || DataType.isLargeBinary(type)) {
    throw new AppError(
      "invalid",
      `Cannot read the files: a column of type ${type} does not go with a cursor`,
    );
  }
  const values = DataType.isBool(type) ? takeBits(data, rows) : takeFixed(data, rows);
  const buffers = { [BufferType.DATA]: values, [BufferType.VALIDITY]: validity.bitmap };
  return new Data(type, 0, length, validity.nullCount, buffers, [], data.dictionary);
}

function takeChild(data: Data, rows: readonly number[]): Data {
  const [child] = data.children;
  if (child === undefined) throw new AppError("internal", "A list has no items");
  return take(child, rows);
}

function takeValidity(data: Data, rows: readonly number[]): { bitmap: Uint8Array; nullCount: number } {
  const bitmap = new Uint8Array((rows.length + 7) >> 3);
  let nullCount = 0;
  rows.forEach((row, i) => {
    if (data.nullCount === 0 || data.getValid(row)) bitmap[i >> 3] = (bitmap[i >> 3] ?? 0) | (1 << (i & 7));
    else nullCount++;
  });
  return { bitmap, nullCount };
}

function takeBits(data: Data, rows: readonly number[]): Uint8Array {
  const bits = new Uint8Array((rows.length + 7) >> 3);
  rows.forEach((row, i) => {
    const at = data.offset + row;
    if ((((data.values[at >> 3] ?? 0) >> (at & 7)) & 1) === 1) {
      bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
    }
  });
  return bits;
}

/** Values of a fixed width, in elements of the array that the type has. */
function takeFixed(data: Data, rows: readonly number[]): Data["values"] {
  const { values, stride } = data;
  const taken = new values.constructor(rows.length * stride);
  rows.forEach((row, i) => {
    for (let k = 0; k < stride; k++) taken[i * stride + k] = values[row * stride + k];
  });
  return taken;
}

function takeRanges(data: Data, rows: readonly number[]): { offsets: Int32Array; items: number[] } {
  const offsets = new Int32Array(rows.length + 1);
  const items: number[] = [];
  rows.forEach((row, i) => {
    for (let item = Number(data.valueOffsets[row]); item < Number(data.valueOffsets[row + 1]); item++) {
      items.push(item);
    }
    offsets[i + 1] = items.length;
  });
  return { offsets, items };
}

function takeBytes(data: Data, rows: readonly number[]): { offsets: Int32Array; bytes: Uint8Array } {
  const offsets = new Int32Array(rows.length + 1);
  rows.forEach((row, i) => {
    offsets[i + 1] = (offsets[i] ?? 0) + Number(data.valueOffsets[row + 1]) - Number(data.valueOffsets[row]);
  });
  const bytes = new Uint8Array(offsets[rows.length] ?? 0);
  rows.forEach((row, i) => {
    bytes.set(
      data.values.subarray(Number(data.valueOffsets[row]), Number(data.valueOffsets[row + 1])),
      offsets[i] ?? 0,
    );
  });
  return { offsets, bytes };
}
