import { Data, DataType, Field, makeData, RecordBatch, Schema, Struct } from "apache-arrow";

/**
 * Arrow columns from plain values and back, for tests. Integers of 64 bits, decimals (unscaled), times
 * and timestamps are bigints; dates are days; binaries are Uint8Array; intervals are
 * `{ months, days, nanos }`; lists are arrays; NULL is null.
 */
export type Cell = null | boolean | number | bigint | string | Uint8Array | Interval | readonly Cell[];

export interface Interval {
  readonly months: number;
  readonly days: number;
  readonly nanos: bigint;
}

export interface TestColumn {
  readonly field: Field;
  readonly values: readonly Cell[];
}

export function testColumn(
  name: string,
  type: DataType,
  values: readonly Cell[],
  metadata: Readonly<Record<string, string>> = {},
): TestColumn {
  return { field: new Field(name, type, true, new Map(Object.entries(metadata))), values };
}

export const schemaOf = (columns: readonly TestColumn[]): Schema =>
  new Schema(columns.map(({ field }) => field));

export function batchOf(columns: readonly TestColumn[]): RecordBatch {
  const schema = schemaOf(columns);
  const length = columns[0]?.values.length ?? 0;
  const children = columns.map(({ field, values }) => dataOf(field.type, values));
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }),
  );
}

/** All rows of the batches, a cell a column. */
export function rowsOf(batches: readonly RecordBatch[]): Cell[][] {
  return batches.flatMap((batch) =>
    Array.from(
      { length: batch.numRows },
      (_, row) => batch.data.children.map((data: Data) => cellOf(data, row)),
    )
  );
}

function dataOf(type: DataType, values: readonly Cell[]): Data {
  const length = values.length;
  const nullCount = values.filter((value) => value === null).length;
  const nullBitmap = new Uint8Array((length + 7) >> 3);
  for (const [i, value] of values.entries()) if (value !== null) nullBitmap[i >> 3]! |= 1 << (i & 7);
  const nulls = { length, nullCount, nullBitmap };
  if (DataType.isBool(type)) {
    const data = new Uint8Array((length + 7) >> 3);
    for (const [i, value] of values.entries()) if (value === true) data[i >> 3]! |= 1 << (i & 7);
    return makeData({ type, ...nulls, data });
  }
  if (DataType.isUtf8(type)) return makeData({ type, ...nulls, ...bytesBuffers(values) });
  if (DataType.isBinary(type)) return makeData({ type, ...nulls, ...bytesBuffers(values) });
  if (DataType.isList(type)) {
    const lists = values.map((value) => (Array.isArray(value) ? value : []));
    const valueOffsets = new Int32Array(length + 1);
    for (const [i, list] of lists.entries()) valueOffsets[i + 1] = valueOffsets[i]! + list.length;
    const child = dataOf(type.valueType, lists.flat(1));
    return makeData({ type, ...nulls, valueOffsets, child });
  }
  return new Data(type, 0, length, nullCount, { 1: fixedBuffer(type, values), 2: nullBitmap });
}

function bytesBuffers(values: readonly Cell[]): { valueOffsets: Int32Array; data: Uint8Array } {
  const encoder = new TextEncoder();
  const chunks = values.map((value) =>
    typeof value === "string"
      ? encoder.encode(value)
      : value instanceof Uint8Array
      ? value
      : new Uint8Array(0)
  );
  const valueOffsets = new Int32Array(values.length + 1);
  for (const [i, chunk] of chunks.entries()) valueOffsets[i + 1] = valueOffsets[i]! + chunk.length;
  const data = new Uint8Array(valueOffsets[values.length]!);
  for (const [i, chunk] of chunks.entries()) data.set(chunk, valueOffsets[i]!);
  return { valueOffsets, data };
}

function fixedBuffer(type: DataType, values: readonly Cell[]) {
  const numbers = values.map((value) => (typeof value === "number" ? value : 0));
  const bigints = values.map((value) => (typeof value === "bigint" ? value : 0n));
  if (DataType.isInt(type)) {
    if (type.bitWidth === 64) {
      return type.isSigned ? BigInt64Array.from(bigints) : BigUint64Array.from(bigints);
    }
    const arrays = type.isSigned
      ? { 8: Int8Array, 16: Int16Array, 32: Int32Array }
      : { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array };
    return arrays[type.bitWidth].from(numbers);
  }
  if (DataType.isFloat(type)) {
    return type.precision === 2 ? Float64Array.from(numbers) : Float32Array.from(numbers);
  }
  if (DataType.isDate(type)) return Int32Array.from(numbers);
  if (DataType.isDecimal(type)) {
    return Uint32Array.from(bigints.flatMap((value) => words(value)));
  }
  if (DataType.isFixedSizeBinary(type)) {
    const data = new Uint8Array(values.length * type.byteWidth);
    for (const [i, value] of values.entries()) {
      if (value instanceof Uint8Array) data.set(value, i * type.byteWidth);
    }
    return data;
  }
  if (DataType.isInterval(type)) {
    return Int32Array.from(values.flatMap((value) => {
      if (!isInterval(value)) return [0, 0, 0, 0];
      const [low = 0, high = 0] = words(value.nanos);
      return [value.months, value.days, low | 0, high | 0];
    }));
  }
  return BigInt64Array.from(bigints);
}

function words(value: bigint): number[] {
  return [0n, 32n, 64n, 96n].map((shift) => Number((value >> shift) & 0xffff_ffffn));
}

const isInterval = (value: Cell): value is Interval =>
  typeof value === "object" && value !== null && "nanos" in value;

function cellOf(data: Data, row: number): Cell {
  if (!data.getValid(row)) return null;
  const { type } = data;
  if (DataType.isBool(type)) {
    return ((data.values[(data.offset + row) >> 3] >> ((data.offset + row) & 7)) & 1) === 1;
  }
  if (DataType.isUtf8(type)) return new TextDecoder().decode(bytesAt(data, row));
  if (DataType.isBinary(type)) return Uint8Array.from(bytesAt(data, row));
  if (DataType.isFixedSizeBinary(type)) {
    return Uint8Array.from(data.values.subarray(row * type.byteWidth, (row + 1) * type.byteWidth));
  }
  if (DataType.isList(type)) {
    const child = data.children[0]!;
    const [start, end] = [data.valueOffsets[row]!, data.valueOffsets[row + 1]!];
    return Array.from({ length: end - start }, (_, i) => cellOf(child, start + i));
  }
  if (DataType.isDecimal(type)) {
    const value = [3, 2, 1, 0].reduce((sum, w) => (sum << 32n) | BigInt(data.values[row * 4 + w]), 0n);
    return BigInt.asIntN(128, value);
  }
  if (DataType.isInterval(type)) {
    const [months, days, low, high] = data.values.subarray(row * 4, row * 4 + 4);
    return { months, days, nanos: (BigInt(high) << 32n) | BigInt(low >>> 0) };
  }
  return data.values[row];
}

const bytesAt = (data: Data, row: number): Uint8Array =>
  data.values.subarray(data.valueOffsets[row], data.valueOffsets[row + 1]);
