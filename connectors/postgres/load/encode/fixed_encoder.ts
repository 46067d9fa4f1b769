import type { Data } from "apache-arrow";
import { type ColumnEncoder, LENGTH_BYTES, nullTest, type Output } from "./column_encoder.ts";

/** Writes the value of a row, which is not NULL, at a place. */
export type PutValue = (view: DataView, at: number, row: number) => void;

/** Values that all have the same number of bytes. */
export class FixedEncoder implements ColumnEncoder {
  readonly #sizeBytes: number;
  readonly #bind: (data: Data) => PutValue;

  constructor(sizeBytes: number, bind: (data: Data) => PutValue) {
    this.#sizeBytes = sizeBytes;
    this.#bind = bind;
  }

  measure(data: Data, from: number, to: number, sizes: Int32Array): void {
    const isNull = nullTest(data);
    const full = LENGTH_BYTES + this.#sizeBytes;
    for (let row = from, i = 0; row < to; row++, i++) {
      sizes[i] = (sizes[i] ?? 0) + (isNull?.(row) ? LENGTH_BYTES : full);
    }
  }

  write(data: Data, from: number, to: number, { view }: Output, places: Int32Array): void {
    const isNull = nullTest(data);
    const put = this.#bind(data);
    const sizeBytes = this.#sizeBytes;
    for (let row = from, i = 0; row < to; row++, i++) {
      const at = places[i] ?? 0;
      if (isNull?.(row)) {
        view.setInt32(at, -1);
        places[i] = at + LENGTH_BYTES;
        continue;
      }
      view.setInt32(at, sizeBytes);
      put(view, at + LENGTH_BYTES, row);
      places[i] = at + LENGTH_BYTES + sizeBytes;
    }
  }
}
