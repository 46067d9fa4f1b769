import type { Data } from "apache-arrow";
import { INDEX_STRIDE, type RowIndex } from "./row_index.ts";

/** A value that Arrow's type cannot hold. `row` counts from 0 within the decoder. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly row: number;

  constructor(row: number, message: string) {
    super(message);
    this.row = row;
  }
}

export interface Nulls {
  readonly nullCount: number;
  readonly nullBitmap?: Uint8Array | null;
}

const FIRST_CAPACITY = 1_024;
const latin1 = new TextDecoder("latin1");

/**
 * Collects one column. Rows that came together are decoded column by column, so that each loop sees one
 * type, and nothing is made for a value but its bytes in the column's buffers.
 */
export abstract class ColumnDecoder {
  /** Rows of the batch so far. */
  protected rows = 0;
  #capacity = 0;
  #nullCount = 0;
  /** Made at the first NULL; a set bit is a value. */
  #validity: Uint8Array | undefined;

  /** Bytes of values that can grow without a bound by the number of rows. */
  get variableBytes(): number {
    return 0;
  }

  /** Takes the first `count` rows of the index, of its column `column`. Throws DecodeError. */
  append(index: RowIndex, column: number, count: number): void {
    const needed = this.rows + count;
    if (needed > this.#capacity) {
      this.#capacity = Math.max(needed, this.#capacity * 2, FIRST_CAPACITY);
      this.grow(this.#capacity);
      if (this.#validity !== undefined) this.#validity = widen(this.#validity, this.#capacity);
    }
    this.decode(index, column * INDEX_STRIDE, count);
    this.rows = needed;
  }

  /** The column so far, which the decoder then forgets. */
  finish(): Data {
    const rows = this.rows;
    const nullCount = this.#nullCount;
    const nullBitmap = this.#validity?.subarray(0, (rows + 7) >> 3) ?? null;
    const data = this.build(rows, nullCount === 0 ? { nullCount } : { nullCount, nullBitmap });
    this.rows = this.#nullCount = this.#capacity = 0;
    this.#validity = undefined;
    return data;
  }

  protected markNull(row: number): void {
    this.#validity ??= widen(new Uint8Array(0), this.#capacity);
    this.#validity[row >> 3] = (this.#validity[row >> 3] ?? 0) & ~(1 << (row & 7));
    this.#nullCount++;
  }

  /** Makes room for that many rows, keeping `this.rows` of them. */
  protected abstract grow(capacity: number): void;
  /** Takes the values at [start, start + count) of the index as the rows from `this.rows` on. */
  protected abstract decode(index: RowIndex, start: number, count: number): void;
  protected abstract build(rows: number, nulls: Nulls): Data;
}

/** A copy with room for `rows` bits; the new ones are set. */
function widen(bits: Uint8Array, rows: number): Uint8Array {
  const wider = new Uint8Array((rows + 7) >> 3).fill(0xff);
  wider.set(bits);
  return wider;
}

/** The value as it came, for messages and for what is too rare to be read byte by byte. */
export function asciiAt({ bytes, offsets, lengths }: RowIndex, slot: number): string {
  const start = offsets[slot] ?? 0;
  return latin1.decode(bytes.subarray(start, start + (lengths[slot] ?? 0)));
}

const MAX_SHOWN = 40;

/** `is "2024-02-30", which …`; `what` begins with its own separator. */
export function unfit(index: RowIndex, slot: number, row: number, what: string): DecodeError {
  const text = asciiAt(index, slot);
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  return new DecodeError(row, `is ${JSON.stringify(shown)}${what}`);
}
