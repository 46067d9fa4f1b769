import duckdb from "@duckdb/node-bindings";
import type { Data, DataType } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { arrowData } from "../arrow_data.ts";
import { isSet } from "../bitmap.ts";
import type { ColumnBuilder } from "./column_builder.ts";
import { GrowingBitmap, GrowingBytes, takeOffsets } from "./growing_buffer.ts";

const ENTRY_WORDS = 4;
const MAX_ELEMENTS = 2 ** 31 - 1;

/** Rows of a list as ranges of its child: neighbours that follow one another are one range. */
interface Ranges {
  readonly ranges: readonly (readonly [start: number, count: number])[];
  readonly lengths: Int32Array;
}

/** LIST and MAP: a MAP is a list of key and value pairs on both sides. */
export class ListBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #child: ColumnBuilder;
  readonly #ends = new GrowingBytes();
  readonly #validity = new GrowingBitmap();
  #elements = 0;

  constructor(type: DataType, child: ColumnBuilder) {
    this.#type = type;
    this.#child = child;
  }

  get sizeBytes(): number {
    return this.#child.sizeBytes + this.#ends.length;
  }

  weigh(vector: duckdb.Vector, start: number, count: number): number {
    const child = duckdb.list_vector_get_child(vector);
    return readRanges(vector, start, count).ranges
      .reduce((sum, [from, length]) => sum + this.#child.weigh(child, from, length), 0);
  }

  append(vector: duckdb.Vector, start: number, count: number): void {
    const { ranges, lengths } = readRanges(vector, start, count);
    this.#validity.appendOf(vector, start, count);
    this.#ends.reserve(count * 4);
    const ends = new Int32Array(this.#ends.reserve(0).buffer, this.#ends.length, count);
    lengths.forEach((length, i) => ends[i] = this.#elements += length);
    if (this.#elements > MAX_ELEMENTS) {
      throw new AppError("invalid", "lists of more than 2^31 elements do not fit into one Arrow array");
    }
    this.#ends.advance(count * 4);
    const child = duckdb.list_vector_get_child(vector);
    for (const [from, length] of ranges) this.#child.append(child, from, length);
  }

  take(): Data {
    const validity = this.#validity.take();
    this.#elements = 0;
    return arrowData(this.#type, {
      ...validity,
      offsets: takeOffsets(this.#ends, validity.length),
      children: [this.#child.take()],
    });
  }
}

/** STRUCT, and the entries of a MAP. */
export class StructBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #children: readonly ColumnBuilder[];
  readonly #validity = new GrowingBitmap();

  constructor(type: DataType, children: readonly ColumnBuilder[]) {
    this.#type = type;
    this.#children = children;
  }

  get sizeBytes(): number {
    return this.#children.reduce((sum, child) => sum + child.sizeBytes, 0);
  }

  weigh(vector: duckdb.Vector, start: number, count: number): number {
    return this.#children.reduce(
      (sum, child, i) => sum + child.weigh(duckdb.struct_vector_get_child(vector, i), start, count),
      0,
    );
  }

  append(vector: duckdb.Vector, start: number, count: number): void {
    this.#validity.appendOf(vector, start, count);
    this.#children.forEach((child, i) =>
      child.append(duckdb.struct_vector_get_child(vector, i), start, count)
    );
  }

  take(): Data {
    return arrowData(this.#type, {
      ...this.#validity.take(),
      children: this.#children.map((child) => child.take()),
    });
  }
}

/** ARRAY(n) → FixedSizeList(n). */
export class ArrayBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #size: number;
  readonly #child: ColumnBuilder;
  readonly #validity = new GrowingBitmap();

  constructor(type: DataType, size: number, child: ColumnBuilder) {
    this.#type = type;
    this.#size = size;
    this.#child = child;
  }

  get sizeBytes(): number {
    return this.#child.sizeBytes;
  }

  weigh(vector: duckdb.Vector, start: number, count: number): number {
    const child = duckdb.array_vector_get_child(vector);
    return this.#child.weigh(child, start * this.#size, count * this.#size);
  }

  append(vector: duckdb.Vector, start: number, count: number): void {
    this.#validity.appendOf(vector, start, count);
    this.#child.append(duckdb.array_vector_get_child(vector), start * this.#size, count * this.#size);
  }

  take(): Data {
    return arrowData(this.#type, { ...this.#validity.take(), children: [this.#child.take()] });
  }
}

/** DuckDB's list cells are offset and length, 64 bits each; they may lie in any order. */
function readRanges(vector: duckdb.Vector, start: number, count: number): Ranges {
  const lengths = new Int32Array(count);
  const ranges: [number, number][] = [];
  if (count === 0) return { ranges, lengths };
  const bitmap = duckdb.vector_get_validity(vector, Math.ceil((start + count) / 64) * 8) || undefined;
  const bytes = duckdb.vector_get_data(vector, (start + count) * ENTRY_WORDS * 4);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, (start + count) * ENTRY_WORDS);
  let last: [number, number] | undefined;
  for (let i = 0; i < count; i++) {
    const row = start + i;
    if (bitmap !== undefined && !isSet(bitmap, row)) continue;
    const from = words[row * ENTRY_WORDS] ?? 0;
    const length = words[row * ENTRY_WORDS + 2] ?? 0;
    lengths[i] = length;
    if (length === 0) continue;
    if (last !== undefined && last[0] + last[1] === from) {
      last[1] += length;
    } else {
      last = [from, length];
      ranges.push(last);
    }
  }
  return { ranges, lengths };
}
