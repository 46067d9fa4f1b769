import type { Data, RecordBatch } from "apache-arrow";
import { CopyFields } from "../../../../kernels/copy_fields.ts";
import { MESSAGE_HEADER_BYTES } from "../../session/copy_data.ts";
import { type ColumnEncoder, EncodeError } from "./column_encoder.ts";

/** Rows that are measured and written together: their columns fit the processor's cache. */
const SLICE_ROWS = 2_048;
/** A slice of wide rows is cut, so that memory stays bounded; one row may be as large as it is. */
const SLICE_BYTES = 4 * 1024 * 1024;
const COUNT_BYTES = 2;
/** A kernel whose memory has grown beyond this, for a row of some hundred megabytes, is not kept. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** Signature, flags, length of the extension. */
const FILE_HEADER = [0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const FILE_TRAILER = [0xff, 0xff];

/** A value that the column's type cannot hold. `column` counts from 0, `row` from 1. */
export class UnfitRowError extends Error {
  override readonly name = "UnfitRowError";
  readonly column: number;
  readonly row: number;

  constructor(column: number, row: number, message: string) {
    super(message);
    this.column = column;
    this.row = row;
  }
}

export interface EncodedTotals {
  readonly rows: number;
  readonly sizeBytes: number;
}

/** Encodes record batches as binary COPY; every chunk has room for a message's header at its front. */
export class BatchEncoder {
  readonly #encoders: readonly ColumnEncoder[];
  #fields = new CopyFields();
  #rows = 0;
  /** Rows of the batches before the current one. */
  #rowsBefore = 0;
  #sizeBytes = 0;

  constructor(encoders: readonly ColumnEncoder[]) {
    this.#encoders = encoders;
  }

  get totals(): EncodedTotals {
    return { rows: this.#rows, sizeBytes: this.#sizeBytes };
  }

  /** Throws UnfitRowError. */
  async *encode(batches: AsyncIterable<RecordBatch>): AsyncGenerator<Uint8Array, void, undefined> {
    yield framed(FILE_HEADER);
    for await (const batch of batches) yield* this.#encodeBatch(batch);
    yield framed(FILE_TRAILER);
  }

  *#encodeBatch(batch: RecordBatch): Generator<Uint8Array, void, undefined> {
    const columns: readonly Data[] = batch.data.children;
    this.#rowsBefore = this.#rows;
    if (this.#fields.sizeBytes > MAX_KEPT_BYTES) this.#fields = new CopyFields();
    for (let from = 0; from < batch.numRows;) {
      let to = Math.min(from + SLICE_ROWS, batch.numRows);
      let sizes = this.#measure(columns, from, to);
      const fitting = from + rowsWithin(sizes, SLICE_BYTES);
      if (fitting < to) {
        to = fitting;
        sizes = this.#measure(columns, from, to);
      }
      yield this.#write(columns, from, to, sizes);
      this.#rows += to - from;
      from = to;
    }
  }

  #measure(columns: readonly Data[], from: number, to: number): Int32Array {
    const sizes = new Int32Array(to - from).fill(COUNT_BYTES);
    const output = { fields: this.#fields };
    this.#eachColumn(columns, (encoder, data) => encoder.measure(data, from, to, sizes, output));
    return sizes;
  }

  #write(columns: readonly Data[], from: number, to: number, sizes: Int32Array): Uint8Array {
    const fields = this.#fields;
    const sizeBytes = sizes.reduce((sum, size) => sum + size, MESSAGE_HEADER_BYTES);
    const start = fields.begin(sizeBytes);
    const { view } = fields;
    const places = new Int32Array(to - from);
    let at = start + MESSAGE_HEADER_BYTES;
    for (let i = 0; i < sizes.length; i++) {
      view.setInt16(at, this.#encoders.length);
      places[i] = at + COUNT_BYTES;
      at += sizes[i] ?? 0;
    }
    this.#eachColumn(columns, (encoder, data) => encoder.write(data, from, to, { fields }, places));
    this.#sizeBytes += sizeBytes - MESSAGE_HEADER_BYTES;
    return fields.bytes.slice(start, start + sizeBytes);
  }

  #eachColumn(columns: readonly Data[], work: (encoder: ColumnEncoder, data: Data) => void): void {
    for (const [column, encoder] of this.#encoders.entries()) {
      const data = columns[column];
      if (data === undefined) {
        throw new TypeError(`A batch has ${columns.length} columns, expected ${this.#encoders.length}`);
      }
      try {
        work(encoder, data);
      } catch (error) {
        if (error instanceof EncodeError) {
          throw new UnfitRowError(column, this.#rowsBefore + error.row + 1, error.message);
        }
        throw error;
      }
    }
  }
}

/** How many rows stay within the bytes; at least one. */
function rowsWithin(sizes: Int32Array, limitBytes: number): number {
  let sum = 0;
  for (let i = 0; i < sizes.length; i++) {
    sum += sizes[i] ?? 0;
    if (sum > limitBytes) return Math.max(i, 1);
  }
  return sizes.length;
}

function framed(payload: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(MESSAGE_HEADER_BYTES + payload.length);
  bytes.set(payload, MESSAGE_HEADER_BYTES);
  return bytes;
}
