import * as v from "valibot";
import { described } from "../described.ts";
import { applyResultSchema } from "../run.ts";

/** Environments, as the API and the command line show them. */

const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const bytes = count;

const placedPipelineSchema = v.object({
  name: described(v.string(), "As the API has it, orders@dev."),
  pipeline: described(v.string(), "As the project's files have it."),
  revision: described(v.nullable(v.string()), "What is in force there; null where nothing was right yet."),
  size_bytes: described(bytes, "What it takes of the disk: its warehouse, and what it has published."),
});

export const environmentViewSchema = v.object({
  name: described(v.string(), "Its name in project.yaml."),
  description: described(v.nullable(v.string()), "What it is for, as project.yaml says now."),
  state: described(
    v.picklist(["defined", "ready", "creating", "deleting"]),
    "defined: only project.yaml has it. creating, deleting: under way, or to be done again where it did not end.",
  ),
  ref: described(
    v.nullable(v.string()),
    "The ref of git that its definitions come from; null for the project's own files.",
  ),
  commit: described(v.nullable(v.string()), "The commit that the ref named when it was applied."),
  applied_at: described(v.nullable(time), "When its definitions were last applied; null for never."),
  pipelines: described(v.array(placedPipelineSchema), "Its pipelines, by name."),
  size_bytes: described(bytes, "What they take of the disk together."),
});
export type EnvironmentView = v.InferOutput<typeof environmentViewSchema>;

export const createdEnvironmentSchema = v.object({
  environment: described(v.string(), "Its name."),
  copied: described(
    v.array(v.object({
      name: described(v.string(), "As orders@dev."),
      from: described(v.string(), "Whose warehouse was copied."),
      tables: described(v.nullable(count), "Raw tables in it; null where there was no warehouse to copy."),
      rows: described(v.nullable(count), "Their rows."),
      size_bytes: described(bytes, "What it takes of the disk; blocks that are shared count."),
    })),
    "What was copied, by name; one that had a warehouse from a creation that did not end is left out.",
  ),
  applied: described(applyResultSchema, "What became of the definitions that were applied."),
});
export type CreatedEnvironment = v.InferOutput<typeof createdEnvironmentSchema>;

export const promotedEnvironmentSchema = v.object({
  environment: described(v.string(), "Its name."),
  promoted: described(
    v.array(v.object({
      pipeline: described(v.string(), "As production has it."),
      revision: described(v.nullable(v.string()), "What is in force there now."),
      run: described(
        v.nullable(v.string()),
        "The run that takes its tables over; null where there are none, or that was not asked for.",
      ),
    })),
    "What was in force in the environment, by name.",
  ),
  applied: described(applyResultSchema, "What became of the definitions that were applied."),
});
export type PromotedEnvironment = v.InferOutput<typeof promotedEnvironmentSchema>;

export const removedEnvironmentSchema = v.object({
  removed: described(v.array(v.string()), "The pipelines that are gone with all they had, as orders@dev."),
  freed_bytes: described(bytes, "What they took of the disk."),
});
export type RemovedEnvironment = v.InferOutput<typeof removedEnvironmentSchema>;
