import * as v from "valibot";
import { ERROR_CODES } from "./errors.ts";
import { followedViewSchema } from "./connector/followed.ts";
import { described } from "./described.ts";
import { appliedRefSchema } from "./versions/version.ts";
import { scheduleViewSchema } from "./pipeline/schedule_view.ts";
import { paramValueSchema } from "./params/param_value.ts";
import { rangeSchema } from "./range.ts";
import { afterViewSchema, sensorViewSchema } from "./triggers/trigger_view.ts";
import { stepManifestSchema } from "./runs/manifest.ts";
import { type StepProgress, stepProgressSchema } from "./runs/progress.ts";
import { type Traffic, trafficSchema } from "./streams/traffic.ts";

export { type ParamValue, paramValueSchema } from "./params/param_value.ts";

/**
 * Runs as the API, the command line and the pages show them. Times are ISO 8601 in UTC with
 * milliseconds; durations are milliseconds; sizes are bytes.
 */

export const RUN_STATES = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
export type RunState = (typeof RUN_STATES)[number];

export const STEP_KINDS = ["extract", "model", "check", "snapshot", "load"] as const;
export type StepKind = (typeof STEP_KINDS)[number];

/** `warned`: a check of severity warn found rows, or an extract did what it had to and warns. `skipped`: something before it failed. */
export const STEP_STATES = [
  "pending",
  "running",
  "succeeded",
  "warned",
  "failed",
  "skipped",
  "cancelled",
] as const;
export type StepState = (typeof STEP_STATES)[number];

/**
 * `stopped`: its server stopped in order, and the run goes on at the next start. `lost`: its server
 * died, or could not renew its lease in time.
 */
export const ATTEMPT_STATES = ["running", "succeeded", "failed", "cancelled", "stopped", "lost"] as const;
export type AttemptState = (typeof ATTEMPT_STATES)[number];

export const TRIGGERS = [
  "api",
  "cli",
  "page",
  "schedule",
  "start",
  "after",
  "sensor",
  "webhook",
  "backfill",
  "rerun",
  "promotion",
] as const;
export type Trigger = (typeof TRIGGERS)[number];

const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const errorRecordSchema = v.object({
  code: described(
    v.picklist(ERROR_CODES),
    "What kind of failure it is: decides about retries, status and exit code.",
  ),
  reason: v.exactOptional(
    described(v.string(), "Tells errors of one code apart, as idempotency_key_reused."),
  ),
  message: described(v.string(), "What was done to what, what it met, and what to do about it."),
  detail: v.exactOptional(
    described(v.string(), "More for the operator: a driver's own words, a SQL text. Lists leave it out."),
  ),
});

