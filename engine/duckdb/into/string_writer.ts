import duckdb from "@duckdb/node-bindings";
import { type Data, DataType } from "apache-arrow";
import { isUtf8 } from "node:buffer";
import { AppError } from "../../../contract/errors.ts";
import { type Bitmap, intersect, validityOfData } from "../bitmap.ts";
import { arrayBytes, isRowValid, requireBytes, valueBytes } from "./fixed_writer.ts";
import { CELL_BYTES, INLINE_BYTES, type StringWay } from "../string_cell.ts";
import { setValidity } from "./validity_writer.ts";
import { CellFault, type VectorWriter, type WriterTools } from "./vector_writer.ts";
import { STRINGS, type VectorKernel } from "../../../kernels/vectors.ts";

/** Above this a chunk's few and long strings go one by one: nothing is gained in bulk. */
const MAX_BULK_BYTES = 16 * 2 ** 20;
const VIEW_BYTES = 16;
const MAX_STRING_BYTES = 2 ** 31 - 1;

/** Strings of some rows: string `i` is `bytes` from `offsets[i]` to `offsets[i + 1]`, where offsets begin at `offsets[0]`. */
interface Strings {
  readonly bytes: Uint8Array;
  readonly offsets: Int32Array;
}

/** Utf8, LargeUtf8, Utf8View, Binary, LargeBinary, BinaryView and FixedSizeBinary → VARCHAR or BLOB. */
export class StringWriter implements VectorWriter {
  readonly #isText: boolean;
  readonly #way: StringWay;
  readonly #kernel: VectorKernel;

  constructor(isText: boolean, { way, kernel }: WriterTools) {
    this.#isText = isText;
    this.#way = way;
    this.#kernel = kernel;
  }

  write(vector: duckdb.Vector, data: Data, start: number, count: number, parents: Bitmap): void {
    if (count === 0) return;
    const bitmap = intersect(validityOfData(data, start, count), parents);
    const strings = readStrings(data, start, count, bitmap);
    const isBulk = this.#way === "bulk" && strings.bytes.length <= MAX_BULK_BYTES;
    if (!isBulk || !this.#writeBulk(vector, data.type, strings)) {
      this.#writeSingly(vector, data.type, strings, bitmap);
    }
    // Last, as DuckDB marks the row as NULL that it finds no UTF-8 in.
    if (bitmap !== undefined) setValidity(vector, bitmap, count);
  }

  /**
   * All bytes go into the vector's heap as one string, and each cell points into it. Returns false
   * where a value may not be UTF-8; then nothing is written.
   */
  #writeBulk(vector: duckdb.Vector, type: DataType, { bytes, offsets }: Strings): boolean {
    const found = this.#kernel.takeStrings(bytes, offsets, this.#isText);
    if (found === STRINGS.goBack) throw offsetsGoBack(type);
    if (found === STRINGS.cut) return false;
    let heap = 0n;
    if (bytes.length > INLINE_BYTES) {
      duckdb.vector_assign_string_element_len(vector, 0, bytes);
      // The driver returns null, despite its declared type, where every row is valid.
      const validity = duckdb.vector_get_validity(vector, 8) || undefined;
      if (validity !== undefined && !isRowValid(validity, 0)) return false;
      const cell = duckdb.vector_get_data(vector, CELL_BYTES);
      heap = new DataView(cell.buffer, cell.byteOffset, CELL_BYTES).getBigUint64(8, true);
    } else if (this.#isText && !isUtf8(bytes)) {
      return false;
    }
    const cells = this.#kernel.cells(offsets.length - 1, heap);
    duckdb.copy_data_to_vector(vector, 0, cells.buffer, cells.byteOffset, cells.byteLength);
    return true;
  }

  #writeSingly(vector: duckdb.Vector, type: DataType, { bytes, offsets }: Strings, bitmap: Bitmap): void {
    const first = offsets[0] ?? 0;
    for (let i = 0; i + 1 < offsets.length; i++) {
      const [from, end] = [(offsets[i] ?? 0) - first, (offsets[i + 1] ?? 0) - first];
      if (from > end || end > bytes.length) throw offsetsGoBack(type);
      if (!isRowValid(bitmap, i)) continue;
      const own = bytes.subarray(from, end);
      // DuckDB would store NULL without a word.
      if (this.#isText && !isUtf8(own)) throw new CellFault(i, "the text is not UTF-8");
      duckdb.vector_assign_string_element_len(vector, i, own);
    }
  }
}

