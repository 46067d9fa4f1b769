import duckdb from "@duckdb/node-bindings";
import type { Data, DataType } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import type { VectorKernel } from "../../../kernels/vectors.ts";
import { type Bitmap, bitmapBytes, isSet } from "../bitmap.ts";
import { writeValidity } from "./validity_writer.ts";
import type { VectorWriter } from "./vector_writer.ts";

/**
 * The DuckDB bytes of `count` Arrow values in `words` (the array's own memory from the first one
 * on). Rows that `bitmap` has cleared may hold anything and must not be checked.
 */
export type Encode = (values: Uint8Array, count: number, bitmap: Bitmap) => Uint8Array;

/** Types whose values all have the same number of bytes. */
export class FixedWriter implements VectorWriter {
  readonly #arrowBytes: number;
  readonly #encode: Encode | undefined;

  /** Without `encode` both sides keep the same bytes. */
  constructor(arrowBytes: number, encode?: Encode) {
    this.#arrowBytes = arrowBytes;
    this.#encode = encode;
  }

  write(vector: duckdb.Vector, data: Data, start: number, count: number, parents: Bitmap): void {
    const bitmap = writeValidity(vector, data, start, count, parents);
    if (count === 0) return;
    const values = valueBytes(data, start, count, this.#arrowBytes);
    const bytes = this.#encode?.(values, count, bitmap) ?? values;
    const { buffer } = bytes;
    if (buffer instanceof ArrayBuffer) {
      duckdb.copy_data_to_vector(vector, 0, buffer, bytes.byteOffset, bytes.byteLength);
    } else {
      const copy = new Uint8Array(bytes);
      duckdb.copy_data_to_vector(vector, 0, copy.buffer, 0, copy.byteLength);
    }
  }
}

/** Bool: a bit a value in Arrow, a byte in DuckDB. */
export class BoolWriter implements VectorWriter {
  readonly #kernel: VectorKernel;

  constructor(kernel: VectorKernel) {
    this.#kernel = kernel;
  }

  write(vector: duckdb.Vector, data: Data, start: number, count: number, parents: Bitmap): void {
    writeValidity(vector, data, start, count, parents);
    if (count === 0) return;
    const bits = arrayBytes(data.values);
    const first = data.offset + start;
    requireBytes(data.type, bits.length, bitmapBytes(first + count));
    const own = bits.subarray(first >> 3, bitmapBytes(first + count));
    const bytes = this.#kernel.booleans(own, first & 7, count);
    duckdb.copy_data_to_vector(vector, 0, bytes.buffer, bytes.byteOffset, count);
  }
}

/** Null: every row is NULL, whatever the column's type. */
export class NullWriter implements VectorWriter {
  write(vector: duckdb.Vector, data: Data, start: number, count: number, parents: Bitmap): void {
    writeValidity(vector, data, start, count, parents);
  }
}

/**
 * The bytes of values [start, start + count). Refuses an array whose memory is shorter than it
 * says, as DuckDB copies without a check.
 */
export function valueBytes(data: Data, start: number, count: number, width: number): Uint8Array {
  const bytes = arrayBytes(data.values);
  requireBytes(data.type, bytes.length, (start + count) * width);
  return bytes.subarray(start * width, (start + count) * width);
}

/** Throws `invalid` where an array has fewer bytes than its rows need. */
export function requireBytes(type: DataType, found: number, needed: number): void {
  if (found >= needed) return;
  throw new AppError(
    "invalid",
    `an Arrow array of type ${type} has ${found} bytes where its rows need ${needed}`,
  );
}

/** Any typed array as its bytes; an array that has none is empty. */
export function arrayBytes(values: unknown): Uint8Array {
  if (!ArrayBuffer.isView(values)) return new Uint8Array(0);
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** The bytes of a typed array, and back: views that share memory where it is aligned. */
export const int32View = (bytes: Uint8Array): Int32Array =>
  bytes.byteOffset % 4 === 0
    ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2)
    : new Int32Array(new Uint8Array(bytes).buffer);

export const int64View = (bytes: Uint8Array): BigInt64Array =>
  bytes.byteOffset % 8 === 0
    ? new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 3)
    : new BigInt64Array(new Uint8Array(bytes).buffer);

export const isRowValid = (bitmap: Bitmap, row: number): boolean =>
  bitmap === undefined || isSet(bitmap, row);
