import duckdb from "@duckdb/node-bindings";
import type { Data } from "apache-arrow";
import { type Bitmap, bitmapBytes, intersect, validityOfData } from "../bitmap.ts";

/** Sets the vector's NULLs and returns which rows hold a value. The vector is fresh: all are valid. */
export function writeValidity(
  vector: duckdb.Vector,
  data: Data,
  start: number,
  count: number,
  parents: Bitmap,
): Bitmap {
  const bitmap = intersect(validityOfData(data, start, count), parents);
  if (bitmap !== undefined) setValidity(vector, bitmap, count);
  return bitmap;
}

/** Sets the validity of the first `count` rows; bit 0 of the bitmap is row 0. */
export function setValidity(vector: duckdb.Vector, bitmap: Uint8Array, count: number): void {
  if (count === 0) return;
  // A copy of its own, as the driver takes no shared or sliced memory of unknown size.
  const bytes = new Uint8Array(bitmapBytes(count));
  bytes.set(bitmap.subarray(0, bytes.length));
  duckdb.vector_ensure_validity_writable(vector);
  duckdb.copy_data_to_vector_validity(vector, 0, bytes.buffer, 0, bytes.length);
}
