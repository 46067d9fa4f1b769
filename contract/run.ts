import * as v from "valibot";
import { ERROR_CODES } from "./errors.ts";

/**
 * Runs as the API, the command line and the pages show them. Times are ISO 8601 in UTC with
 * milliseconds; durations are milliseconds; sizes are bytes.
 */

export const RUN_STATES = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
export type RunState = (typeof RUN_STATES)[number];

export const STEP_KINDS = ["extract", "model", "check", "load"] as const;
export type StepKind = (typeof STEP_KINDS)[number];

/** `warned`: a check of severity warn found rows. `skipped`: something before it failed. */
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

export const TRIGGERS = ["api", "cli", "page", "schedule", "start"] as const;
export type Trigger = (typeof TRIGGERS)[number];

const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const errorRecordSchema = v.object({
  code: v.picklist(ERROR_CODES),
  /** Tells errors of one code apart, as `idempotency_key_reused`. */
  reason: v.exactOptional(v.string()),
  message: v.string(),
  detail: v.exactOptional(v.string()),
});

export const stepSchema = v.object({
  /** Unique in the run: `extract:orders`, `model:daily`, `check:daily.not_null_day`, `load:daily→lake`. */
  name: v.string(),
  kind: v.picklist(STEP_KINDS),
  state: v.picklist(STEP_STATES),
  attempt: count,
  /** Rows extracted, in the model, that fail the check, or loaded. */
  rows: v.nullable(count),
  size_bytes: v.nullable(count),
  /** Of a load: what became of the target's rows, where its destination reports it. */
  inserted: v.exactOptional(count),
  updated: v.exactOptional(count),
  deleted: v.exactOptional(count),
  /** Of a load: a hash of its rows that does not depend on their order, in hexadecimal. */
  hash: v.exactOptional(v.string()),
  /** Rows that did not fit and were kept aside; absent where the step can have none. */
  rejects: v.exactOptional(count),
  started_at: v.nullable(time),
  finished_at: v.nullable(time),
  duration_ms: v.nullable(count),
  error: v.nullable(errorRecordSchema),
  /** The SQL that it ran, where it is SQL. */
  sql: v.nullable(v.string()),
  /** Names of the steps it waited for. */
  depends: v.array(v.string()),
});
export type Step = v.InferOutput<typeof stepSchema>;

export const paramValueSchema = v.union([v.string(), v.number(), v.boolean(), v.null()]);
export type ParamValue = v.InferOutput<typeof paramValueSchema>;

export const runSchema = v.object({
  id: v.string(),
  pipeline: v.string(),
  revision: v.string(),
  git_commit: v.nullable(v.string()),
  state: v.picklist(RUN_STATES),
  /** Why it is in this state, for a person: `retry 2 of 3 at 10:15`, `the server stopped`. */
  reason: v.nullable(v.string()),
  trigger: v.picklist(TRIGGERS),
  /** Who or what asked for it: a token's name, a schedule. */
  triggered_by: v.nullable(v.string()),
  attempt: count,
  params: v.record(v.string(), paramValueSchema),
  select: v.nullable(v.string()),
  full_refresh: v.boolean(),
  /** Runs that belong together, as those of a backfill. */
  group: v.nullable(v.string()),
  /** The run that caused this one. */
  parent: v.nullable(v.string()),
  /** The higher goes first; of one priority, the older. */
  priority: v.pipe(v.number(), v.integer()),
  /** Who cancelled it. */
  cancelled_by: v.nullable(v.string()),
  /** What the run is for: from here (null: from the beginning) until before `window_end`. */
  window_start: v.nullable(time),
  window_end: time,
  /** Whether the window was asked for; else each step goes on from where it was last done. */
  window_given: v.boolean(),
  created_at: time,
  not_before: v.nullable(time),
  started_at: v.nullable(time),
  finished_at: v.nullable(time),
  duration_ms: v.nullable(count),
  rows_extracted: count,
  rows_loaded: count,
  warnings: count,
  /** Greatest resident memory of the run's process. */
  peak_rss_bytes: v.nullable(count),
  error: v.nullable(errorRecordSchema),
});
export type Run = v.InferOutput<typeof runSchema>;

