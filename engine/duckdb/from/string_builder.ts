import duckdb from "@duckdb/node-bindings";
import type { Data, DataType } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { arrowData } from "../arrow_data.ts";
import { isSet } from "../bitmap.ts";
import type { ColumnBuilder } from "./column_builder.ts";
import { GrowingBitmap, GrowingBytes, takeOffsets } from "./growing_buffer.ts";
import { CELL_BYTES, CELL_WORDS, INLINE_BYTES, type StringWay } from "../string_cell.ts";
import { exactBuffer, stringReader } from "../vector_bytes.ts";

const MAX_ARROW_BYTES = 2 ** 31 - 1;
const WORD = 2 ** 32;
/** Two strings nearer than a page cannot have an unmapped page between them. */
const MAX_GAP_BYTES = 4_096;

/** VARCHAR and BLOB → Utf8 and Binary. */
export class StringBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #way: StringWay;
  readonly #bytes = new GrowingBytes();
  readonly #offsets = new GrowingBytes();
  readonly #validity = new GrowingBitmap();

  constructor(type: DataType, way: StringWay) {
    this.#type = type;
    this.#way = way;
  }

  get sizeBytes(): number {
    return this.#bytes.length + this.#offsets.length;
  }

  weigh(vector: duckdb.Vector, start: number, count: number): number {
    if (count === 0) return 0;
    const bitmap = duckdb.vector_get_validity(vector, Math.ceil((start + count) / 64) * 8) || undefined;
    const cells = readCells(vector, start + count).words;
    let bytes = 0;
    for (let row = start; row < start + count; row++) {
      if (bitmap === undefined || isSet(bitmap, row)) bytes += cells[row * CELL_WORDS] ?? 0;
    }
    return bytes;
  }

  append(vector: duckdb.Vector, start: number, count: number): void {
    const weight = this.weigh(vector, start, count);
    const bitmap = this.#validity.append(vector, start, count);
    if (this.#bytes.length + weight > MAX_ARROW_BYTES) {
      throw new AppError("invalid", "strings of more than 2 GB do not fit into one Arrow array");
    }
    if (count === 0) return;
    // The inline strings are written as three words each, beyond their end.
    this.#bytes.reserve(weight + INLINE_BYTES);
    this.#offsets.reserve((count + 1) * 4);
    if (this.#way === "bulk") this.#appendBulk(vector, start, count, bitmap);
    else this.#appendSingly(vector, start, count, bitmap);
  }

  take(): Data {
    const validity = this.#validity.take();
    return arrowData(this.#type, {
      ...validity,
      offsets: takeOffsets(this.#offsets, validity.length),
      values: this.#bytes.take(),
    });
  }

  #appendBulk(vector: duckdb.Vector, start: number, count: number, bitmap: Uint8Array | undefined): void {
    const cells = readCells(vector, start + count);
    const runs = findRuns(cells, start, count, bitmap);
    const out = this.#bytes.reserve(INLINE_BYTES);
    const view = new DataView(out.buffer);
    const ends = new Int32Array(this.#offsets.reserve(0).buffer, this.#offsets.length, count);
    let end = this.#bytes.length;
    for (let i = 0; i < count; i++) {
      const row = start + i;
      const length = bitmap === undefined || isSet(bitmap, row) ? cells.words[row * CELL_WORDS] ?? 0 : 0;
      if (length > INLINE_BYTES) {
        runs.copy(pointerOf(cells.words, row), length, out, end);
      } else if (length > 0) {
        const word = row * CELL_WORDS;
        view.setUint32(end, cells.words[word + 1] ?? 0, true);
        view.setUint32(end + 4, cells.words[word + 2] ?? 0, true);
        view.setUint32(end + 8, cells.words[word + 3] ?? 0, true);
      }
      end += length;
      ends[i] = end;
    }
    this.#bytes.advance(end - this.#bytes.length);
    this.#offsets.advance(count * 4);
  }

  #appendSingly(vector: duckdb.Vector, start: number, count: number, bitmap: Uint8Array | undefined): void {
    const at = stringReader(vector, start + count);
    const ends = new Int32Array(this.#offsets.reserve(0).buffer, this.#offsets.length, count);
    for (let i = 0; i < count; i++) {
      if (bitmap === undefined || isSet(bitmap, start + i)) this.#bytes.append(at(start + i));
      ends[i] = this.#bytes.length;
    }
    this.#offsets.advance(count * 4);
  }
}

