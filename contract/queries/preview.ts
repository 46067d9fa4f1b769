import * as v from "valibot";
import { described } from "../described.ts";
import { queryRowsSchema } from "./rows.ts";

/** The rows of a model as its SQL is now, without building it, as `sluice preview PIPELINE.MODEL` shows them. */

export const modelPreviewSchema = v.object({
  pipeline: described(v.string(), "The pipeline's name."),
  model: described(v.string(), "The model's name."),
  ...queryRowsSchema.entries,
  built: described(
    v.array(v.string()),
    "Models that were built for it, in a copy of the warehouse: they are others now than what the last run built.",
  ),
  as_of: described(
    v.nullable(v.pipe(v.string(), v.isoTimestamp())),
    "Of when the tables are that it reads; null where the pipeline has no warehouse yet.",
  ),
  duration_ms: described(v.pipe(v.number(), v.integer(), v.minValue(0)), "How long it took."),
});
export type ModelPreview = v.InferOutput<typeof modelPreviewSchema>;
