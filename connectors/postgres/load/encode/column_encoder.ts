import type { Data } from "apache-arrow";
import type { CopyFields, Validity } from "../../../../kernels/copy_fields.ts";

/** What rows are written to: the memory of the kernel that writes most of them. */
export interface Output {
  readonly fields: CopyFields;
}

/**
 * Writes one column as fields of binary COPY: four bytes of length (-1 for NULL), then the value.
 * Rows [from, to) are first measured, then written each at its own place, so that a row's fields end
 * up side by side while every loop sees one column.
 */
export interface ColumnEncoder {
  /** Adds each row's bytes, length included, to `sizes[row - from]`. Throws EncodeError. */
  measure(data: Data, from: number, to: number, sizes: Int32Array, output: Output): void;
  /** Writes what `measure` was called with last, at `places[row - from]`, and moves those behind it. */
  write(data: Data, from: number, to: number, output: Output, places: Int32Array): void;
}

/** A value that PostgreSQL's type cannot hold. `row` counts from 0 within the data. */
export class EncodeError extends Error {
  override readonly name = "EncodeError";
  readonly row: number;

  constructor(row: number, message: string) {
    super(message);
    this.row = row;
  }
}

export const LENGTH_BYTES = 4;

/** Tells NULLs by the validity bitmap; undefined where there are none. */
export function nullTest(data: Data): ((row: number) => boolean) | undefined {
  if (data.nullCount === 0) return undefined;
  const { nullBitmap, offset } = data;
  if (nullBitmap === undefined || nullBitmap === null || nullBitmap.length === 0) return () => true;
  return (row) => ((nullBitmap[(offset + row) >> 3] ?? 0) & (1 << ((offset + row) & 7))) === 0;
}

/** The bits of rows [from, to) for the kernel; undefined where none is NULL. */
export function validityOf(data: Data, from: number, to: number): Validity | undefined {
  if (data.nullCount === 0) return undefined;
  const { nullBitmap, offset } = data;
  if (nullBitmap === undefined || nullBitmap === null || nullBitmap.length === 0) {
    return { bits: new Uint8Array((to - from + 7) >> 3), first: 0 };
  }
  const first = offset + from;
  return { bits: nullBitmap.subarray(first >> 3, (offset + to + 7) >> 3), first: first & 7 };
}

/** Bytes [start, end) of the buffer of values. Throws where it is shorter. */
export function valueBytes(data: Data, start: number, end: number): Uint8Array {
  const values: unknown = data.values;
  if (!ArrayBuffer.isView(values) || values.byteLength < end) {
    throw new TypeError(`Arrow ${data.type} came with fewer values than rows`);
  }
  return new Uint8Array(values.buffer, values.byteOffset + start, end - start);
}

/** The buffer as the typed array that its Arrow type has; throws where it is another. */
export function valuesOf<T>(data: Data, array: abstract new (...args: never[]) => T): T {
  const values: unknown = data.values;
  if (values instanceof array) return values;
  throw new TypeError(`Arrow ${data.type} came without a buffer of ${array.name}`);
}
