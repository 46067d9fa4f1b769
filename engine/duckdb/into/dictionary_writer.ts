import type duckdb from "@duckdb/node-bindings";
import { type Data, DataType, type Vector } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { arrowData } from "../arrow_data.ts";
import { type Bitmap, bitmapBytes, setBit, validityOfData } from "../bitmap.ts";
import { arrayBytes, isRowValid, requireBytes } from "./fixed_writer.ts";
import { relativeEnds } from "./string_writer.ts";
import { CellFault, type VectorWriter } from "./vector_writer.ts";

/** Dictionary(V): looks the values up and writes them as V's are. */
export class DictionaryWriter implements VectorWriter {
  readonly #inner: VectorWriter;
  /** The strings of the dictionary that came last: every chunk of a column has the same one. */
  #strings: DictionaryStrings | undefined;

  constructor(inner: VectorWriter) {
    this.#inner = inner;
  }

  write(vector: duckdb.Vector, data: Data, start: number, count: number, parents: Bitmap): void {
    const stringsOf = (dictionary: Vector) => {
      if (this.#strings?.dictionary !== dictionary) this.#strings = readStrings(dictionary);
      return this.#strings;
    };
    this.#inner.write(vector, lookUp(data, start, count, stringsOf), 0, count, parents);
  }
}

/** The strings of each part: `bounds` are their ends in `bytes`. */
interface DictionaryStrings {
  readonly dictionary: Vector;
  readonly parts: readonly { readonly bounds: Float64Array; readonly bytes: Uint8Array }[];
}

function readStrings(dictionary: Vector): DictionaryStrings {
  const parts = dictionary.data.map((data) => {
    const { bounds, first, last } = relativeEnds(data, 0, data.length);
    const bytes = arrayBytes(data.values);
    requireBytes(data.type, bytes.length, last);
    return { bounds, bytes: bytes.subarray(first, last) };
  });
  return { dictionary, parts };
}

/** Where row i's value is: the part of the dictionary and the row in it. */
interface Places {
  readonly parts: readonly Data[];
  readonly part: Int32Array;
  readonly row: Int32Array;
  readonly nullBitmap: Uint8Array;
}

function lookUp(
  data: Data,
  start: number,
  count: number,
  stringsOf: (dictionary: Vector) => DictionaryStrings,
): Data {
  const type: DataType = data.type;
  const { dictionary } = data;
  if (!DataType.isDictionary(type) || dictionary === undefined) {
    throw new AppError("invalid", `an Arrow array of type ${type} comes without its dictionary`);
  }
  const value: DataType = type.dictionary;
  const places = findPlaces(data, dictionary, start, count);
  const parts = { length: count, nullCount: -1, nullBitmap: places.nullBitmap };
  if (DataType.isUtf8(value) || DataType.isBinary(value)) {
    return arrowData(value, { ...parts, ...takeStrings(places, stringsOf(dictionary), count) });
  }
  if (DataType.isBool(value)) return arrowData(value, { ...parts, values: takeBits(places, count) });
  const width = fixedWidth(places.parts[0]);
  if (width === undefined) {
    throw new AppError("invalid", `a dictionary of ${value} is not supported: send the values themselves`);
  }
  const values = new value.ArrayType(takeFixed(places, count, width).buffer);
  return arrowData(value, { ...parts, values });
}

function findPlaces(data: Data, dictionary: Vector, start: number, count: number): Places {
  const codes: ArrayLike<number | bigint> = data.values;
  if (codes.length < start + count) {
    throw new AppError("invalid", `an Arrow array of type ${data.type} has fewer codes than rows`);
  }
  const validity = validityOfData(data, start, count);
  const parts = dictionary.data;
  const places = {
    parts,
    part: new Int32Array(count),
    row: new Int32Array(count),
    nullBitmap: new Uint8Array(bitmapBytes(count)),
  };
  for (let i = 0; i < count; i++) {
    if (!isRowValid(validity, i)) continue;
    const code = Number(codes[start + i]);
    if (!(code >= 0 && code < dictionary.length)) {
      throw new CellFault(i, `code ${code} is not in the dictionary of ${dictionary.length} values`);
    }
    let part = 0;
    let row = code;
    for (let length = parts[part]?.length ?? 0; row >= length; length = parts[part]?.length ?? 0) {
      row -= length;
      part++;
    }
    places.part[i] = part;
    places.row[i] = row;
    if (parts[part]?.getValid(row) === true) setBit(places.nullBitmap, i);
  }
  return places;
}

function takeStrings({ part, row, nullBitmap }: Places, strings: DictionaryStrings, count: number) {
  const offsets = new Int32Array(count + 1);
  const span = (i: number): [Uint8Array, number, number] => {
    const source = strings.parts[part[i] ?? 0];
    const at = row[i] ?? 0;
    if (source === undefined || !isRowValid(nullBitmap, i)) return [nullBitmap, 0, 0];
    return [source.bytes, at === 0 ? 0 : source.bounds[at - 1] ?? 0, source.bounds[at] ?? 0];
  };
  let total = 0;
  for (let i = 0; i < count; i++) {
    const [, from, end] = span(i);
    total += end - from;
    offsets[i + 1] = total;
  }
  const values = new Uint8Array(total);
  for (let i = 0; i < count; i++) {
    const [bytes, from, end] = span(i);
    if (end > from) values.set(bytes.subarray(from, end), offsets[i] ?? 0);
  }
  return { offsets, values };
}

function takeBits({ parts, part, row }: Places, count: number): Uint8Array {
  const bits = new Uint8Array(bitmapBytes(count));
  for (let i = 0; i < count; i++) {
    const data = parts[part[i] ?? 0];
    const at = (data?.offset ?? 0) + (row[i] ?? 0);
    if (data !== undefined && isRowValid(arrayBytes(data.values), at)) setBit(bits, i);
  }
  return bits;
}

function takeFixed({ parts, part, row }: Places, count: number, width: number): Uint8Array<ArrayBuffer> {
  const sources = parts.map((data) => {
    const bytes = arrayBytes(data.values);
    requireBytes(data.type, bytes.length, data.length * width);
    return bytes;
  });
  const out = new Uint8Array(count * width);
  for (let i = 0; i < count; i++) {
    const at = (row[i] ?? 0) * width;
    const source = sources[part[i] ?? 0];
    if (source !== undefined) out.set(source.subarray(at, at + width), i * width);
  }
  return out;
}

/** Bytes a value of an array without offsets or children; undefined for others. */
function fixedWidth(data: Data | undefined): number | undefined {
  if (data === undefined || data.children.length > 0 || data.valueOffsets !== undefined) return undefined;
  if (data.variadicBuffers.length > 0 || data.dictionary !== undefined) return undefined;
  const values: unknown = data.values;
  if (!ArrayBuffer.isView(values) || !("BYTES_PER_ELEMENT" in values)) return undefined;
  return Number(values.BYTES_PER_ELEMENT) * data.stride;
}
