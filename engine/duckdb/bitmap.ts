import { DataType } from "apache-arrow";
import type { Data } from "apache-arrow";

/** Which rows of a range are valid: bit 0 of byte 0 is its first row. Undefined: all of them. */
export type Bitmap = Uint8Array | undefined;

export const bitmapBytes = (count: number): number => (count + 7) >> 3;

export const isSet = (bitmap: Uint8Array, index: number): boolean =>
  ((bitmap[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;

/** Marks the row `index` as valid. */
export function setBit(bitmap: Uint8Array, index: number): void {
  bitmap[index >> 3] = (bitmap[index >> 3] ?? 0) | (1 << (index & 7));
}

/** `count` bits from bit `start` on, moved to bit 0. Shares the memory where the bits lie well. */
function sliceBits(bits: Uint8Array, start: number, count: number): Uint8Array {
  const first = start >> 3;
  const shift = start & 7;
  const length = bitmapBytes(count);
  if (shift === 0) return bits.subarray(first, first + length);
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    out[i] = ((bits[first + i] ?? 0) >> shift) | ((bits[first + i + 1] ?? 0) << (8 - shift));
  }
  return out;
}

/** The validity of rows [start, start + count) of an Arrow array, which may be a slice. */
export function validityOfData(data: Data, start: number, count: number): Bitmap {
  if (DataType.isNull(data.type)) return new Uint8Array(bitmapBytes(count));
  const { nullBitmap } = data;
  if (!nullBitmap || nullBitmap.byteLength === 0 || data.nullCount === 0) return undefined;
  return sliceBits(nullBitmap, data.offset + start, count);
}

/** Rows that are valid in both, which are of the same length. */
export function intersect(a: Bitmap, b: Bitmap): Bitmap {
  if (a === undefined || b === undefined) return a ?? b;
  return a.map((byte, i) => byte & (b[i] ?? 0));
}

/** Every bit repeated `times` times: the validity of a fixed-size list for its elements. */
export function repeatBits(bitmap: Bitmap, count: number, times: number): Bitmap {
  if (bitmap === undefined) return undefined;
  const out = new Uint8Array(bitmapBytes(count * times));
  for (let i = 0; i < count; i++) {
    if (!isSet(bitmap, i)) continue;
    for (let j = 0; j < times; j++) setBit(out, i * times + j);
  }
  return out;
}
