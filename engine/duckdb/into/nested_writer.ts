import duckdb from "@duckdb/node-bindings";
import { type Data, Vector } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { type Bitmap, repeatBits } from "../bitmap.ts";
import { isRowValid } from "./fixed_writer.ts";
import { relativeEnds } from "./string_writer.ts";
import { writeValidity } from "./validity_writer.ts";
import { CellFault, type VectorWriter } from "./vector_writer.ts";

const ENTRY_WORDS = 4;

/** List, LargeList and Map. DuckDB's list cell is an offset into the child and a length, 64 bits each. */
export class ListWriter implements VectorWriter {
  readonly #child: VectorWriter;
  readonly #isMap: boolean;

  constructor(child: VectorWriter, isMap: boolean) {
    this.#child = child;
    this.#isMap = isMap;
  }

  write(vector: duckdb.Vector, data: Data, start: number, count: number, parents: Bitmap): void {
    const bitmap = writeValidity(vector, data, start, count, parents);
    if (count === 0) return;
    const { bounds, first, last } = relativeEnds(data, start, count);
    const elements = childOf(data, 0);
    if (last > elements.length) {
      throw new AppError("invalid", `an Arrow array of type ${data.type} has offsets beyond its elements`);
    }
    if (this.#isMap) checkKeys(elements, first, bounds, bitmap);
    writeEntries(vector, bounds, bitmap);
    duckdb.list_vector_reserve(vector, last - first);
    duckdb.list_vector_set_size(vector, last - first);
    try {
      this.#child.write(duckdb.list_vector_get_child(vector), elements, first, last - first, undefined);
    } catch (error) {
      if (!(error instanceof CellFault)) throw error;
      const { index } = error;
      throw new CellFault(bounds.findIndex((end) => end > index), error.message);
    }
  }
}

/** FixedSizeList(n) → ARRAY(n). */
export class ArrayWriter implements VectorWriter {
  readonly #child: VectorWriter;
  readonly #size: number;

  constructor(child: VectorWriter, size: number) {
    this.#child = child;
    this.#size = size;
  }

  write(vector: duckdb.Vector, data: Data, start: number, count: number, parents: Bitmap): void {
    const bitmap = writeValidity(vector, data, start, count, parents);
    const size = this.#size;
    const below = repeatBits(bitmap, count, size);
    requireRows(data, childOf(data, 0), (start + count) * size);
    try {
      this.#child.write(
        duckdb.array_vector_get_child(vector),
        childOf(data, 0),
        start * size,
        count * size,
        below,
      );
    } catch (error) {
      if (!(error instanceof CellFault)) throw error;
      throw new CellFault(Math.floor(error.index / size), error.message);
    }
  }
}

/** A STRUCT has no bytes of its own but its validity: each child writes into its own vector. */
export class StructWriter implements VectorWriter {
  readonly #children: readonly VectorWriter[];

  constructor(children: readonly VectorWriter[]) {
    this.#children = children;
  }

  write(vector: duckdb.Vector, data: Data, start: number, count: number, parents: Bitmap): void {
    const bitmap = writeValidity(vector, data, start, count, parents);
    this.#children.forEach((child, i) => {
      requireRows(data, childOf(data, i), start + count);
      child.write(duckdb.struct_vector_get_child(vector, i), childOf(data, i), start, count, bitmap);
    });
  }
}

function writeEntries(vector: duckdb.Vector, bounds: Float64Array, bitmap: Bitmap): void {
  const entries = new Uint32Array(bounds.length * ENTRY_WORDS);
  let from = 0;
  bounds.forEach((end, i) => {
    if (isRowValid(bitmap, i)) {
      entries[i * ENTRY_WORDS] = from;
      entries[i * ENTRY_WORDS + 2] = end - from;
    }
    from = end;
  });
  duckdb.copy_data_to_vector(vector, 0, entries.buffer, 0, entries.byteLength);
}

/** DuckDB wants a map's keys to be there and to differ, and does not look when they are appended. */
function checkKeys(entries: Data, first: number, bounds: Float64Array, bitmap: Bitmap): void {
  const keys = new Vector([childOf(entries, 0)]);
  let from = 0;
  bounds.forEach((end, row) => {
    if (isRowValid(bitmap, row)) {
      const seen = new Set<string>();
      for (let i = from; i < end; i++) {
        const key: unknown = keys.get(first + i);
        if (key === null) throw new CellFault(row, "a key of the map is NULL");
        if (end - from === 1) break;
        const text = String(key);
        if (seen.has(text)) throw new CellFault(row, `the map has the key ${JSON.stringify(text)} twice`);
        seen.add(text);
      }
    }
    from = end;
  });
}

function childOf(data: Data, index: number): Data {
  const child = data.children[index];
  if (child === undefined) {
    throw new AppError("invalid", `an Arrow array of type ${data.type} has no child ${index}`);
  }
  return child;
}

function requireRows(data: Data, child: Data, needed: number): void {
  if (child.length >= needed) return;
  throw new AppError(
    "invalid",
    `an Arrow array of type ${data.type} has ${child.length} rows in a child where ${needed} are needed`,
  );
}
