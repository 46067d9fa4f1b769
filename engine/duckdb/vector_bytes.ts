import duckdb from "@duckdb/node-bindings";
import { AppError } from "../../contract/errors.ts";

const STRING_BYTES = 16;
const INLINE_BYTES = 12;

/** The bytes of each string of a flat VARCHAR, BLOB, BIT or BIGNUM vector, one call a long string. */
export function stringReader(vector: duckdb.Vector, size: number): (row: number) => Uint8Array {
  const data = duckdb.vector_get_data(vector, size * STRING_BYTES);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return (row) => {
    const at = row * STRING_BYTES;
    const length = view.getUint32(at, true);
    if (length <= INLINE_BYTES) return data.slice(at + 4, at + 4 + length);
    return duckdb.get_data_from_pointer(exactBuffer(data), data.byteOffset + at + 8, length).slice();
  };
}

/** How many bytes the strings of a flat vector have together. */
export function stringBytes(vector: duckdb.Vector, size: number): number {
  const data = duckdb.vector_get_data(vector, size * STRING_BYTES);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const isValid = validityOf(vector, size);
  let bytes = 0;
  for (let row = 0; row < size; row++) if (isValid(row)) bytes += view.getUint32(row * STRING_BYTES, true);
  return bytes;
}

/** Which of the `size` rows of a vector hold a value. */
export function validityOf(vector: duckdb.Vector, size: number): (row: number) => boolean {
  const bitmap = duckdb.vector_get_validity(vector, Math.ceil(size / 64) * 8);
  // The driver returns null, despite its declared type, where every row is valid.
  if (!bitmap) return () => true;
  return (row) => ((bitmap[row >> 3] ?? 0) & (1 << (row & 7))) !== 0;
}

/** The driver wants an ArrayBuffer; what it hands out is never a shared one. */
export function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer) return buffer;
  throw new AppError("internal", "DuckDB's vector is not in an ArrayBuffer");
}
