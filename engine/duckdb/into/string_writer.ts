import duckdb from "@duckdb/node-bindings";
import { type Data, DataType } from "apache-arrow";
import { isUtf8 } from "node:buffer";
import { AppError } from "../../../contract/errors.ts";
import { type Bitmap, intersect, validityOfData } from "../bitmap.ts";
import { arrayBytes, isRowValid, requireBytes, valueBytes } from "./fixed_writer.ts";
import { CELL_BYTES, CELL_WORDS, INLINE_BYTES, type StringWay } from "../string_cell.ts";
import { setValidity } from "./validity_writer.ts";
import { CellFault, type VectorWriter } from "./vector_writer.ts";

/** Above this a chunk's few and long strings go one by one: nothing is gained in bulk. */
const MAX_BULK_BYTES = 64 * 2 ** 20;
const WORD = 2 ** 32;
const VIEW_BYTES = 16;

/** Strings of some rows: string `i` is `bytes` from `ends[i - 1]` (0 at first) to `ends[i]`. */
interface Strings {
  readonly bytes: Uint8Array;
  readonly ends: Float64Array;
}

/** Utf8, LargeUtf8, Utf8View, Binary, LargeBinary, BinaryView and FixedSizeBinary → VARCHAR or BLOB. */
export class StringWriter implements VectorWriter {
  readonly #isText: boolean;
  readonly #way: StringWay;

  constructor(isText: boolean, way: StringWay) {
    this.#isText = isText;
    this.#way = way;
  }

  write(vector: duckdb.Vector, data: Data, start: number, count: number, parents: Bitmap): void {
    if (count === 0) return;
    const bitmap = intersect(validityOfData(data, start, count), parents);
    const strings = readStrings(data, start, count, bitmap);
    const isBulk = this.#way === "bulk" && strings.bytes.length <= MAX_BULK_BYTES;
    if (!isBulk || !this.#writeBulk(vector, strings, count)) {
      this.#writeSingly(vector, strings, count, bitmap);
    }
    // Last, as DuckDB marks the row as NULL that it finds no UTF-8 in.
    if (bitmap !== undefined) setValidity(vector, bitmap, count);
  }

  /**
   * All bytes go into the vector's heap as one string, and each cell points into it. Returns false
   * where a value may not be UTF-8; then nothing is written.
   */
  #writeBulk(vector: duckdb.Vector, strings: Strings, count: number): boolean {
    const { bytes, ends } = strings;
    if (this.#isText && !startsAtCharacters(strings, count)) return false;
    let heap = 0;
    if (bytes.length > INLINE_BYTES) {
      duckdb.vector_assign_string_element_len(vector, 0, bytes);
      // The driver returns null, despite its declared type, where every row is valid.
      const validity = duckdb.vector_get_validity(vector, 8) || undefined;
      if (validity !== undefined && !isRowValid(validity, 0)) return false;
      const cell = duckdb.vector_get_data(vector, CELL_BYTES);
      const words = new DataView(cell.buffer, cell.byteOffset, CELL_BYTES);
      heap = words.getUint32(12, true) * WORD + words.getUint32(8, true);
    } else if (this.#isText && !isUtf8(bytes)) {
      return false;
    }
    const cells = new Uint32Array(count * CELL_WORDS);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let from = 0;
    for (let i = 0; i < count; i++) {
      const end = ends[i] ?? 0;
      writeCell(cells, i * CELL_WORDS, view, from, end - from, heap);
      from = end;
    }
    duckdb.copy_data_to_vector(vector, 0, cells.buffer, 0, cells.byteLength);
    return true;
  }

  #writeSingly(vector: duckdb.Vector, strings: Strings, count: number, bitmap: Bitmap): void {
    let from = 0;
    for (let i = 0; i < count; i++) {
      const end = strings.ends[i] ?? 0;
      if (isRowValid(bitmap, i)) {
        const bytes = strings.bytes.subarray(from, end);
        // DuckDB would store NULL without a word.
        if (this.#isText && !isUtf8(bytes)) throw new CellFault(i, "the text is not UTF-8");
        duckdb.vector_assign_string_element_len(vector, i, bytes);
      }
      from = end;
    }
  }
}

/** Valid UTF-8 as a whole may still be cut inside of a character. */
function startsAtCharacters({ bytes, ends }: Strings, count: number): boolean {
  let from = 0;
  for (let i = 0; i < count; i++) {
    const end = ends[i] ?? 0;
    if (end > from && ((bytes[from] ?? 0) & 0xc0) === 0x80) return false;
    from = end;
  }
  return true;
}

