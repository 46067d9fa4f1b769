import duckdb from "@duckdb/node-bindings";
import { exactBuffer } from "./vector_bytes.ts";

/**
 * DuckDB's `duckdb_string_t`, 16 bytes a cell (duckdb.h): the length, then either up to 12 bytes
 * of the string itself, zero-padded, or its first 4 bytes and a pointer to all of them.
 */
export const CELL_BYTES = 16;
export const CELL_WORDS = 4;
export const INLINE_BYTES = 12;

/** How strings cross: many at once through the cells' known layout, or with one call each. */
export type StringWay = "bulk" | "single";

/** `bulk` where this DuckDB lays its strings out as expected. Costs some 50 µs. */
export function chooseStringWay(): StringWay {
  const samples = ["", "twelve bytes", "thirteen byte", "long é😀 ".repeat(9)].map((text) =>
    new TextEncoder().encode(text)
  );
  const type = duckdb.create_logical_type(duckdb.Type.VARCHAR);
  const chunk = duckdb.create_data_chunk([type]);
  const vector = duckdb.data_chunk_get_vector(chunk, 0);
  samples.forEach((bytes, row) => duckdb.vector_assign_string_element_len(vector, row, bytes));
  const cells = duckdb.vector_get_data(vector, samples.length * CELL_BYTES);
  return samples.every((bytes, row) => isExpectedCell(cells, row, bytes)) ? "bulk" : "single";
}

function isExpectedCell(cells: Uint8Array, row: number, bytes: Uint8Array): boolean {
  const at = cells.byteOffset + row * CELL_BYTES;
  const view = new DataView(cells.buffer, at, CELL_BYTES);
  if (view.getUint32(0, true) !== bytes.length) return false;
  const matches = (expected: Uint8Array, offset: number) =>
    expected.every((byte, i) => view.getUint8(offset + i) === byte);
  if (bytes.length <= INLINE_BYTES) {
    const padded = new Uint8Array(INLINE_BYTES);
    padded.set(bytes);
    return matches(padded, 4);
  }
  if (!matches(bytes.subarray(0, 4), 4)) return false;
  // A layout with no pointer here would make the next call read foreign memory: user-space
  // addresses are below 2^47 and not near zero.
  const pointer = view.getBigUint64(8, true);
  if (pointer < 0x1000n || pointer >= 1n << 47n) return false;
  const pointed = duckdb.get_data_from_pointer(exactBuffer(cells), at + 8, bytes.length);
  return pointed.every((byte, i) => byte === bytes[i]);
}
