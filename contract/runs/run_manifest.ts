import * as v from "valibot";
import { described } from "../described.ts";
import { rangeSchema } from "../range.ts";
import { paramValueSchema, RUN_STATES, STEP_STATES, stepSchema } from "../run.ts";
import { stepManifestSchema, tableFactsSchema } from "./manifest.ts";

/** What a run was made of, as `sluice show RUN --manifest` and GET /api/runs/:id/manifest give it. */

const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const { sluice, duckdb, ...ofModels } = stepManifestSchema.entries;
const { rows, size_bytes, inserted, updated, deleted, hash, verified, rejects, unchanged } =
  stepSchema.entries;

const ofStep = {
  state: described(v.picklist(STEP_STATES), "How the step ended; pending and running while it has not."),
  attempt: described(count, "The attempt that did it."),
};

export const runManifestSchema = v.object({
  run: described(v.string(), "The run's id."),
  pipeline: described(v.string(), "The name of its pipeline."),
  state: described(v.picklist(RUN_STATES), "Of a run that goes on the manifest is what is done so far."),
  revision: described(v.string(), "The hash of the pipeline's definition and files that it ran."),
  git_commit: described(
    v.nullable(v.string()),
    "The commit of those files, with +dirty where the work tree differed.",
  ),
  versions: described(
    v.array(v.object({ sluice, duckdb })),
    "What did its steps; several where an update came between its attempts.",
  ),
  window_start: described(v.nullable(time), "What the run was for: from here, null from the beginning."),
  window_end: described(time, "Until before this."),
  window_given: described(
    v.boolean(),
    "Whether the window was asked for; else each step has its own beginning.",
  ),
  range: v.exactOptional(v.pipe(rangeSchema, v.description("The rows that it read again, by update_key."))),
  select: described(v.nullable(v.string()), "The selection of steps; null for all."),
  full_refresh: described(v.boolean(), "Whether incremental streams and models were rebuilt from nothing."),
  params: described(
    v.record(v.string(), paramValueSchema),
    "Values of the pipeline's params and of the project's variables that it reads, defaults included.",
  ),
  replay: described(
    v.object({
      possible: described(v.boolean(), "Whether the run can be replayed: its inputs are kept."),
      reason: described(v.nullable(v.string()), "Why it cannot; null where it can."),
    }),
    "As long as nothing newer takes the place of what is kept.",
  ),
  files: described(
    v.array(v.object({
      path: described(v.string(), "In the project."),
      sha256: described(v.string(), "Of its text, in hexadecimal."),
    })),
    "The SQL, seeds, macros, defaults and scripts of the revision, in order of their paths.",
  ),
  extracts: described(
    v.array(v.object({
      stream: described(v.string(), "The name of the stream."),
      ...ofStep,
      rows,
      size_bytes,
      deleted,
      rejects,
      unchanged,
    })),
    "What was read.",
  ),
  inputs: described(
    v.array(tableFactsSchema),
    "The tables that models were built from and that the run did not make: raw ones as they were read, and models of earlier runs. One that changed between two attempts is there twice.",
  ),
  models: described(
    v.array(v.object({
      model: described(v.string(), "Its name."),
      file: described(v.nullable(v.string()), "Its file in the project."),
      sha256: described(v.nullable(v.string()), "Of the file's text, in hexadecimal."),
      ...ofStep,
      rows,
      ...ofModels,
      calls: v.exactOptional(described(
        v.array(v.object({
          function: described(v.string(), "As the SQL calls it."),
          script: described(v.string(), "In the project."),
          sha256: described(v.nullable(v.string()), "Of the script's own text, in hexadecimal."),
        })),
        "Scripts that its SQL calls: a replay runs none.",
      )),
    })),
    "What was built, in order.",
  ),
  snapshots: described(
    v.array(v.object({ model: described(v.string(), "Its name."), ...ofStep, rows, size_bytes })),
    "What was published.",
  ),
  loads: described(
    v.array(v.object({
      load: described(v.string(), "The load, as daily→lake."),
      ...ofStep,
      rows,
      size_bytes,
      inserted,
      updated,
      deleted,
      hash,
      verified,
      rejects,
    })),
    "The receipts of what was loaded.",
  ),
});
export type RunManifest = v.InferOutput<typeof runManifestSchema>;
