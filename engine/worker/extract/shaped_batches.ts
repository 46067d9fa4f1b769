import type { RecordBatch, Schema } from "apache-arrow";
import type { Source } from "../../../contract/connector/source.ts";
import type { StreamShape } from "./stream_shape.ts";

/** Gives the batches of a read their shape, anew where their columns change. */
export class ShapedBatches {
  readonly #shape: StreamShape;
  readonly #source: Pick<Source, "pushdown">;
  #schema: Schema | undefined;
  #toShape: (batch: RecordBatch) => RecordBatch = (batch) => batch;

  constructor(shape: StreamShape, source: Pick<Source, "pushdown">) {
    this.#shape = shape;
    this.#source = source;
  }

  /** Throws `invalid` for a column that the stream names and the batch does not have. */
  of(batch: RecordBatch): RecordBatch {
    if (batch.schema !== this.#schema) {
      this.#toShape = this.#shape.batches(batch.schema, this.#source);
      this.#schema = batch.schema;
    }
    return this.#toShape(batch);
  }
}
