import type { Clock } from "../../contract/clock.ts";
import type { ErrorRecord } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import type { Run } from "../../contract/run.ts";
import type { OpenAttempt, RunOutcome } from "../store/ports/runs.ts";
import type { Store } from "../store/store.ts";
import { endOpenSteps } from "./attempt/record.ts";
import { LEASE_MS } from "./leases.ts";

/** A run whose server dies during this many attempts beyond its retries may be what kills it: it fails instead. */
export const MAX_LOST_ATTEMPTS = 5;
/** Between two looks no more than this counts as watched: a clock may be set, or this process may stand still. */
const MAX_LOOK_MS = 10_000;

export interface RescueContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly worker: string;
  /** No other worker can be alive: every lease of another has run out, whatever it says. */
  readonly isAlone: boolean;
}

/**
 * Takes up the runs of workers that are gone. A lease has run out when it was not renewed for as long
 * as it lasts, watched from here: two servers' clocks may differ, and a clock may be set.
 */
export class Rescuer {
  readonly #context: RescueContext;
  /** Leases of others as they were first seen: a lease that is renewed has another end. */
  readonly #seen = new Map<string, { untilMs: number; watchedMs: number; lookMs: number }>();

  constructor(context: RescueContext) {
    this.#context = context;
  }

  /** With `pipelines`: only runs of these. Returns how many runs were taken up. */
  async rescue(pipelines: readonly string[] | undefined): Promise<number> {
    const { store, worker, log } = this.#context;
    const open = await store.attempts.ofOthers(worker);
    this.#forgetAllBut(open);
    let count = 0;
    for (const attempt of open) {
      const { run } = attempt;
      if (pipelines !== undefined && !pipelines.includes(run.pipeline)) continue;
      if (!this.#hasRunOut(attempt) || !await this.#takeUp(attempt)) continue;
      count += 1;
      log("warn", "a run was left by a server that died", { run: run.id, pipeline: run.pipeline });
    }
    return count;
  }

  /** Ends a run that nobody works on any more. Undefined where somebody may, or it has ended. */
  async cancel(runId: string, by: string): Promise<Run | undefined> {
    const open = (await this.#context.store.attempts.ofOthers(this.#context.worker))
      .find(({ run }) => run.id === runId);
    if (open === undefined || !this.#hasRunOut(open)) return undefined;
    return await this.#end(open, "cancel", cancelledError, "cancelled", by);
  }

  async #takeUp(open: OpenAttempt): Promise<boolean> {
    const { store, clock } = this.#context;
    const { run, lease } = open;
    if (open.cancelAskedBy !== null) {
      return await this.#end(open, "cancel", cancelledError, "cancelled", open.cancelAskedBy) !== undefined;
    }
    const retry = (await store.revisions.head(run.revision))?.definition.retry;
    const lost = await store.attempts.countOf(run.id, "lost") + 1;
    if (lost >= MAX_LOST_ATTEMPTS + (retry?.limit ?? 0)) {
      const message =
        `The server died during attempt ${run.attempt}; the run is not taken up again, as it may be the cause`;
      return await this.#end(open, "fail", { code: "internal", message }, message, null) !== undefined;
    }
    await this.#endSteps(open, lostError, false);
    const reason = `taken up again: the server died during attempt ${run.attempt}`;
    const outcome = { ...lostOutcome(run, clock.now()), reason };
    return await store.attempts.requeue({ ...lease, untilMs: open.leaseUntilMs }, null, outcome) !==
      undefined;
  }

  async #end(
    open: OpenAttempt,
    event: "cancel" | "fail",
    error: ErrorRecord,
    reason: string,
    cancelledBy: string | null,
  ): Promise<Run | undefined> {
    const { store, clock } = this.#context;
    await this.#endSteps(open, error, event === "cancel");
    const outcome = { ...lostOutcome(open.run, clock.now()), error, reason, cancelledBy };
    return await store.attempts.finish({ ...open.lease, untilMs: open.leaseUntilMs }, event, outcome);
  }

  /** Under the lost lease, which is held until the end is written: nobody else's steps can be meant. */
  async #endSteps({ run, lease, leaseUntilMs }: OpenAttempt, error: ErrorRecord, isStop: boolean) {
    const { store, clock } = this.#context;
    const steps = (await store.runs.get(run.id))?.steps ?? [];
    const own = steps.filter(({ attempt }) => attempt === lease.attempt);
    const ended = endOpenSteps(own, error, isStop, clock.now());
    await store.attempts.putSteps({ ...lease, untilMs: leaseUntilMs }, ended);
  }

  #hasRunOut({ lease, leaseUntilMs }: OpenAttempt): boolean {
    const { clock, isAlone } = this.#context;
    const nowMs = clock.now();
    if (isAlone) return true;
    const key = keyOf(lease);
    const seen = this.#seen.get(key);
    const watchedMs = seen?.untilMs === leaseUntilMs
      ? seen.watchedMs + Math.min(Math.max(nowMs - seen.lookMs, 0), MAX_LOOK_MS)
      : 0;
    this.#seen.set(key, { untilMs: leaseUntilMs, watchedMs, lookMs: nowMs });
    return watchedMs > LEASE_MS;
  }

  #forgetAllBut(open: readonly OpenAttempt[]): void {
    const keys = new Set(open.map(({ lease }) => keyOf(lease)));
    for (const key of this.#seen.keys()) if (!keys.has(key)) this.#seen.delete(key);
  }
}

const keyOf = (lease: { run: string; attempt: number }): string => `${lease.run} ${lease.attempt}`;

const lostError: ErrorRecord = {
  code: "unavailable",
  reason: "worker_lost",
  message: "The server died during the attempt",
};

const cancelledError: ErrorRecord = {
  code: "cancelled",
  message: "The run was cancelled after its server had died",
};

function lostOutcome(run: Run, nowMs: number): Omit<RunOutcome, "reason"> {
  return {
    atMs: nowMs,
    error: null,
    rowsExtracted: run.rows_extracted,
    rowsLoaded: run.rows_loaded,
    warnings: run.warnings,
    peakRssBytes: run.peak_rss_bytes,
    attemptState: "lost",
  };
}
