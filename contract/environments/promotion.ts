import * as v from "valibot";
import { described } from "../described.ts";

/** What a promotion does with the tables of a pipeline, as the API and the command line show it. */

const promotedModelSchema = v.object({
  model: described(v.string(), "Its name."),
  outcome: described(
    v.picklist(["taken", "built"]),
    "taken: production takes it over as the environment has it. built: production's next run builds it.",
  ),
  reason: described(v.nullable(v.string()), "Why it is built; null for what is taken."),
  rows: described(
    v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0))),
    "Of what is taken: its rows; null for a view.",
  ),
});
export type PromotedModel = v.InferOutput<typeof promotedModelSchema>;

export const promotionPlanSchema = v.object({
  environment: described(v.string(), "Its name."),
  pipelines: described(
    v.array(v.object({
      pipeline: described(v.string(), "As production has it."),
      revision: described(
        v.nullable(v.string()),
        "What would be in force; null where it may not be applied.",
      ),
      in_force: described(v.boolean(), "Whether it is so already."),
      models: described(
        v.array(promotedModelSchema),
        "Those that have changed since production built them, and those that read them; the others stay.",
      ),
      note: described(v.nullable(v.string()), "Why nothing can be taken of any; null where it can be told."),
    })),
    "What is in force in the environment, by name.",
  ),
});
export type PromotionPlan = v.InferOutput<typeof promotionPlanSchema>;