export const stepSchema = v.object({
  name: described(
    v.string(),
    "Unique in the run: extract:orders, model:daily, check:daily.not_null_day, snapshot:daily, load:daily→lake.",
  ),
  kind: described(v.picklist(STEP_KINDS), "What it does."),
  state: described(
    v.picklist(STEP_STATES),
    "warned: a check of severity warn found rows, or its source has to be looked at. skipped: something before it failed.",
  ),
  attempt: described(count, "The attempt that it belongs to."),
  rows: described(
    v.nullable(count),
    "Rows extracted, in the model, that fail the check, or loaded; null while not known.",
  ),
  size_bytes: described(
    v.nullable(count),
    "Bytes read, or of the files written; null where that is not known.",
  ),
  inserted: v.exactOptional(
    described(count, "Of a load: how many rows of the target are new, where its destination reports it."),
  ),
  updated: v.exactOptional(described(count, "Of a load: how many rows of the target were changed.")),
  deleted: v.exactOptional(described(
    count,
    "Of a load: how many rows of the target are gone. Of an extract with deletes: how many are gone at the source.",
  )),
  hash: v.exactOptional(
    described(
      v.string(),
      "Of a load: a hash of its rows that does not depend on their order, in hexadecimal.",
    ),
  ),
  verified: v.exactOptional(
    described(v.boolean(), "Of a load: its target was read back, and holds what was loaded."),
  ),
  rejects: v.exactOptional(
    described(count, "Rows that did not fit and were kept aside; absent where the step can have none."),
  ),
  unchanged: v.exactOptional(
    described(
      v.boolean(),
      "Of an extract: its source has what it had, so nothing was read, and the rows of before stay.",
    ),
  ),
  traffic: v.exactOptional(
    described(trafficSchema, "Of a step that asks an API: what its requests have come to, in its attempt."),
  ),
  manifest: v.exactOptional(
    described(
      stepManifestSchema,
      "What it was done by, and of a model what it was built from, and what was made.",
    ),
  ),
  progress: v.exactOptional(
    described(stepProgressSchema, "While it runs, at the server that carries it out: how far it is."),
  ),
  started_at: described(v.nullable(time), "When it began."),
  finished_at: described(v.nullable(time), "When it ended, however it did."),
  duration_ms: described(v.nullable(count), "From begin to end."),
  error: described(v.nullable(errorRecordSchema), "Why it failed."),
  sql: described(v.nullable(v.string()), "The SQL that it ran, where it is SQL."),
  depends: described(v.array(v.string()), "Names of the steps that it waited for."),
});
export type Step = v.InferOutput<typeof stepSchema>;

export const runSchema = v.object({
  id: described(v.string(), "A ULID: later runs have greater ones."),
  pipeline: described(v.string(), "The name of its pipeline."),
  revision: described(v.string(), "The hash of the pipeline's definition and files that it runs."),
  git_commit: described(
    v.nullable(v.string()),
    "The commit of those files, with +dirty where the work tree differed.",
  ),
  state: described(v.picklist(RUN_STATES), "queued and running runs have not ended."),
  reason: described(
    v.nullable(v.string()),
    "Why it is in this state, for a person: retry 2 of 3 at 10:15, the server stopped.",
  ),
  trigger: described(v.picklist(TRIGGERS), "What it was started by."),
  triggered_by: described(
    v.nullable(v.string()),
    "Who or what asked for it: a token's name, the time of a schedule's firing.",
  ),
  attempt: described(count, "How many attempts it has had."),
  params: described(
    v.record(v.string(), paramValueSchema),
    "Values of the pipeline's params, defaults included.",
  ),
  select: described(v.nullable(v.string()), "The selection of steps; null for all."),
  full_refresh: described(v.boolean(), "Whether it rebuilds incremental streams and models from nothing."),
  group: described(v.nullable(v.string()), "Names runs that belong together, as those of a backfill."),
  parent: described(v.nullable(v.string()), "The id of the run that caused this one."),
  priority: described(v.pipe(v.number(), v.integer()), "The higher goes first; of one priority, the older."),
  cancelled_by: described(v.nullable(v.string()), "Who cancelled it."),
  window_start: described(
    v.nullable(time),
    "What the run is for: from here (null: from the beginning) until before window_end.",
  ),
  window_end: described(time, "What the run is for: until before this."),
  window_given: described(
    v.boolean(),
    "Whether the window was asked for; else each step goes on from where it was last done.",
  ),
  range: v.exactOptional(
    v.pipe(
      rangeSchema,
      v.description("The rows that it reads again, by update_key; absent where it goes on from the cursors."),
    ),
  ),
  tags: v.exactOptional(described(v.array(v.string()), "Words to find it by; absent where it has none.")),
  note: v.exactOptional(described(v.string(), "What somebody wrote on it; absent where nobody did.")),
  promotes: v.exactOptional(
    described(
      v.string(),
      "The environment whose tables it takes over, in place of building them; absent where it does not.",
    ),
  ),
  traceparent: v.exactOptional(
    described(
      v.string(),
      "The trace that its request came from, by W3C Trace Context; absent where none came.",
    ),
  ),
  retried_after: v.exactOptional(
    described(
      count,
      "How many attempts it had had when somebody last asked for a retry; absent where nobody did.",
    ),
  ),
  created_at: described(time, "When it was asked for."),
  not_before: described(v.nullable(time), "Until when it waits for its next attempt."),
  started_at: described(v.nullable(time), "When its newest attempt began."),
  finished_at: described(v.nullable(time), "When it ended."),
  duration_ms: described(v.nullable(count), "How long its newest attempt took."),
  rows_extracted: described(count, "Rows read from sources."),
  rows_loaded: described(count, "Rows written to destinations."),
  warnings: described(count, "How many checks and steps warned."),
  peak_rss_bytes: described(v.nullable(count), "Greatest resident memory of the run's process."),
  error: described(v.nullable(errorRecordSchema), "Why it failed."),
});
export type Run = v.InferOutput<typeof runSchema>;

