import type { Data } from "apache-arrow";

/**
 * Where the values of some rows stand in a buffer of the server's bytes. Row `r` of column `c` is at
 * `offsets[c * stride + r]` and has `lengths[c * stride + r]` bytes; -1 is NULL.
 */
export interface FieldIndex {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly offsets: Int32Array;
  readonly lengths: Int32Array;
}

/** A value that Arrow's type cannot hold. `row` counts from 0 within the decoder. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly row: number;

  constructor(row: number, message: string) {
    super(message);
    this.row = row;
  }
}

/**
 * Collects one column. All the rows that came together are decoded column by column, so that each
 * loop sees one type, and nothing is made for a value but its bytes in the column's buffers.
 */
export abstract class ColumnDecoder {
  protected rows = 0;
  protected capacity = 0;
  protected nullCount = 0;
  /** Rows of the last batch: the next is likely as large, and growing costs copies. */
  #lastRows = 1024;
  /** Made at the first NULL; a set bit is a value. */
  #validity: Uint8Array | undefined;

  /** Bytes of values that can grow without a bound by the number of rows. */
  get variableBytes(): number {
    return 0;
  }

  /** Takes the values at [start, end) of the index. */
  append(index: FieldIndex, start: number, end: number): void {
    const needed = this.rows + end - start;
    if (needed > this.capacity) {
      this.capacity = Math.max(needed, this.capacity * 2, this.#lastRows);
      this.grow(this.capacity);
      if (this.#validity !== undefined) this.#validity = widen(this.#validity, this.capacity);
    }
    this.decode(index, start, end);
    this.rows = needed;
  }

  /** The column so far, which the decoder then forgets. */
  finish(): Data {
    const { rows, nullCount } = this;
    const nullBitmap = this.#validity?.subarray(0, (rows + 7) >> 3);
    this.#lastRows = rows;
    this.rows = this.nullCount = this.capacity = 0;
    this.#validity = undefined;
    return this.build(rows, nullCount === 0 ? { nullCount } : { nullCount, nullBitmap: nullBitmap ?? null });
  }

  protected markNull(row: number): void {
    this.#validity ??= widen(new Uint8Array(0), this.capacity);
    this.#validity[row >> 3] = (this.#validity[row >> 3] ?? 0) & ~(1 << (row & 7));
    this.nullCount++;
  }

  /** Makes room for that many rows, keeping `this.rows` of them. */
  protected abstract grow(capacity: number): void;
  protected abstract decode(index: FieldIndex, start: number, end: number): void;
  protected abstract build(rows: number, nulls: Nulls): Data;
}

export interface Nulls {
  readonly nullCount: number;
  readonly nullBitmap?: Uint8Array | null;
}

/** A copy with room for `rows` bits; the new ones are set. */
function widen(bits: Uint8Array, rows: number): Uint8Array {
  const wider = new Uint8Array((rows + 7) >> 3).fill(0xff);
  wider.set(bits);
  return wider;
}

export function checkLength(length: number, expected: number, row: number): void {
  if (length !== expected) {
    throw new DecodeError(row, `the server sent ${length} bytes where its type has ${expected}`);
  }
}
