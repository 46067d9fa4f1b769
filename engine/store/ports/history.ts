import type { Run, RunState } from "../../../contract/run.ts";
import type { StepTrend, TrendRun } from "../../../contract/runs/history.ts";

/** What a pipeline's runs have been like. */

/** Epoch milliseconds, from then until before then. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Runs that were asked for in one span and are in one state. */
export interface RunCount {
  /** Where the span begins. */
  readonly fromMs: number;
  readonly state: RunState;
  readonly count: number;
}

/** As a list of pipelines draws it. */
export type RecentRun = Pick<Run, "id" | "pipeline" | "state" | "warnings" | "created_at" | "duration_ms">;

export interface RunHistoryStore {
  /** Of each of these pipelines the newest runs, the newest first; none of those that have none. */
  recentOf(pipelines: readonly string[], limit: number): Promise<Map<string, RecentRun[]>>;
  /** Runs of the pipeline by when they were asked for; spans without any are left out. */
  counts(pipeline: string, spans: readonly Span[]): Promise<RunCount[]>;
  /** The last ended runs, the oldest first. */
  lastRuns(pipeline: string, limit: number): Promise<TrendRun[]>;
  /** The steps that these runs had, the slowest of all first; of each the runs in the order of `runs`. */
  steps(runs: readonly string[]): Promise<StepTrend[]>;
}