function readStrings(data: Data, start: number, count: number, bitmap: Bitmap): Strings {
  const { type } = data;
  if (DataType.isFixedSizeBinary(type)) return fixedStrings(data, start, count, type.byteWidth);
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) {
    return viewStrings(data, start, count, bitmap);
  }
  const offsets = offsetsOf(data, start, count);
  const [first, last] = [Number(offsets[0]), Number(offsets[count])];
  if (first < 0) throw new AppError("invalid", `an Arrow array of type ${type} has an offset below 0`);
  if (last < first) throw offsetsGoBack(type);
  const bytes = arrayBytes(data.values);
  requireBytes(type, bytes.length, last);
  return {
    bytes: bytes.subarray(first, last),
    offsets: offsets instanceof Int32Array ? offsets : shortOffsets(type, offsets, first, last),
  };
}

/** Those of 64 bits, counted from the first. */
function shortOffsets(type: DataType, offsets: BigInt64Array, first: number, last: number): Int32Array {
  if (last - first > MAX_STRING_BYTES) {
    throw new AppError(
      "invalid",
      `an Arrow array of type ${type} has more than 2 GB in ${offsets.length - 1} rows`,
    );
  }
  return Int32Array.from(offsets, (offset) => Number(offset) - first);
}

/** Where values [start, start + count) begin and end. */
function offsetsOf(data: Data, start: number, count: number): Int32Array | BigInt64Array {
  const offsets: Int32Array | BigInt64Array | undefined = data.valueOffsets;
  if (offsets === undefined || offsets.length < start + count + 1) {
    throw new AppError("invalid", `an Arrow array of type ${data.type} has too few offsets for its rows`);
  }
  return offsets.subarray(start, start + count + 1);
}

const offsetsGoBack = (type: DataType): AppError =>
  new AppError("invalid", `an Arrow array of type ${type} has offsets that go back`);

/** The ends of variable-length values [start, start + count), counted from the first one's begin. */
export function relativeEnds(
  data: Data,
  start: number,
  count: number,
): { bounds: Float64Array; first: number; last: number } {
  const offsets = offsetsOf(data, start, count);
  const first = Number(offsets[0]);
  const bounds = new Float64Array(count);
  let last = first;
  for (let i = 0; i < count; i++) {
    const end = Number(offsets[i + 1]);
    if (!(end >= last)) throw offsetsGoBack(data.type);
    bounds[i] = end - first;
    last = end;
  }
  if (first < 0) throw new AppError("invalid", `an Arrow array of type ${data.type} has an offset below 0`);
  return { bounds, first, last };
}

function fixedStrings(data: Data, start: number, count: number, width: number): Strings {
  const offsets = Int32Array.from({ length: count + 1 }, (_, i) => i * width);
  return { bytes: valueBytes(data, start, count, width), offsets };
}

/**
 * Views point to the bytes of strings over 12 bytes in one of several buffers (Arrow columnar format 1.4).
 */
function viewStrings(data: Data, start: number, count: number, bitmap: Bitmap): Strings {
  const bytes = valueBytes(data, start, count, VIEW_BYTES);
  const views = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  const offsets = new Int32Array(count + 1);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const at = i * VIEW_BYTES;
    const length = isRowValid(bitmap, i) ? views.getInt32(at, true) : 0;
    const part = length <= INLINE_BYTES
      ? bytes.subarray(at + 4, at + 4 + Math.max(0, length))
      : viewedBytes(data, views.getInt32(at + 8, true), views.getInt32(at + 12, true), length);
    parts.push(part);
    total += part.length;
    offsets[i + 1] = total;
  }
  const joined = new Uint8Array(total);
  parts.forEach((part, i) => joined.set(part, offsets[i] ?? 0));
  return { bytes: joined, offsets };
}

function viewedBytes(data: Data, buffer: number, offset: number, length: number): Uint8Array {
  const bytes = data.variadicBuffers[buffer];
  if (bytes === undefined || offset < 0 || offset + length > bytes.length) {
    throw new AppError("invalid", `an Arrow array of type ${data.type} points outside of its buffers`);
  }
  return bytes.subarray(offset, offset + length);
}