const attemptSchema = v.object({
  attempt: described(count, "Counts from 1."),
  worker: described(v.string(), "The server that carried it out, by the name of that start."),
  state: described(
    v.picklist(ATTEMPT_STATES),
    "stopped: its server stopped in order, the run goes on. lost: its server died or lost its lease.",
  ),
  started_at: described(time, "When it began."),
  finished_at: described(v.nullable(time), "When it ended."),
  duration_ms: described(v.nullable(count), "From begin to end."),
  error: described(v.nullable(errorRecordSchema), "Why it failed."),
  peak_rss_bytes: described(v.nullable(count), "Greatest resident memory of its process."),
});
export type Attempt = v.InferOutput<typeof attemptSchema>;

export const runDetailSchema = v.object({
  ...runSchema.entries,
  steps: described(
    v.array(stepSchema),
    "The newest state of each step, in the order in which they were first seen.",
  ),
  attempts: described(v.array(attemptSchema), "In order."),
  can_retry: described(
    v.exactOptional(v.boolean()),
    "Whether a retry would be taken now: it failed or was cancelled, is the newest, and not too old.",
  ),
});
export type RunDetail = v.InferOutput<typeof runDetailSchema>;

/** How long a warehouse and a destination remember what a run committed, in days. */
export const COMMITTED_KEPT_DAYS = 90;
/** A run that is older is not retried: what it committed may be forgotten before the retry is done. */
export const RETRY_WITHIN_DAYS = COMMITTED_KEPT_DAYS - 10;

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export const logLineSchema = v.object({
  seq: described(count, "Grows within the run; the id of the server-sent event."),
  at: described(time, "When it was written."),
  level: described(v.picklist(LOG_LEVELS), "How much it matters."),
  attempt: described(
    v.nullable(count),
    "The attempt that wrote it; null for lines that the first release wrote.",
  ),
  step: described(v.nullable(v.string()), "The step that wrote it; null for the run itself."),
  message: described(v.string(), "The line, without secrets."),
});
export type LogLine = v.InferOutput<typeof logLineSchema>;

/** What GET /api/runs/:id/events sends: `event:` is the `type`, `data:` the JSON of the rest. */
export type RunEvent =
  | { readonly type: "run"; readonly run: Run }
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "progress"; readonly step: string; readonly traffic?: Traffic } & StepProgress
  | { readonly type: "log"; readonly line: LogLine };

