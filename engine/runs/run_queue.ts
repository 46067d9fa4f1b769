import { type ErrorRecord, IS_RETRYABLE } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import { durationMs, type RetryDefinition } from "../../contract/pipeline.ts";
import type { Run } from "../../contract/run.ts";
import type { AttemptResult } from "./attempt/supervise.ts";
import { endOpenSteps } from "./attempt/record.ts";
import type { Clock } from "../../contract/clock.ts";
import type { StopReason } from "./attempt/stop.ts";
import type { RunEvents } from "./run_events.ts";
import type { RunOutcome, Store } from "../store/store.ts";

/** A run whose server dies after this many attempts beyond its retries may be what kills it: it fails instead. */
const MAX_LOST_ATTEMPTS = 5;
/** A claim is looked for at least this often, whatever was missed. */
const MAX_IDLE_MS = 60_000;

export interface QueueContext {
  readonly store: Store;
  readonly events: RunEvents;
  readonly clock: Clock;
  readonly log: Log;
  /** Names this server's claims; unique to this start. */
  readonly owner: string;
  readonly maxRuns: number;
  /** Carries out one attempt. Throws only for failures of the store. */
  readonly execute: (
    run: Run,
    stop: AbortSignal,
  ) => Promise<{ result: AttemptResult; retry: RetryDefinition | undefined }>;
}

interface ActiveRun {
  readonly stop: AbortController;
  /** Its attempt is over: what is left is to write that down. */
  isOver: boolean;
  readonly done: Promise<void>;
}

/**
 * Claims queued runs and sees each to the end of its attempt: at most `maxRuns` at once, one a
 * pipeline. What ends an attempt decides the run's next state in one guarded write.
 */
export class RunQueue {
  readonly #context: QueueContext;
  readonly #active = new Map<string, ActiveRun>();
  readonly #stopping = new AbortController();
  #woken: AbortController = new AbortController();
  #loop: Promise<void> | undefined;
  #claiming: Promise<Run | undefined> = Promise.resolve(undefined);

  constructor(context: QueueContext) {
    this.#context = context;
  }

  /** Takes up what a dead server left running, then works until `stop`; with `pipelines`, only on these. */
  async start(pipelines?: readonly string[]): Promise<void> {
    await this.#rescue(pipelines);
    this.#loop = this.#work(pipelines);
  }

  /** Something may be due: looks now. */
  wake(): void {
    this.#woken.abort();
  }

  /** Tells a run to stop; false where it is not, or no longer, under way here. */
  async cancel(runId: string): Promise<boolean> {
    // What is being claimed is active right after.
    await this.#claiming.catch(() => {});
    const active = this.#active.get(runId);
    if (active?.isOver) await active.done;
    if (active === undefined || active.isOver) return false;
    active.stop.abort("cancel" satisfies StopReason);
    return true;
  }

  /** Ends a run whose server died and that no one works on. Undefined where it is not `running` any more. */
  async cancelOrphan(run: Run): Promise<Run | undefined> {
    const error = { code: "cancelled" as const, message: "The run was cancelled after its server had died" };
    return await this.#endOrphan(run, "cancel", error, "cancelled");
  }

