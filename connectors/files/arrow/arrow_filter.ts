import {
  BufferType,
  Data,
  DataType,
  DateUnit,
  type Decimal,
  makeData,
  RecordBatch,
  TimeUnit,
  type Vector,
} from "apache-arrow";
import type { StreamRequest } from "../../../contract/connector/source.ts";
import { isInWindow } from "../../cursor.ts";
import { isSameName } from "../../../contract/sql.ts";
import { AppError } from "../../../contract/errors.ts";

export type ArrowWindow = Pick<StreamRequest, "cursor" | "until">;

/** The rows of Arrow batches that a cursor and the window's end ask for: see connectors/cursor.ts. */
export class ArrowFilter {
  readonly #window: ArrowWindow;
  readonly #column: string;

  constructor(window: ArrowWindow) {
    this.#window = window;
    this.#column = window.cursor?.column ?? window.until?.column ?? "";
  }

  /** The batch without the other rows; undefined where none is left. Throws `invalid` for a column that does not sort. */
  apply(batch: RecordBatch): RecordBatch | undefined {
    const index = batch.schema.fields.findIndex(({ name }) => isSameName(name, this.#column));
    const column = batch.getChildAt(index);
    if (column === null) {
      throw new AppError(
        "invalid",
        `Cannot read the files: there is no column "${this.#column}" for the cursor`,
      );
    }
    const isWanted = wantedRows(column, this.#window);
    const rows: number[] = [];
    for (let row = 0; row < batch.numRows; row++) if (isWanted(row)) rows.push(row);
    if (rows.length === batch.numRows) return batch;
    if (rows.length === 0) return undefined;
    const children = batch.data.children.map((child) => take(child, rows));
    const type = batch.data.type;
    return new RecordBatch(batch.schema, makeData({ type, length: rows.length, nullCount: 0, children }));
  }
}

interface Bound {
  readonly column: string;
  readonly value: string;
}

function wantedRows(column: Vector, { cursor, until }: ArrowWindow): (row: number) => boolean {
  const [data] = column.data;
  const type: DataType = column.type;
  if (data === undefined) return () => true;
  const window = {
    from: cursor === undefined ? undefined : comparing(data, type, cursor, ceilDivide),
    until: until === undefined
      ? undefined
      : comparing(data, type, until, until.isRange ? ceilDivide : floorDivide),
    isRange: until?.isRange,
    isEndless: (row: number) => DataType.isFloat(type) && !Number.isFinite(data.values[row]),
  };
  return (row) => isInWindow(data.nullCount > 0 && !data.getValid(row) ? null : row, window);
}

/** Compares the value of a row with the bound. `round` makes it a whole number of the column's unit. */
function comparing(
  data: Data,
  type: DataType,
  bound: Bound,
  round: (value: bigint, divisor: bigint) => bigint,
): (row: number) => number {
  const { values } = data;
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    const limit = new TextEncoder().encode(bound.value);
    return (row) =>
      compareBytes(
        values.subarray(Number(data.valueOffsets[row]), Number(data.valueOffsets[row + 1])),
        limit,
      );
  }
  if (DataType.isFloat(type)) {
    const limit = Number(bound.value);
    return (row) => values[row] < limit ? -1 : values[row] === limit ? 0 : 1;
  }
  if (DataType.isDecimal(type)) return comparingDecimals(values, type, bound, round);
  const limit = integerLimit(type, bound, round);
  return (row) => {
    const value = BigInt(values[row]);
    return value < limit ? -1 : value === limit ? 0 : 1;
  };
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

function comparingDecimals(
  values: Uint32Array,
  { scale, bitWidth }: Decimal,
  bound: Bound,
  round: (value: bigint, divisor: bigint) => bigint,
): (row: number) => number {
  const [, sign, whole = "", fraction = ""] = /^(-?)(\d*)(?:\.(\d*))?$/.exec(bound.value) ?? [];
  if (sign === undefined) throw unordered(bound, "a decimal");
  const digits = BigInt(`${sign}${whole}${fraction.padEnd(scale, "0")}`);
  const limit = round(digits, 10n ** BigInt(Math.max(0, fraction.length - scale)));
  const words = bitWidth / 32;
  return (row) => {
    let unsigned = 0n;
    for (let at = words - 1; at >= 0; at--) {
      unsigned = unsigned << 32n | BigInt(values[row * words + at] ?? 0);
    }
    const value = BigInt.asIntN(bitWidth, unsigned);
    return value < limit ? -1 : value === limit ? 0 : 1;
  };
}

function unordered(bound: Bound, type: string): AppError {
  return new AppError(
    "invalid",
    `Cannot read the files: column "${bound.column}" of type ${type} with the value ${bound.value} cannot be an update_key`,
  );
}

/** The bound in the column's own unit. */
function integerLimit(
  type: DataType,
  cursor: Bound,
  round: (value: bigint, divisor: bigint) => bigint,
): bigint {
  if (DataType.isInt(type)) return BigInt(cursor.value);
  const text = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:\+00(?::00)?)?)?$/.exec(
    cursor.value,
  );
  const seconds = text === null ? NaN : Date.parse(`${text[1]}T${text[2] ?? "00:00:00"}Z`) / 1_000;
  if (text !== null && Number.isInteger(seconds)) {
    const nanos = BigInt(seconds) * 1_000_000_000n + BigInt((text[3] ?? "").padEnd(9, "0"));
    if (DataType.isTimestamp(type)) return round(nanos, 1_000_000_000n / UNITS_A_SECOND[type.unit]);
    if (DataType.isDate(type)) {
      return round(nanos, type.unit === DateUnit.DAY ? 86_400_000_000_000n : 1_000_000n);
    }
  }
  throw unordered(cursor, String(type));
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return quotient * divisor > value ? quotient - 1n : quotient;
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
