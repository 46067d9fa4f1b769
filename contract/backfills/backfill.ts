import * as v from "valibot";
import { described } from "../described.ts";
import { errorRecordSchema, paramValueSchema, RUN_STATES } from "../run.ts";

/** Backfills as the API, the command line and the pages show them: runs of one pipeline for windows side by side. */

const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** A backfill makes so many runs at most. */
export const MAX_WINDOWS = 1_000;

export const BACKFILL_STATES = ["running", "succeeded", "failed", "cancelled"] as const;
export type BackfillState = (typeof BACKFILL_STATES)[number];

const runCountsSchema = v.object({
  queued: described(count, "Runs that wait for their turn."),
  running: described(count, "Runs under way."),
  succeeded: described(count, "Runs that succeeded."),
  failed: described(count, "Runs that failed."),
  cancelled: described(count, "Runs that were cancelled."),
});
export type RunCounts = v.InferOutput<typeof runCountsSchema>;

export const backfillSchema = v.object({
  group: described(v.string(), "The group of its runs: its name."),
  pipeline: described(v.string(), "The pipeline that its runs are of."),
  state: described(
    v.picklist(BACKFILL_STATES),
    "running: some of its runs have not ended. Else failed where one failed, cancelled where one was cancelled.",
  ),
  window_start: described(time, "Where its first window begins."),
  window_end: described(time, "Where its last window ends."),
  total: described(count, "How many runs it has: one a window."),
  runs: described(runCountsSchema, "How many of them are in which state."),
  rows_extracted: described(count, "Rows read by all its runs so far."),
  rows_loaded: described(count, "Rows loaded by all its runs so far."),
  params: described(v.record(v.string(), paramValueSchema), "The params of its runs."),
  select: described(v.nullable(v.string()), "The selection of steps; null for all."),
  triggered_by: described(v.nullable(v.string()), "Who asked for it."),
  created_at: described(time, "When it was asked for."),
  finished_at: described(v.nullable(time), "When its last run ended; null while it goes on."),
  remaining_ms: described(
    v.nullable(count),
    "How long the rest takes if it goes on as so far, in milliseconds; null while nothing has succeeded.",
  ),
});
export type Backfill = v.InferOutput<typeof backfillSchema>;

export const backfillWindowSchema = v.object({
  run: described(v.string(), "The id of its run."),
  window_start: described(time, "From here."),
  window_end: described(time, "Until before this."),
  state: described(v.picklist(RUN_STATES), "How its run stands."),
  attempt: described(count, "How many attempts it has had."),
  duration_ms: described(v.nullable(count), "How long the newest took."),
  rows_loaded: described(count, "Rows written to destinations."),
  error: described(v.nullable(errorRecordSchema), "Why it failed."),
});
export type BackfillWindow = v.InferOutput<typeof backfillWindowSchema>;

export const backfillDetailSchema = v.object({
  ...backfillSchema.entries,
  windows: described(v.array(backfillWindowSchema), "Its windows, the earliest first."),
});
export type BackfillDetail = v.InferOutput<typeof backfillDetailSchema>;
