import type { RunState } from "../../../contract/run.ts";
import type { StepTrend, TrendRun } from "../../../contract/runs/history.ts";

/** What a pipeline's runs have been like. */

/** Runs of one quarter of an hour that are in one state. */
export interface RunCount {
  /** Where the quarter begins, epoch milliseconds: the clocks of all zones agree on these. */
  readonly fromMs: number;
  readonly state: RunState;
  readonly count: number;
}

export interface RunHistoryStore {
  /** Runs of the pipeline by when they were asked for, from then until before then. */
  counts(pipeline: string, fromMs: number, untilMs: number): Promise<RunCount[]>;
  /** The last ended runs, the oldest first. */
  lastRuns(pipeline: string, limit: number): Promise<TrendRun[]>;
  /** The steps that these runs had, the slowest of all first; of each the runs in the order of `runs`. */
  steps(runs: readonly string[]): Promise<StepTrend[]>;
}
