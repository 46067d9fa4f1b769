import * as v from "valibot";
import { described } from "../described.ts";
import { pipelinePlanSchema } from "../plan/plan.ts";

/** Versions of pipelines as the API, the command line and the pages show them. */

const time = v.pipe(v.string(), v.isoTimestamp());

export const commitSchema = v.object({
  id: described(v.string(), "The commit, 40 hex digits."),
  author: described(v.string(), "Who wrote it."),
  subject: described(v.string(), "The first line of its message."),
  at: described(time, "When it was written."),
});

export const versionSchema = v.object({
  version: described(v.pipe(v.number(), v.integer()), "Counts up over all pipelines."),
  revision: described(v.string(), "The revision that came in force: 64 hex digits."),
  git_commit: described(
    v.nullable(v.string()),
    "The commit of its files, with +dirty behind it where they differed; null where git could not say.",
  ),
  commit: described(v.nullable(commitSchema), "What is known of that commit."),
  in_force_at: described(time, "When it came in force."),
  in_force: described(v.boolean(), "Whether it is in force now, by this coming in force."),
  kept: described(v.boolean(), "Whether its files are still there: runs and rollbacks need them."),
});
export type Version = v.InferOutput<typeof versionSchema>;

export const FILE_CHANGES = ["added", "removed", "changed"] as const;

export const fileChangeSchema = v.object({
  path: described(v.string(), "The file in the project."),
  change: described(v.picklist(FILE_CHANGES), "What became of it."),
  diff: described(v.string(), "The difference as unified diff; empty where it is too long to be worked out."),
});
export type FileChange = v.InferOutput<typeof fileChangeSchema>;

export const versionChangesSchema = v.object({
  from: described(v.nullable(v.string()), "The revision before; null for the first that is known."),
  to: described(v.string(), "The revision."),
  files: described(v.array(fileChangeSchema), "The files that differ, by path."),
  plan: v.exactOptional(
    described(
      pipelinePlanSchema,
      "What that does, where it was asked for: without rows, and without the diffs, which files has.",
    ),
  ),
});
export type VersionChanges = v.InferOutput<typeof versionChangesSchema>;

export const rollBackSchema = v.object({
  from: described(v.string(), "The revision that was in force."),
  to: described(v.string(), "The revision that is in force now."),
});
export type RollBack = v.InferOutput<typeof rollBackSchema>;

/** The ref of git that definitions were read from. */
export const appliedRefSchema = v.object({
  ref: described(v.string(), "The branch, tag or commit that was asked for."),
  commit: described(v.string(), "The commit that it named."),
});
export type AppliedRef = v.InferOutput<typeof appliedRefSchema>;
