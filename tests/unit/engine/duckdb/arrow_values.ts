import {
  Data,
  DataType,
  Dictionary,
  type Field,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  Vector,
} from "apache-arrow";

/**
 * Arrow arrays of plain values and back, on their own: nothing of it is taken from the code under
 * test. bigint: 64-bit integers, unscaled decimals, times, timestamps and durations; Uint8Array:
 * bytes; [months, days, nanoseconds]: intervals; arrays: lists and structs; pairs: maps.
 */
export type ArrowValue = null | boolean | number | bigint | string | Uint8Array | ArrowValue[];

const encoder = new TextEncoder();
/** What lies under NULLs, so that a reader that looks there is caught. */
const JUNK = 0xab;

export function batchOf(fields: readonly Field[], columns: readonly ArrowValue[][]): RecordBatch {
  const schema = new Schema([...fields]);
  const length = columns[0]?.length ?? 0;
  const children = fields.map((field, i) => dataOf(field.type, columns[i] ?? []));
  return new RecordBatch(schema, new Data(new Struct([...fields]), 0, length, 0, {}, children));
}

export function columnValues(batches: readonly RecordBatch[], column: number): ArrowValue[] {
  return batches.flatMap((batch) => {
    const data = batch.data.children[column];
    return data === undefined ? [] : valuesOf(data);
  });
}

export function dataOf(type: DataType, values: readonly ArrowValue[]): Data {
  const length = values.length;
  const nulls = values.filter((value) => value === null).length;
  const bitmap = bitsOf(values.map((value) => value !== null));
  const buffers = nulls === 0 ? {} : { 2: bitmap };
  const make = (parts: object, children: Data[] = [], dictionary?: Vector) =>
    new Data(type, 0, length, nulls, { ...buffers, ...parts }, children, dictionary);
  if (DataType.isNull(type)) return new Data(type, 0, length, length, {});
  if (DataType.isBool(type)) return make({ 1: bitsOf(values.map((value) => value === true)) });
  if (DataType.isDictionary(type)) {
    const known = [...new Set(values.filter((value) => value !== null).map(String))];
    const codes = values.map((value) => value === null ? 0 : known.indexOf(String(value)));
    const dictionary = new Vector([dataOf(type.dictionary, known)]);
    return make({ 1: type.indices.ArrayType.from(codes) }, [], dictionary);
  }
  if (DataType.isStruct(type) || DataType.isFixedSizeList(type) || hasOffsets(type)) {
    return nested(type, values, make);
  }
  const width = bytesPerValue(type);
  const bytes = new Uint8Array(length * width).fill(JUNK);
  values.forEach((value, i) =>
    value !== null && writeFixed(type, new DataView(bytes.buffer, i * width, width), value)
  );
  return make({ 1: new type.ArrayType(bytes.buffer) });
}

function nested(
  type: DataType,
  values: readonly ArrowValue[],
  make: (parts: object, children?: Data[]) => Data,
): Data {
  const lists = values.map((value) => Array.isArray(value) ? value : undefined);
  if (DataType.isStruct(type)) {
    const children = type.children.map((field: Field, i: number) =>
      dataOf(field.type, lists.map((l) => l?.[i] ?? null))
    );
    return make({}, children);
  }
  if (DataType.isFixedSizeList(type)) {
    const elements = lists.flatMap((list) => list ?? Array<ArrowValue>(type.listSize).fill(null));
    return make({}, [dataOf(type.valueType, elements)]);
  }
  if (DataType.isList(type) || DataType.isLargeList(type)) {
    const child = dataOf(type.valueType, lists.flatMap((list) => list ?? []));
    return make({ 0: offsetsOf(type, lists.map((list) => list?.length ?? 0)) }, [child]);
  }
  if (DataType.isMap(type)) {
    const child = dataOf(type.childType, lists.flatMap((list) => list ?? []));
    return make({ 0: offsetsOf(type, lists.map((list) => list?.length ?? 0)) }, [child]);
  }
  const parts = values.map((value) => typeof value === "string" ? encoder.encode(value) : toBytes(value));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return make({ 0: offsetsOf(type, parts.map((part) => part.length)), 1: bytes });
}

function hasOffsets(type: DataType): boolean {
  return DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isBinary(type) ||
    DataType.isLargeBinary(type) || DataType.isList(type) || DataType.isLargeList(type) ||
    DataType.isMap(type);
}