/** Of an inline string's three words, the bits that belong to it, by its length. */
const WORD_MASKS = Array.from(
  { length: 3 },
  (_, word) =>
    Uint32Array.from({ length: INLINE_BYTES + 1 }, (_, length) => {
      const bytes = Math.min(4, Math.max(0, length - word * 4));
      return bytes === 4 ? 0xffff_ffff : 2 ** (bytes * 8) - 1;
    }),
);
const [FIRST_MASK = new Uint32Array(), SECOND_MASK = new Uint32Array(), THIRD_MASK = new Uint32Array()] =
  WORD_MASKS;

function writeCell(
  cells: Uint32Array,
  at: number,
  view: DataView,
  from: number,
  length: number,
  heap: number,
) {
  cells[at] = length;
  if (length > INLINE_BYTES) {
    const pointer = heap + from;
    cells[at + 1] = view.getUint32(from, true);
    cells[at + 2] = pointer % WORD;
    cells[at + 3] = Math.floor(pointer / WORD);
  } else if (from + INLINE_BYTES <= view.byteLength) {
    cells[at + 1] = view.getUint32(from, true) & (FIRST_MASK[length] ?? 0);
    cells[at + 2] = view.getUint32(from + 4, true) & (SECOND_MASK[length] ?? 0);
    cells[at + 3] = view.getUint32(from + 8, true) & (THIRD_MASK[length] ?? 0);
  } else {
    for (let i = 0; i < length; i++) {
      const word = at + 1 + (i >> 2);
      cells[word] = (cells[word] ?? 0) | (view.getUint8(from + i) << ((i & 3) * 8));
    }
  }
}

function readStrings(data: Data, start: number, count: number, bitmap: Bitmap): Strings {
  const { type } = data;
  if (DataType.isFixedSizeBinary(type)) return fixedStrings(data, start, count, type.byteWidth);
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) {
    return viewStrings(data, start, count, bitmap);
  }
  const { bounds, first, last } = relativeEnds(data, start, count);
  const bytes = arrayBytes(data.values);
  requireBytes(type, bytes.length, last);
  return { bytes: bytes.subarray(first, last), ends: bounds };
}

/** The ends of variable-length values [start, start + count), counted from the first one's begin. */
export function relativeEnds(
  data: Data,
  start: number,
  count: number,
): { bounds: Float64Array; first: number; last: number } {
  const offsets: Int32Array | BigInt64Array | undefined = data.valueOffsets;
  if (offsets === undefined || offsets.length < start + count + 1) {
    throw new AppError("invalid", `an Arrow array of type ${data.type} has too few offsets for its rows`);
  }
  const first = Number(offsets[start]);
  const bounds = new Float64Array(count);
  let last = first;
  for (let i = 0; i < count; i++) {
    const end = Number(offsets[start + i + 1]);
    if (!(end >= last)) {
      throw new AppError("invalid", `an Arrow array of type ${data.type} has offsets that go back`);
    }
    bounds[i] = end - first;
    last = end;
  }
  if (first < 0) throw new AppError("invalid", `an Arrow array of type ${data.type} has an offset below 0`);
  return { bounds, first, last };
}

function fixedStrings(data: Data, start: number, count: number, width: number): Strings {
  const ends = new Float64Array(count);
  for (let i = 0; i < count; i++) ends[i] = (i + 1) * width;
  return { bytes: valueBytes(data, start, count, width), ends };
}

/**
 * Views point to the bytes of strings over 12 bytes in one of several buffers (Arrow columnar format 1.4).
 */
function viewStrings(data: Data, start: number, count: number, bitmap: Bitmap): Strings {
  const bytes = valueBytes(data, start, count, VIEW_BYTES);
  const views = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  const ends = new Float64Array(count);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const at = i * VIEW_BYTES;
    const length = isRowValid(bitmap, i) ? views.getInt32(at, true) : 0;
    const part = length <= INLINE_BYTES
      ? bytes.subarray(at + 4, at + 4 + Math.max(0, length))
      : viewedBytes(data, views.getInt32(at + 8, true), views.getInt32(at + 12, true), length);
    parts.push(part);
    total += part.length;
    ends[i] = total;
  }
  const joined = new Uint8Array(total);
  parts.forEach((part, i) => joined.set(part, (ends[i] ?? 0) - part.length));
  return { bytes: joined, ends };
}

function viewedBytes(data: Data, buffer: number, offset: number, length: number): Uint8Array {
  const bytes = data.variadicBuffers[buffer];
  if (bytes === undefined || offset < 0 || offset + length > bytes.length) {
    throw new AppError("invalid", `an Arrow array of type ${data.type} points outside of its buffers`);
  }
  return bytes.subarray(offset, offset + length);
}
