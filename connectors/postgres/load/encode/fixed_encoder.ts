import type { Data } from "apache-arrow";
import { FIELD, type FieldKind } from "../../../../kernels/copy_fields.ts";
import {
  type ColumnEncoder,
  EncodeError,
  LENGTH_BYTES,
  nullTest,
  type Output,
  validityOf,
  valueBytes,
} from "./column_encoder.ts";

/** Writes the value of a row, which is not NULL, at a place. */
export type PutValue = (view: DataView, at: number, row: number) => void;

/** Values that all have the same number of bytes: by the kernel, or one by one where it does not know the kind. */
export class FixedEncoder implements ColumnEncoder {
  readonly #sizeBytes: number;
  readonly #bind: (data: Data) => PutValue | FieldKind;

  constructor(sizeBytes: number, bind: (data: Data) => PutValue | FieldKind) {
    this.#sizeBytes = sizeBytes;
    this.#bind = bind;
  }

  measure(data: Data, from: number, to: number, sizes: Int32Array): void {
    const isNull = nullTest(data);
    const full = LENGTH_BYTES + this.#sizeBytes;
    if (isNull === undefined) {
      for (let i = 0; i < to - from; i++) sizes[i] = (sizes[i] ?? 0) + full;
      return;
    }
    for (let row = from, i = 0; row < to; row++, i++) {
      sizes[i] = (sizes[i] ?? 0) + (isNull(row) ? LENGTH_BYTES : full);
    }
  }

  write(data: Data, from: number, to: number, output: Output, places: Int32Array): void {
    const put = this.#bind(data);
    if (typeof put === "number") this.#writeAll(put, data, from, to, output, places);
    else this.#writeSingly(put, data, from, to, output, places);
  }

  #writeAll(
    kind: FieldKind,
    data: Data,
    from: number,
    to: number,
    { fields }: Output,
    places: Int32Array,
  ): void {
    const size = this.#sizeBytes;
    const bit = kind === FIELD.bool ? data.offset + from : 0;
    const values = kind === FIELD.bool
      ? valueBytes(data, bit >> 3, (bit + to - from + 7) >> 3)
      : valueBytes(data, from * size, to * size);
    const own = places.subarray(0, to - from);
    const row = fields.putFixed(kind, values, bit & 7, validityOf(data, from, to), own);
    if (row < to - from) throw new EncodeError(from + row, BEYOND[kind] ?? "is out of PostgreSQL's range");
  }

  #writeSingly(
    put: PutValue,
    data: Data,
    from: number,
    to: number,
    { fields: { view } }: Output,
    places: Int32Array,
  ): void {
    const isNull = nullTest(data);
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

/** What is wrong with a value that the kernel refuses. */
const BEYOND: Readonly<Partial<Record<FieldKind, string>>> = {
  [FIELD.date]: "is a date before 4713 BC",
  [FIELD.timestamp]: "is a time out of PostgreSQL's range",
};
