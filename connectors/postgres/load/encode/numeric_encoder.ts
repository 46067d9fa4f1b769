import { type Data, DataType } from "apache-arrow";
import type { NumericForm } from "../../../../kernels/copy_fields.ts";
import { type ColumnEncoder, type Output, validityOf, valueBytes } from "./column_encoder.ts";

/** Decimal128, 128-bit integers and Uint64 → numeric. */
export class NumericEncoder implements ColumnEncoder {
  readonly #scale: number;
  readonly #isSigned: boolean;

  constructor(scale: number, isSigned: boolean) {
    this.#scale = scale;
    this.#isSigned = isSigned;
  }

  measure(data: Data, from: number, to: number, sizes: Int32Array, { fields }: Output): void {
    const form = this.#formOf(data);
    const values = valueBytes(data, from * form.width, to * form.width);
    fields.addNumerics(values, form, validityOf(data, from, to), sizes.subarray(0, to - from));
  }

  write(data: Data, from: number, to: number, { fields }: Output, places: Int32Array): void {
    const form = this.#formOf(data);
    const values = valueBytes(data, from * form.width, to * form.width);
    fields.putNumerics(values, form, validityOf(data, from, to), places.subarray(0, to - from));
  }

  #formOf({ type, values }: Data): NumericForm {
    const width = DataType.isDecimal(type) ? type.bitWidth / 8 : values instanceof BigUint64Array ? 8 : 16;
    return { width, isSigned: this.#isSigned, scale: this.#scale };
  }
}
