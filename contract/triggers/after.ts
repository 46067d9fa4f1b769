import * as v from "valibot";
import { PIPELINE_NAME_PATTERN } from "../names.ts";

/** The pipelines that a pipeline runs after. */

const pipelineNames = v.pipe(
  v.array(v.pipe(v.string(), v.regex(PIPELINE_NAME_PATTERN, "expected the name of a pipeline"))),
  v.minLength(1, "expected at least one pipeline"),
);

export const afterSchema = v.pipe(
  v.union([
    pipelineNames,
    v.strictObject({ any: v.pipe(pipelineNames, v.description("Each success of one of these.")) }),
    v.strictObject({
      all: v.pipe(pipelineNames, v.description("When each of these has succeeded since the last time.")),
    }),
  ], "expected a list of pipelines, {any: [pipelines]} or {all: [pipelines]}"),
  v.description(
    "Runs when other pipelines have succeeded, for the same interval of time: any of a list, or all.",
  ),
);
export type AfterDefinition = v.InferOutput<typeof afterSchema>;

/** The same whichever way it was written. */
export interface Dependencies {
  /** Whether a success of one of them is enough. */
  readonly needs: "any" | "all";
  /** Their names, each once. */
  readonly pipelines: readonly string[];
}

export function dependenciesOf(after: AfterDefinition): Dependencies {
  const [needs, names] = Array.isArray(after)
    ? ["any" as const, after]
    : "all" in after
    ? ["all" as const, after.all]
    : ["any" as const, after.any];
  return { needs, pipelines: [...new Set(names)] };
}
