import * as v from "valibot";
import { described } from "../described.ts";
import { RUN_STATES, STEP_KINDS, STEP_STATES } from "../run.ts";

/** What a pipeline's runs have been like: by the day, and the last ones one by one. */

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** How many days the calendar has at most, and by default. */
export const MAX_HISTORY_DAYS = 371;
/** How many of the last runs the trend has at most. */
export const MAX_TREND_RUNS = 200;
export const DEFAULT_TREND_RUNS = 50;

export const runDaySchema = v.object({
  date: described(v.string(), "The day, 2026-03-01, in the history's time zone."),
  succeeded: described(count, "Runs of that day that succeeded."),
  failed: described(count, "Runs of that day that failed."),
  cancelled: described(count, "Runs of that day that were cancelled."),
  active: described(count, "Runs of that day that have not ended."),
});
export type RunDay = v.InferOutput<typeof runDaySchema>;

export const trendRunSchema = v.object({
  id: described(v.string(), "The run's id."),
  state: described(v.picklist(RUN_STATES), "How it ended."),
  created_at: described(v.pipe(v.string(), v.isoTimestamp()), "When it was asked for."),
  duration_ms: described(v.nullable(count), "How long its newest attempt took."),
  rows_extracted: described(count, "Rows read from sources."),
  rows_loaded: described(count, "Rows written to destinations."),
});
export type TrendRun = v.InferOutput<typeof trendRunSchema>;

export const stepTrendSchema = v.object({
  name: described(v.string(), "The step's name, as extract:orders."),
  kind: described(v.picklist(STEP_KINDS), "What it does."),
  runs: described(
    v.array(v.object({
      run: described(v.string(), "The run's id."),
      state: described(v.picklist(STEP_STATES), "How the step ended."),
      duration_ms: described(v.nullable(count), "How long it took."),
      rows: described(v.nullable(count), "Its rows, where it says."),
    })),
    "The runs of `runs` that had the step, in the same order.",
  ),
});
export type StepTrend = v.InferOutput<typeof stepTrendSchema>;

export const pipelineHistorySchema = v.object({
  pipeline: described(v.string(), "The pipeline's name."),
  timezone: described(v.string(), "Of the first of its schedules, UTC without one: days begin by its clock."),
  from: described(v.string(), "The first day that was counted, 2026-03-01."),
  to: described(v.string(), "The last day that was counted, today."),
  days: described(v.array(runDaySchema), "In order, without the days on which no run was asked for."),
  runs: described(v.array(trendRunSchema), "The last runs that have ended, the oldest first."),
  steps: described(v.array(stepTrendSchema), "The steps that these runs had, the slowest first."),
});
export type PipelineHistory = v.InferOutput<typeof pipelineHistorySchema>;

/** What the last runs of a step, or of a whole pipeline, say together. */
export interface TrendFigures {
  readonly runs: number;
  readonly failed: number;
  /** Of the newest run; null where it did not get so far. */
  readonly lastMs: number | null;
  readonly lastRows: number | null;
  /** Of those that succeeded; null where none has. */
  readonly medianMs: number | null;
  readonly slowestMs: number | null;
}

interface TrendPoint {
  readonly state: string;
  readonly duration_ms: number | null;
  readonly rows: number | null;
}

export function trendFigures(points: readonly TrendPoint[]): TrendFigures {
  const last = points.at(-1);
  const times = points
    .filter(({ state }) => state === "succeeded" || state === "warned")
    .flatMap(({ duration_ms }) => duration_ms === null ? [] : [duration_ms])
    .toSorted((a, b) => a - b);
  return {
    runs: points.length,
    failed: points.filter(({ state }) => state === "failed").length,
    lastMs: last?.duration_ms ?? null,
    lastRows: last?.rows ?? null,
    medianMs: medianOf(times),
    slowestMs: times.at(-1) ?? null,
  };
}

/** Of values in order; null for none. */
export function medianOf(sorted: readonly number[]): number | null {
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  return upper === undefined || lower === undefined ? null : Math.round((lower + upper) / 2);
}
