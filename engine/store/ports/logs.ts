import type { LogLine } from "../../../contract/run.ts";
import type { FoundLine, LogFilter } from "../../../contract/runs/log_search.ts";
import type { Lease } from "./runs.ts";

/** The log lines of runs: rows while a run goes on, compressed blocks some time after it has ended. */

export interface LogStore {
  /** False where the lease is not held. */
  append(lease: Lease, lines: readonly LogLine[]): Promise<boolean>;
  /** In order of seq. */
  read(runId: string, range: { afterSeq: number; limit: number }): Promise<LogLine[]>;
  /** 0 where there is none. */
  lastSeq(runId: string): Promise<number>;
  /**
   * Looks through the logs of runs, those of the newest run first and each in order, until it has `limit` lines or
   * its time is over. It holds the process up for some milliseconds at a time.
   */
  search(what: LogSearch): Promise<LogFindings>;
  /**
   * Compresses a part of one run's log, of the first run behind `after` (an id) that has lines to compress. Runs that have
   * not ended before then are passed over. Undefined where no run is left.
   */
  pack(what: { readonly after: string; readonly endedBeforeMs: number }): Promise<PackedLines | undefined>;
}

export interface LogSearch {
  readonly filter: LogFilter;
  readonly pipeline?: string;
  /** Only runs of these. */
  readonly pipelines?: readonly string[];
  /** Only runs of pipelines in it. */
  readonly environment?: string;
  /** The id of the only run to look at, and of its lines only those behind `afterSeq`. */
  readonly run?: string;
  readonly afterSeq?: number;
  /** Where an earlier search got to. */
  readonly from?: LogPlace;
  readonly limit: number;
  /** For how long to look; what was found until then is returned. Forever where it is not given. */
  readonly budgetMs?: number;
}

/** Behind this line of this run, by the order in which runs were asked for. */
export interface LogPlace {
  readonly runSeq: number;
  readonly afterSeq: number;
}

export interface LogFindings {
  readonly lines: readonly FoundLine[];
  /** Where to go on; null where everything was looked at. */
  readonly next: LogPlace | null;
  /** When the run was asked for that was looked at last, epoch milliseconds; null where all was looked at. */
  readonly backToMs: number | null;
}

export interface PackedLines {
  /** How many were compressed: 0 where the run was passed over. */
  readonly lines: number;
  /** Go on behind this run. */
  readonly after: string;
}
