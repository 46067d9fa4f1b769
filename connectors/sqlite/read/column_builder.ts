import type { Data } from "apache-arrow";
import type { SqliteRow } from "../database.ts";

/** Thrown for a value that does not fit; the reader adds table, column and row. */
export class MisfitError extends Error {
  override readonly name = "MisfitError";
}

/** Collects the values of one column of one batch into Arrow's buffers. */
export interface ColumnBuilder {
  /** Takes the values at `column` of all rows. Throws MisfitError; what it has then is of no use. */
  append(rows: readonly SqliteRow[], column: number): void;
  /** What it holds since the last finish(), in bytes of values of any length; 0 for others. */
  readonly heldBytes: number;
  /** The column so far, as `rows` rows; the builder begins anew. Throws MisfitError. */
  finish(rows: number): Data;
}

/** One bit a row, set where there is a value. */
export class Validity {
  readonly bitmap: Uint8Array;
  nullCount = 0;

  constructor(capacity: number) {
    this.bitmap = new Uint8Array((capacity + 7) >> 3).fill(0xff);
  }

  setNull(index: number): void {
    this.bitmap[index >> 3] = (this.bitmap[index >> 3] ?? 0) & ~(1 << (index & 7));
    this.nullCount++;
  }
}