  /** Stops claiming and stops what is under way; those runs stay queued for the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    for (const run of this.#active.values()) run.stop.abort("shutdown" satisfies StopReason);
    // What was claimed last is active when the loop has ended.
    await this.#loop;
    await Promise.all([...this.#active.values()].map((run) => run.done));
  }

  async #rescue(pipelines: readonly string[] | undefined): Promise<void> {
    const { store, clock, owner, log } = this.#context;
    for (const run of await store.runs.orphans(owner)) {
      if (pipelines !== undefined && !pipelines.includes(run.pipeline)) continue;
      const retry = (await store.revisions.get(run.revision))?.revision.definition.retry;
      if (run.attempt >= MAX_LOST_ATTEMPTS + (retry?.limit ?? 0)) {
        const error = {
          code: "internal" as const,
          message:
            `The server died during attempt ${run.attempt}; the run is not taken up again, as it may be the cause`,
        };
        await this.#endOrphan(run, "fail", error, error.message);
      } else {
        const reason = `taken up again: the server died during attempt ${run.attempt}`;
        await store.runs.requeue(run.id, run.attempt, null, { ...lostOutcome(run, clock.now()), reason });
      }
      log("warn", "a run was left by a server that died", { run: run.id, pipeline: run.pipeline });
    }
  }

  async #endOrphan(
    run: Run,
    event: "cancel" | "fail",
    error: ErrorRecord,
    reason: string,
  ): Promise<Run | undefined> {
    const { store, events, clock } = this.#context;
    const outcome = { ...lostOutcome(run, clock.now()), error, reason };
    const ended = await store.runs.finish(run.id, run.attempt, event, outcome);
    if (ended === undefined) return undefined;
    const steps = (await store.runs.get(run.id))?.steps ?? [];
    await store.runs.putSteps(run.id, endOpenSteps(steps, error, event === "cancel", clock.now()));
    events.publish(run.id, { type: "run", run: ended });
    return ended;
  }

  async #work(pipelines: readonly string[] | undefined): Promise<void> {
    const { store, clock, owner, log, maxRuns } = this.#context;
    while (!this.#stopping.signal.aborted) {
      const woken = this.#woken = new AbortController();
      let waitMs = MAX_IDLE_MS;
      try {
        // One moment for both questions: what comes due between them must be in the answer to one.
        const nowMs = clock.now();
        while (this.#active.size < maxRuns && !this.#stopping.signal.aborted) {
          this.#claiming = store.runs.claim(owner, nowMs, pipelines);
          const run = await this.#claiming;
          if (run === undefined) break;
          this.#begin(run);
        }
        const dueMs = await store.runs.nextDueMs(nowMs);
        if (dueMs !== undefined) waitMs = Math.min(waitMs, Math.max(dueMs - clock.now(), 0));
      } catch (error) {
        log("error", "the queue cannot be read; trying again", { error: String(error) });
        waitMs = 1_000;
      }
      await clock.sleep(waitMs, woken.signal);
    }
  }

  #begin(run: Run): void {
    const stop = new AbortController();
    this.#context.events.publish(run.id, { type: "run", run });
    const over = () => void (active.isOver = true);
    const done = this.#carryOut(run, stop.signal, over)
      .catch((error) => {
        this.#context.log("error", "a run's end could not be written", { run: run.id, error: String(error) });
      })
      .finally(() => {
        this.#active.delete(run.id);
        this.wake();
      });
    const active: ActiveRun = { stop, done, isOver: false };
    this.#active.set(run.id, active);
    if (this.#stopping.signal.aborted) stop.abort("shutdown" satisfies StopReason);
  }

  async #carryOut(run: Run, stop: AbortSignal, over: () => void): Promise<void> {
    const { events, log } = this.#context;
    const { result, retry } = await this.#context.execute(run, stop);
    over();
    // A cancel that came when the attempt had failed already still keeps it from being tried again.
    const ended = await this.#writeEnd(run, result, stop.reason === "cancel" ? undefined : retry);
    if (ended === undefined) {
      log("warn", "a run's end was not written: it is no longer this server's", { run: run.id });
      return;
    }
    events.publish(run.id, { type: "run", run: ended });
    log(ended.state === "failed" ? "error" : "info", `run ${ended.state}`, {
      run: run.id,
      pipeline: run.pipeline,
      attempt: run.attempt,
      ...(ended.error === null ? {} : { error: ended.error.message }),
    });
  }

  #writeEnd(run: Run, result: AttemptResult, retry: RetryDefinition | undefined): Promise<Run | undefined> {
    const { store, clock } = this.#context;
    const outcome = (reason: string | null): RunOutcome => ({ ...result.outcome, reason });
    if (result.error === null) return store.runs.finish(run.id, run.attempt, "succeed", outcome(null));
    if (result.stopped === "cancel") {
      return store.runs.finish(run.id, run.attempt, "cancel", outcome("cancelled"));
    }
    if (result.stopped === "shutdown") {
      return store.runs.requeue(
        run.id,
        run.attempt,
        null,
        outcome("the server stopped; goes on at its next start"),
      );
    }
    if (retry !== undefined && run.attempt <= retry.limit && IS_RETRYABLE[result.error.code]) {
      const dueMs = clock.now() + retryDelayMs(retry, run.attempt);
      const reason = `attempt ${run.attempt} of ${retry.limit + 1} failed: ${result.error.message}`;
      return store.runs.requeue(run.id, run.attempt, dueMs, outcome(reason));
    }
    return store.runs.finish(run.id, run.attempt, "fail", outcome(null));
  }
}

/** The wait after the given attempt (from 1). */
export function retryDelayMs(retry: RetryDefinition, attempt: number): number {
  const baseMs = durationMs(retry.interval);
  const grownMs = retry.backoff === "exponential" ? baseMs * 2 ** Math.min(attempt - 1, 30) : baseMs;
  return Math.min(grownMs, durationMs(retry.max_interval));
}

function lostOutcome(run: Run, nowMs: number): Omit<RunOutcome, "reason"> {
  return {
    atMs: nowMs,
    error: null,
    rowsExtracted: run.rows_extracted,
    rowsLoaded: run.rows_loaded,
    warnings: run.warnings,
    peakRssBytes: run.peak_rss_bytes,
  };
}