interface Cells {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

function readCells(vector: duckdb.Vector, count: number): Cells {
  const bytes = duckdb.vector_get_data(vector, count * CELL_BYTES);
  return { bytes, words: new Uint32Array(bytes.buffer, bytes.byteOffset, count * CELL_WORDS) };
}

/** User-space addresses are below 2^47 on every platform that DuckDB is built for, so a number is exact. */
function pointerOf(words: Uint32Array, row: number): number {
  return (words[row * CELL_WORDS + 3] ?? 0) * WORD + (words[row * CELL_WORDS + 2] ?? 0);
}

/** Stretches of DuckDB's memory that hold the long strings of some rows, in order of address. */
class Runs {
  readonly #starts: number[] = [];
  readonly #runs: Uint8Array[] = [];
  #current = 0;

  add(start: number, bytes: Uint8Array): void {
    this.#starts.push(start);
    this.#runs.push(bytes);
  }

  copy(pointer: number, length: number, target: Uint8Array, at: number): void {
    if (!this.#holds(this.#current, pointer)) this.#current = this.#find(pointer);
    const from = pointer - (this.#starts[this.#current] ?? 0);
    const run = this.#runs[this.#current];
    if (run === undefined || from + length > run.length) {
      throw new AppError("internal", "A string lies outside of the memory that was read for its column");
    }
    // Below this length the call of set() costs more than the loop.
    if (length > 64) target.set(run.subarray(from, from + length), at);
    else for (let i = 0; i < length; i++) target[at + i] = run[from + i] ?? 0;
  }

  #holds(index: number, pointer: number): boolean {
    const start = this.#starts[index] ?? Infinity;
    return pointer >= start && pointer < start + (this.#runs[index]?.length ?? 0);
  }

  #find(pointer: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= pointer) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

interface Span {
  start: number;
  end: number;
  /** A row whose cell points to `start`. */
  row: number;
}

function findRuns(cells: Cells, start: number, count: number, bitmap: Uint8Array | undefined): Runs {
  const spans = longSpans(cells.words, start, count, bitmap);
  const runs = new Runs();
  const buffer = exactBuffer(cells.bytes);
  for (const span of spans) {
    const at = cells.bytes.byteOffset + span.row * CELL_BYTES + 8;
    runs.add(span.start, duckdb.get_data_from_pointer(buffer, at, span.end - span.start));
  }
  return runs;
}

/** The stretches of the long strings, merged where they touch or nearly do. */
function longSpans(words: Uint32Array, start: number, count: number, bitmap: Uint8Array | undefined): Span[] {
  const spans: Span[] = [];
  let last: Span | undefined;
  let isSorted = true;
  for (let row = start; row < start + count; row++) {
    const length = words[row * CELL_WORDS] ?? 0;
    if (length <= INLINE_BYTES || (bitmap !== undefined && !isSet(bitmap, row))) continue;
    const from = pointerOf(words, row);
    if (last !== undefined && from >= last.start && from < last.end + MAX_GAP_BYTES) {
      last.end = Math.max(last.end, from + length);
      continue;
    }
    isSorted &&= last === undefined || from > last.start;
    last = { start: from, end: from + length, row };
    spans.push(last);
  }
  return isSorted ? spans : mergeSpans(spans);
}

function mergeSpans(spans: Span[]): Span[] {
  spans.sort((a, b) => a.start - b.start);
  const merged: Span[] = [];
  let last: Span | undefined;
  for (const span of spans) {
    if (last !== undefined && span.start < last.end + MAX_GAP_BYTES) {
      last.end = Math.max(last.end, span.end);
    } else {
      last = span;
      merged.push(last);
    }
  }
  return merged;
}
