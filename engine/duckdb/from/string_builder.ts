import duckdb from "@duckdb/node-bindings";
import type { Data, DataType } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { arrowData } from "../arrow_data.ts";
import { isSet } from "../bitmap.ts";
import type { Span, StringKernel } from "../../../kernels/strings.ts";
import type { ColumnBuilder } from "./column_builder.ts";
import { GrowingBitmap, GrowingBytes, takeOffsets } from "./growing_buffer.ts";
import { CELL_BYTES } from "../string_cell.ts";
import { exactBuffer, stringReader } from "../vector_bytes.ts";

const MAX_ARROW_BYTES = 2 ** 31 - 1;
/** Two strings nearer than a page cannot have an unmapped page between them. */
const MAX_GAP_BYTES = 4_096;
/** Strings of a column that take more in a chunk go one by one: all at once they would be in memory twice. */
const MAX_GATHERED_BYTES = 8 * 2 ** 20;

/** The cells of a vector's strings, from row 0 to before `end`, and their validity. */
interface Cells {
  readonly vector: duckdb.Vector;
  readonly end: number;
  readonly bytes: Uint8Array;
  readonly bitmap: Uint8Array | undefined;
}

/** VARCHAR and BLOB → Utf8 and Binary. */
export class StringBuilder implements ColumnBuilder {
  readonly #type: DataType;
  /** Undefined: one call a string. */
  readonly #kernel: StringKernel | undefined;
  readonly #bytes = new GrowingBytes();
  readonly #offsets = new GrowingBytes();
  readonly #validity = new GrowingBitmap();
  #cells: Cells | undefined;

  constructor(type: DataType, kernel: StringKernel | undefined) {
    this.#type = type;
    this.#kernel = kernel;
  }

  get sizeBytes(): number {
    return this.#bytes.length + this.#offsets.length;
  }

  weigh(vector: duckdb.Vector, start: number, count: number): number {
    if (count === 0) return 0;
    const cells = this.#cellsOf(vector, start + count);
    if (this.#kernel === undefined) return weighSingly(cells, start, count);
    this.#kernel.take(cells.bytes, cells.bitmap);
    return this.#kernel.weigh(start, count);
  }

  append(vector: duckdb.Vector, start: number, count: number): void {
    if (count === 0) return;
    const weight = this.weigh(vector, start, count);
    const { bitmap, bytes } = this.#cellsOf(vector, start + count);
    this.#validity.append(bitmap, start, count);
    if (this.#bytes.length + weight > MAX_ARROW_BYTES) {
      throw new AppError("invalid", "strings of more than 2 GB do not fit into one Arrow array");
    }
    const gathered = this.#gather(bytes, start, count, weight);
    if (gathered === undefined) return this.#appendSingly(vector, start, count, bitmap);
    this.#bytes.append(gathered.bytes);
    this.#offsets.append(gathered.ends);
  }

  take(): Data {
    const validity = this.#validity.take();
    this.#cells = undefined;
    return arrowData(this.#type, {
      ...validity,
      offsets: takeOffsets(this.#offsets, validity.length),
      values: this.#bytes.take(),
    });
  }

  /** A chunk's column is weighed before it is appended, and asking for its memory costs more than either. */
  #cellsOf(vector: duckdb.Vector, end: number): Cells {
    const held = this.#cells;
    if (held !== undefined && held.vector === vector && held.end === end) return held;
    return this.#cells = {
      vector,
      end,
      bytes: duckdb.vector_get_data(vector, end * CELL_BYTES),
      // The driver returns null, despite its declared type, where every row is valid.
      bitmap: duckdb.vector_get_validity(vector, Math.ceil(end / 64) * 8) || undefined,
    };
  }

  /** All strings of these rows, which weigh() has taken in, at once; undefined where they are too large for that. */
  #gather(cells: Uint8Array, start: number, count: number, weight: number) {
    if (this.#kernel === undefined || weight > MAX_GATHERED_BYTES) return undefined;
    const spans = merged(this.#kernel.spans(start, count, MAX_GAP_BYTES));
    const held = spans.reduce((sum, span) => sum + span.end - span.start, 0);
    if (held > MAX_GATHERED_BYTES) return undefined;
    const buffer = exactBuffer(cells);
    const runs = spans.map(({ start, end, row }) => ({
      start,
      bytes: duckdb.get_data_from_pointer(buffer, cells.byteOffset + row * CELL_BYTES + 8, end - start),
    }));
    const gathered = this.#kernel.gather(start, count, runs, weight, this.#bytes.length);
    if (gathered !== undefined) return gathered;
    throw new AppError("internal", "A string lies outside of the memory that was read for its column");
  }

  #appendSingly(vector: duckdb.Vector, start: number, count: number, bitmap: Uint8Array | undefined): void {
    const at = stringReader(vector, start + count);
    this.#offsets.reserve(count * 4);
    const ends = new Int32Array(this.#offsets.reserve(0).buffer, this.#offsets.length, count);
    for (let i = 0; i < count; i++) {
      if (bitmap === undefined || isSet(bitmap, start + i)) this.#bytes.append(at(start + i));
      ends[i] = this.#bytes.length;
    }
    this.#offsets.advance(count * 4);
  }
}

function weighSingly({ bytes, bitmap }: Cells, start: number, count: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = 0;
  for (let row = start; row < start + count; row++) {
    if (bitmap === undefined || isSet(bitmap, row)) sum += view.getUint32(row * CELL_BYTES, true);
  }
  return sum;
}

/** In order of address; those that touch or nearly do are one. */
function merged(spans: readonly Span[]): readonly Span[] {
  if (spans.every(({ start }, i) => i === 0 || start > (spans[i - 1]?.end ?? 0))) return spans;
  const found: Span[] = [];
  let last: Span | undefined;
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    if (last !== undefined && span.start < last.end + MAX_GAP_BYTES) {
      last.end = Math.max(last.end, span.end);
    } else {
      last = { ...span };
      found.push(last);
    }
  }
  return found;
}