const attemptSchema = v.object({
  /** Counts from 1. */
  attempt: count,
  /** The server that carried it out, by the name of that start. */
  worker: v.string(),
  state: v.picklist(ATTEMPT_STATES),
  started_at: time,
  finished_at: v.nullable(time),
  duration_ms: v.nullable(count),
  error: v.nullable(errorRecordSchema),
  peak_rss_bytes: v.nullable(count),
});
export type Attempt = v.InferOutput<typeof attemptSchema>;

export const runDetailSchema = v.object({
  ...runSchema.entries,
  /** The newest state of each step, in the order in which they were first seen. */
  steps: v.array(stepSchema),
  /** In order. */
  attempts: v.array(attemptSchema),
});
export type RunDetail = v.InferOutput<typeof runDetailSchema>;

/** How long a warehouse and a destination remember what a run committed, in days. */
export const COMMITTED_KEPT_DAYS = 90;
/** A run that is older is not retried: what it committed may be forgotten before the retry is done. */
export const RETRY_WITHIN_DAYS = COMMITTED_KEPT_DAYS - 10;

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export const logLineSchema = v.object({
  /** Grows within the run; the id of the server-sent event. */
  seq: count,
  at: time,
  level: v.picklist(LOG_LEVELS),
  /** Null for lines that the first release wrote. */
  attempt: v.nullable(count),
  step: v.nullable(v.string()),
  message: v.string(),
});
export type LogLine = v.InferOutput<typeof logLineSchema>;

/** What GET /api/runs/:id/events sends: `event:` is the `type`, `data:` the JSON of the rest. */
export type RunEvent =
  | { readonly type: "run"; readonly run: Run }
  | { readonly type: "step"; readonly step: Step }
  | {
    readonly type: "progress";
    readonly step: string;
    readonly rows: number;
    readonly size_bytes: number | null;
  }
  | { readonly type: "log"; readonly line: LogLine };

const scheduleViewSchema = v.object({
  cron: v.string(),
  timezone: v.string(),
  /** `weekdays at 07:30`; the expression itself where there are no words for it. */
  words: v.string(),
  /** The next five firings, jitter included; none while the pipeline is paused. */
  next: v.array(v.object({
    at: time,
    /** By the clock of the schedule's zone: `Thu 30 Jul 07:30 Paris`. */
    local: v.string(),
  })),
});
export type ScheduleView = v.InferOutput<typeof scheduleViewSchema>;

export const pipelineSummarySchema = v.object({
  name: v.string(),
  description: v.nullable(v.string()),
  tags: v.array(v.string()),
  /** Where the definition comes from: `files` is changed in the project, `api` by PUT. */
  origin: v.picklist(["files", "api"]),
  revision: v.nullable(v.string()),
  git_commit: v.nullable(v.string()),
  schedule: v.nullable(scheduleViewSchema),
  paused: v.boolean(),
  next_run_at: v.nullable(time),
  last_run: v.nullable(runSchema),
  /** Why the newest definition is not in force; the last good revision still runs. */
  faults: v.array(v.object({
    file: v.string(),
    line: v.exactOptional(count),
    column: v.exactOptional(count),
    message: v.string(),
    severity: v.picklist(["error", "warning"]),
  })),
});
export type PipelineSummary = v.InferOutput<typeof pipelineSummarySchema>;

export const pipelineStepSchema = v.object({
  name: v.string(),
  kind: v.picklist(STEP_KINDS),
  depends: v.array(v.string()),
  /** What it is, for a person: `shop public.orders, incremental by updated_at`. */
  summary: v.string(),
  file: v.nullable(v.string()),
  sql: v.nullable(v.string()),
});
export type PipelineStep = v.InferOutput<typeof pipelineStepSchema>;

export const pipelineDetailSchema = v.object({
  ...pipelineSummarySchema.entries,
  definition: v.nullable(v.record(v.string(), v.unknown())),
  files: v.array(v.object({ path: v.string(), content: v.string() })),
  steps: v.array(pipelineStepSchema),
});
export type PipelineDetail = v.InferOutput<typeof pipelineDetailSchema>;

/** What applying a project's files did: names of pipelines, and what is wrong with the files. */
export const applyResultSchema = v.object({
  applied: v.array(v.string()),
  unchanged: v.array(v.string()),
  removed: v.array(v.string()),
  faults: pipelineSummarySchema.entries.faults,
});
export type ApplyResult = v.InferOutput<typeof applyResultSchema>;
