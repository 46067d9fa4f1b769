import type { PipelineHistory } from "../../../contract/runs/history.ts";
import type { RecentRun } from "../../store/ports/history.ts";
import type { LogFindings, LogLevelName } from "../../../contract/runs/log_search.ts";

/** What can be asked of what has happened. Every failure is an AppError. */
export interface RunHistory {
  /**
   * Lines of the logs of runs that are kept, the newest run first. Ends when it has `limit` lines, or after a second:
   * `next` of what it returns then says where to go on. Throws invalid for a time or cursor that is none, not_found for
   * a pipeline that neither is nor has runs.
   */
  searchLogs(search: LogSearchRequest): Promise<LogFindings>;
  /** The days and the last runs of a pipeline. Throws not_found. */
  ofPipeline(name: string, range: HistoryRange): Promise<PipelineHistory>;
  /** Of each of these pipelines the newest runs, the newest first; none of those that have none. */
  recentOf(pipelines: readonly string[], limit: number): Promise<ReadonlyMap<string, readonly RecentRun[]>>;
}

/** Which lines of a log are wanted: all that fit everything that is given. */
export interface LogConditions {
  /** A part of the message, in upper or lower case. */
  readonly search?: string;
  /** This level or a graver one. */
  readonly level?: LogLevelName;
  readonly step?: string;
  /** Written since then: a date, a time, or how long ago, as `7d`. */
  readonly since?: string;
  /** Written before then, likewise. */
  readonly until?: string;
}

export interface LogSearchRequest extends LogConditions {
  readonly pipeline?: string;
  /** Only runs of these. */
  readonly pipelines?: readonly string[];
  /** Only runs of pipelines in it. */
  readonly environment?: string;
  /** 1 to 1,000; 100 by default. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface HistoryRange {
  /** How many days, today the last; 1 to 371, 371 by default. */
  readonly days?: number;
  /** How many of the last runs; 0 to 200, 50 by default. */
  readonly runs?: number;
}
