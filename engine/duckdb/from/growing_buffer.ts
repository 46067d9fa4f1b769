import duckdb from "@duckdb/node-bindings";
import { bitmapBytes, isSet } from "../bitmap.ts";

const FIRST_BYTES = 4_096;

/** Bytes that are appended to and taken as a whole; `take` starts anew. */
export class GrowingBytes {
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Room for `count` more bytes after `length`; call `advance` when they are written. */
  reserve(count: number): Uint8Array<ArrayBuffer> {
    const needed = this.#length + count;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    return this.#bytes;
  }

  advance(count: number): void {
    this.#length += count;
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length).set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A copy of exactly what was written, as batches outlive the next one's rows. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }
}

/** The validity of appended rows, made only once a NULL comes. */
export class GrowingBitmap {
  #bits: Uint8Array<ArrayBuffer> | undefined;
  #length = 0;
  #nullCount = 0;

  get length(): number {
    return this.#length;
  }

  /**
   * Adds rows [start, start + count) of a vector; returns its bitmap from row 0 on, undefined without a NULL.
   */
  appendOf(vector: duckdb.Vector, start: number, count: number): Uint8Array | undefined {
    const end = start + count;
    // The driver returns null, despite its declared type, where every row is valid.
    const bitmap = duckdb.vector_get_validity(vector, Math.ceil(end / 64) * 8) || undefined;
    this.append(bitmap, start, count);
    return bitmap;
  }

  /** `nullBitmap` of undefined: no NULL. */
  take(): { length: number; nullBitmap: Uint8Array | undefined; nullCount: number } {
    const length = this.#length;
    const nullBitmap = this.#bits?.slice(0, bitmapBytes(length));
    const nullCount = this.#nullCount;
    this.#bits = undefined;
    this.#length = 0;
    this.#nullCount = 0;
    return { length, nullBitmap, nullCount };
  }

  /** Adds rows [start, start + count), of which each has a value where there is no bitmap. */
  append(bitmap: Uint8Array | undefined, start: number, count: number): void {
    const from = this.#length;
    this.#length += count;
    if (bitmap === undefined && this.#bits === undefined) return;
    const bits = this.#grow(from);
    for (let i = 0; i < count; i++) {
      const at = from + i;
      const mask = 1 << (at & 7);
      if (bitmap === undefined || isSet(bitmap, start + i)) {
        bits[at >> 3] = (bits[at >> 3] ?? 0) | mask;
      } else {
        bits[at >> 3] = (bits[at >> 3] ?? 0) & ~mask;
        this.#nullCount++;
      }
    }
  }

  #grow(from: number): Uint8Array<ArrayBuffer> {
    const needed = bitmapBytes(this.#length);
    if (this.#bits !== undefined && this.#bits.length >= needed) return this.#bits;
    const grown = new Uint8Array(Math.max(needed, (this.#bits?.length ?? 0) * 2, 1_024));
    if (this.#bits === undefined) {
      grown.fill(0xff, 0, bitmapBytes(from));
    } else {
      grown.set(this.#bits);
    }
    this.#bits = grown;
    return grown;
  }
}

/** Arrow's offsets of `length` values whose ends were collected as 32-bit integers. */
export function takeOffsets(ends: GrowingBytes, length: number): Int32Array {
  const offsets = new Int32Array(length + 1);
  offsets.set(new Int32Array(ends.take().buffer, 0, length), 1);
  return offsets;
}
