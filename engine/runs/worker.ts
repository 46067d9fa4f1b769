import type { RetryDefinition } from "../../contract/pipeline/retry.ts";
import type { Run } from "../../contract/run.ts";
import type { Lease } from "../store/ports/runs.ts";
import type { StopReason } from "./attempt/stop.ts";
import type { AttemptResult } from "./attempt/supervise.ts";

/**
 * Carries out attempts of runs. The queue knows no more of where and how: a process of this machine
 * today, another machine's tomorrow.
 */
export interface Worker {
  /**
   * Begins an attempt of a claimed run. All that it writes to the store before its end (steps, log
   * lines, columns) is guarded by `lease`; the end itself is the queue's to write.
   */
  run(run: Run, lease: Lease): AttemptHandle;
}

export interface AttemptHandle {
  /** When nothing of the attempt is left. Rejects where the store failed for good. */
  readonly done: Promise<EndedAttempt>;
  /** Asks it to stop. The first reason counts; one that comes after the end changes nothing. */
  stop(reason: StopReason): void;
}

export interface EndedAttempt {
  readonly result: AttemptResult;
  /** What the run's definition says about trying again. */
  readonly retry: RetryDefinition | undefined;
}
