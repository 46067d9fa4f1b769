import * as v from "valibot";
import { described } from "../described.ts";
import { tableDiffSchema } from "./table_diff.ts";

/** What a change of a project would do before it is applied, as `sluice plan` and POST /api/pipelines/:name/plan show it. */

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const texts = v.array(v.string());
const NAME = "What it is called.";

export const CHANGES = ["added", "removed", "changed"] as const;
const change = described(v.picklist(CHANGES), "What becomes of it.");

export const columnChangeSchema = v.object({
  name: described(v.string(), NAME),
  change: described(
    v.picklist(["added", "removed", "renamed", "type"]),
    "renamed: another one of the same type stands in its place.",
  ),
  before: described(v.nullable(v.string()), "Its type, or for a renamed one its name; null where it is new."),
  after: described(v.nullable(v.string()), "Its type, or for a renamed one its name; null where it is gone."),
  breaking: described(v.boolean(), "Whether who reads it may fail, or get less than before."),
});
export type ColumnChange = v.InferOutput<typeof columnChangeSchema>;

export const modelChangeSchema = v.object({
  model: described(v.string(), NAME),
  path: described(v.nullable(v.string()), "Its file in the project."),
  change: described(
    v.picklist([...CHANGES, "affected"]),
    "affected: it is as it was, and reads something that has changed.",
  ),
  why: described(texts, "What has changed: its SQL, keys of its header, a macro, a param; or what it reads."),
  rows: described(
    v.boolean(),
    "False where only descriptions, tags or checks differ: its rows stay as they are.",
  ),
  columns: described(
    v.nullable(v.array(columnChangeSchema)),
    "Null where the columns of one of the two versions are not known.",
  ),
  breaking: described(texts, "What of it breaks who reads the model; empty where nothing does."),
  rebuild: described(
    v.nullable(v.object({
      way: described(
        v.picklist(["full_refresh", "append", "refused"]),
        "refused: the next run stops at it until somebody decides.",
      ),
      text: described(v.string(), "The same, to be read."),
    })),
    "Of a changed model that has gathered rows: what the next run does with them.",
  ),
  last: described(
    v.nullable(v.object({
      rows: described(v.nullable(count), "How many rows it had then."),
      duration_ms: described(v.nullable(count), "How long it took."),
    })),
    "Its last success.",
  ),
  data: described(v.nullable(tableDiffSchema), "Null where rows were not compared."),
});
export type ModelChange = v.InferOutput<typeof modelChangeSchema>;

export const partChangeSchema = v.object({
  name: described(v.string(), "A stream, a load, a connector, a script or a key of the definition."),
  change,
  keys: described(
    v.array(v.object({
      key: described(v.string(), "The key; empty for an entry that is a list or a single value."),
      before: described(
        v.nullable(v.string()),
        "As JSON; null where it was not there, and for a connector, whose values may be secrets.",
      ),
      after: described(v.nullable(v.string()), "As JSON; null where it is gone, and for a connector."),
    })),
    "What of it has changed.",
  ),
});
export type PartChange = v.InferOutput<typeof partChangeSchema>;

export const planFaultSchema = v.object({
  file: described(v.string(), "The file, relative to the project."),
  line: v.exactOptional(described(count, "Where it stands in the file, from 1.")),
  column: v.exactOptional(described(count, "Where it stands in the line, from 1.")),
  message: described(v.string(), "What is wrong, and what to do."),
  severity: described(v.picklist(["error", "warning"]), "What has an error is not applied."),
});

export const pipelinePlanSchema = v.object({
  pipeline: described(v.string(), NAME),
  change: described(v.picklist([...CHANGES, "unchanged"]), "Of the pipeline as a whole."),
  against: described(
    v.string(),
    "What it was compared with, to be read: what is in force, revision 3f2a…, main (1a2b3c4).",
  ),
  faults: described(v.array(planFaultSchema), "What keeps the change from being applied, and warnings."),
  settings: described(
    v.array(partChangeSchema),
    "Keys of the definition beside streams and loads: schedule, params …",
  ),
  streams: described(v.array(partChangeSchema), "Streams that differ."),
  loads: described(v.array(partChangeSchema), "Loads that differ, by what they load."),
  connectors: described(v.array(partChangeSchema), "Entries of connectors.yaml that the pipeline names."),
  scripts: described(v.array(partChangeSchema), "Scripts of the project that differ, by their paths."),
  models: described(
    v.array(modelChangeSchema),
    "In the order in which they are built; what is gone comes last.",
  ),
  readers: described(
    v.array(v.object({
      pipeline: described(v.string(), "The pipeline that reads."),
      stream: described(v.string(), "Its stream."),
      model: described(v.string(), "The model that it reads."),
      loses: described(
        v.boolean(),
        "Whether there is nothing to read any more: the model is published no more.",
      ),
    })),
    "Streams of other pipelines of the project that read published models which change, or are published no more.",
  ),
  breaking: described(v.boolean(), "Whether something of it breaks who reads it."),
  cost: described(
    v.object({
      models: described(count, "How many models the next run has to build for the change."),
      duration_ms: described(
        v.nullable(count),
        "What those took when they were last built; null where no run knows.",
      ),
      rows: described(v.nullable(count), "How many rows they had then."),
      unknown: described(count, "How many of them no run has built yet."),
    }),
    "Of the models that changed and those behind them.",
  ),
  data: described(
    v.object({
      compared: described(v.boolean(), "Whether rows were compared."),
      note: described(v.nullable(v.string()), "Why not, or what has to be known of the comparison."),
      duration_ms: described(v.nullable(count), "How long it took."),
    }),
    "The comparison of rows.",
  ),
  diffs: described(
    v.array(v.object({
      path: described(v.string(), "The file, relative to the project."),
      change,
      diff: described(v.string(), "As diff -u writes it."),
    })),
    "The files that differ, each as a unified diff.",
  ),
});
export type PipelinePlan = v.InferOutput<typeof pipelinePlanSchema>;

export const projectPlanSchema = v.object({
  faults: described(v.array(planFaultSchema), "Of the project as a whole."),
  pipelines: described(v.array(pipelinePlanSchema), "By name, those without a change too."),
});
export type ProjectPlan = v.InferOutput<typeof projectPlanSchema>;

/** Whether anything would be another than before. */
export const isChanged = ({ change }: Pick<PipelinePlan, "change">): boolean => change !== "unchanged";
