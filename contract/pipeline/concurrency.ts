import * as v from "valibot";
import { PIPELINE_NAME_PATTERN } from "../names.ts";

/** A name that pipelines share: a pool's runs take slots of it, whatever pipeline they are of. */
export const concurrencySchema = v.pipe(
  v.strictObject({
    pool: v.pipe(
      v.string(),
      v.regex(PIPELINE_NAME_PATTERN, "expected the name of a pool, as heavy"),
      v.description(
        "Runs of all pipelines that name it share its slots: as many as the server is told (--pool heavy=2), else one.",
      ),
    ),
    slots: v.optional(
      v.pipe(
        v.number(),
        v.integer(),
        v.minValue(1),
        v.maxValue(1_000),
        v.description("How many of them a run takes, one by default; never more than there are."),
      ),
    ),
  }),
  v.description("What its runs share with those of other pipelines."),
);