const isLarge = (type: DataType): boolean =>
  DataType.isLargeUtf8(type) || DataType.isLargeBinary(type) || DataType.isLargeList(type);

function offsetsOf(type: DataType, lengths: readonly number[]): Int32Array | BigInt64Array {
  const offsets = [0];
  for (const length of lengths) offsets.push((offsets.at(-1) ?? 0) + length);
  return isLarge(type) ? BigInt64Array.from(offsets, BigInt) : Int32Array.from(offsets);
}

function bytesPerValue(type: DataType): number {
  if (DataType.isFixedSizeBinary(type)) return type.byteWidth;
  if (DataType.isDecimal(type)) return type.bitWidth / 8;
  if (DataType.isInterval(type)) return 16;
  return type.ArrayType.BYTES_PER_ELEMENT;
}

function writeFixed(type: DataType, view: DataView, value: ArrowValue): void {
  if (DataType.isFixedSizeBinary(type)) {
    new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(toBytes(value));
  } else if (DataType.isInterval(type)) {
    const [months = 0, days = 0, nanos = 0n] = Array.isArray(value) ? value : [];
    view.setInt32(0, Number(months), true);
    view.setInt32(4, Number(days), true);
    view.setBigInt64(8, BigInt(String(nanos)), true);
  } else if (DataType.isFloat(type)) {
    if (view.byteLength === 4) view.setFloat32(0, Number(value), true);
    else view.setFloat64(0, Number(value), true);
  } else {
    let rest = BigInt(String(value));
    for (let i = 0; i < view.byteLength; i++) {
      view.setUint8(i, Number(rest & 0xffn));
      rest >>= 8n;
    }
  }
}

export function valuesOf(data: Data): ArrowValue[] {
  return Array.from({ length: data.length }, (_, i) => data.getValid(i) ? valueAt(data, i) : null);
}

function valueAt(data: Data, i: number): ArrowValue {
  const { type } = data;
  if (DataType.isNull(type)) return null;
  if (DataType.isBool(type)) {
    const bit = data.offset + i;
    return ((data.values[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
  }
  if (DataType.isDictionary(type)) {
    const code = Number(data.values[i]);
    const [values] = data.dictionary?.data ?? [];
    return values === undefined ? null : valueAt(values, code);
  }
  if (DataType.isStruct(type)) return data.children.map((child) => valuesOf(child.slice(i, 1))[0] ?? null);
  if (DataType.isFixedSizeList(type)) {
    const [child] = data.children;
    return child === undefined ? null : valuesOf(child.slice(i * type.listSize, type.listSize));
  }
  if (!hasOffsets(type)) return readFixed(type, data, i);
  const [from, end] = [Number(data.valueOffsets[i]), Number(data.valueOffsets[i + 1])];
  const [child] = data.children;
  if (child !== undefined) return valuesOf(child.slice(from, end - from));
  const bytes = new Uint8Array(data.values.subarray(from, end));
  return DataType.isUtf8(type)
    ? new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
    : bytes;
}

function readFixed(type: DataType, data: Data, i: number): ArrowValue {
  const width = bytesPerValue(type);
  const bytes = new Uint8Array(data.values.buffer, data.values.byteOffset + i * width, width);
  const view = new DataView(bytes.buffer, bytes.byteOffset, width);
  if (DataType.isFixedSizeBinary(type)) return new Uint8Array(bytes);
  if (DataType.isInterval(type)) {
    return [view.getInt32(0, true), view.getInt32(4, true), view.getBigInt64(8, true)];
  }
  if (DataType.isFloat(type)) return width === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
  let value = 0n;
  for (let byte = width - 1; byte >= 0; byte--) value = (value << 8n) | BigInt(bytes[byte] ?? 0);
  const isUnsigned = DataType.isInt(type) && !type.isSigned;
  const integer = isUnsigned ? value : BigInt.asIntN(width * 8, value);
  return width < 8 ? Number(integer) : integer;
}

function bitsOf(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, i) => {
    if (bit) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (1 << (i & 7));
  });
  return bytes;
}

const toBytes = (value: ArrowValue): Uint8Array => value instanceof Uint8Array ? value : new Uint8Array(0);

export const textDictionary = (indices: Dictionary["indices"]): Dictionary =>
  new Dictionary(new Utf8(), indices);
