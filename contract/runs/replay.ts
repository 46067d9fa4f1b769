import * as v from "valibot";
import { described } from "../described.ts";
import { tableDiffSchema } from "../plan/table_diff.ts";

/** What came of repeating the transforms of a run on the inputs that were kept of it. */

const OUTCOMES = ["same", "differs", "unknown"] as const;

export const modelReplaySchema = v.object({
  model: described(v.string(), "Its name."),
  outcome: described(
    v.picklist(OUTCOMES),
    "same: the rows are those that the run made. differs: they are others. unknown: it could not be told.",
  ),
  reason: described(v.nullable(v.string()), "Why it could not be told."),
  likely: described(
    v.array(v.string()),
    "Of one that differs: what in its SQL need not give the same rows twice.",
  ),
  diff: described(
    v.nullable(tableDiffSchema),
    "What differs between the run's rows (before) and those of the replay (after); null where nothing was compared.",
  ),
});
export type ModelReplay = v.InferOutput<typeof modelReplaySchema>;

export const runReplaySchema = v.object({
  run: described(v.string(), "The run's id."),
  pipeline: described(v.string(), "The name of its pipeline."),
  outcome: described(
    v.picklist(OUTCOMES),
    "same: all models are. differs: one at least does. unknown: none differs, and of one at least it could not be told.",
  ),
  models: described(v.array(modelReplaySchema), "The models that the run built, in order."),
});
export type RunReplay = v.InferOutput<typeof runReplaySchema>;

/** Of the models together. */
export function outcomeOf(models: readonly ModelReplay[]): RunReplay["outcome"] {
  if (models.some(({ outcome }) => outcome === "differs")) return "differs";
  return models.every(({ outcome }) => outcome === "same") ? "same" : "unknown";
}