export const pipelineSummarySchema = v.object({
  name: described(v.string(), "The file's name, or that of the PUT."),
  environment: described(
    v.nullable(v.string()),
    "The environment that it is in, which stands behind the @ of its name; null for production.",
  ),
  description: described(v.nullable(v.string()), "One line about it."),
  tags: described(v.array(v.string()), "Words to find it by."),
  owner: described(
    v.nullable(v.string()),
    "Whose it is: a user's name, or @ and a group's; null for nobody's.",
  ),
  origin: described(
    v.picklist(["files", "api"]),
    "Where the definition comes from: files is changed in the project, api by PUT.",
  ),
  revision: described(
    v.nullable(v.string()),
    "The hash of what is in force; null where nothing has ever been right.",
  ),
  git_commit: described(
    v.nullable(v.string()),
    "The commit of what is in force, with +dirty where the work tree differed.",
  ),
  schedule: described(
    v.nullable(scheduleViewSchema),
    "When it runs by itself, by the first of its schedules; null for on demand.",
  ),
  schedules: described(v.array(scheduleViewSchema), "All of its schedules; none for on demand."),
  after: described(v.nullable(afterViewSchema), "The pipelines whose successes start it; null for none."),
  sensors: described(v.array(sensorViewSchema), "The files that start it when they appear or change."),
  paused: described(v.boolean(), "Whether its schedule is kept from starting it."),
  next_run_at: described(
    v.nullable(time),
    "When a schedule next starts it; null while it is paused or has none.",
  ),
  last_run: described(v.nullable(runSchema), "Its newest run."),
  faults: described(
    v.array(v.object({
      file: described(v.string(), "Relative to the project."),
      line: v.exactOptional(described(count, "Counts from 1.")),
      column: v.exactOptional(described(count, "Counts from 1.")),
      message: described(v.string(), "What is wrong, and what to do about it."),
      severity: described(v.picklist(["error", "warning"]), "error: it is not in force. warning: it is."),
    })),
    "Why the newest definition is not in force; the last good revision still runs.",
  ),
  warnings: described(
    v.array(v.string()),
    "What has to be looked at soon, as a source that keeps its log for it and fills its disk.",
  ),
});
export type PipelineSummary = v.InferOutput<typeof pipelineSummarySchema>;

export const pipelineStepSchema = v.object({
  name: described(v.string(), "As in its runs: extract:orders, model:daily."),
  kind: described(v.picklist(STEP_KINDS), "What it does."),
  depends: described(v.array(v.string()), "Names of the steps that it waits for."),
  summary: described(v.string(), "What it is, for a person: shop public.orders, incremental by updated_at."),
  file: described(v.nullable(v.string()), "The file that defines it, relative to the project."),
  sql: described(v.nullable(v.string()), "Its SQL, where it is SQL."),
});
export type PipelineStep = v.InferOutput<typeof pipelineStepSchema>;

export const pipelineDetailSchema = v.object({
  ...pipelineSummarySchema.entries,
  definition: described(
    v.nullable(v.record(v.string(), v.unknown())),
    "What is in force, defaults filled in; null where nothing has ever been right.",
  ),
  source: described(
    v.nullable(v.object({
      path: described(v.string(), "The file, in the project."),
      content: described(v.string(), "Its text as it was written."),
    })),
    "The text of the definition in force; null where an earlier version put it in force.",
  ),
  files: described(
    v.array(v.object({
      path: described(v.string(), "Relative to the project."),
      content: described(v.string(), "The text of the file."),
    })),
    "Its models, in order of their paths.",
  ),
  followed_by: described(v.array(v.string()), "The names of the pipelines that run after it."),
  steps: described(v.array(pipelineStepSchema), "What a run of it does, in order."),
  followed: described(
    v.array(followedViewSchema),
    "How far its streams are that follow changes (mode: cdc), by connector; empty before the first run.",
  ),
});
export type PipelineDetail = v.InferOutput<typeof pipelineDetailSchema>;

/** What applying a project's files did: names of pipelines, and what is wrong with the files. */
export const applyResultSchema = v.object({
  applied: described(v.array(v.string()), "Pipelines that are in force as the files are now."),
  unchanged: described(v.array(v.string()), "Pipelines that were so already."),
  removed: described(v.array(v.string()), "Pipelines whose files are gone."),
  faults: pipelineSummarySchema.entries.faults,
  source: v.exactOptional(
    described(appliedRefSchema, "The ref of git that was read; absent for the project's own files."),
  ),
});
export type ApplyResult = v.InferOutput<typeof applyResultSchema>;
