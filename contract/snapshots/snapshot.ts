import * as v from "valibot";
import { described } from "../described.ts";

/** A published copy of a model: an immutable Parquet file, and what is known of it. */

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const snapshotSchema = v.object({
  id: described(v.string(), "A ULID: later snapshots of a model have greater ones."),
  pipeline: described(v.string(), "The pipeline that published it."),
  model: described(v.string(), "The model whose rows it has."),
  run: described(v.string(), "The run that published it."),
  published_at: described(v.pipe(v.string(), v.isoTimestamp()), "When it was published, ISO 8601 in UTC."),
  rows: described(count, "How many rows it has."),
  size_bytes: described(count, "How large its file is."),
  columns: described(
    v.array(v.object({
      name: described(v.string(), "The column's name."),
      type: described(v.string(), "The model's type, as DuckDB writes it, DECIMAL(18,2)."),
    })),
    "In the order of the file.",
  ),
  encrypted: described(v.boolean(), "Whether the file is encrypted where it lies, as its warehouse is."),
});
export type Snapshot = v.InferOutput<typeof snapshotSchema>;
