import { AppError, IS_RETRYABLE } from "../../contract/errors.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import { type RetryDefinition, retryDelayMs } from "../../contract/pipeline/retry.ts";
import type { Run } from "../../contract/run.ts";
import type { Lease, RunOutcome } from "../store/ports/runs.ts";
import type { Store } from "../store/store.ts";
import { type AttemptResult, failedBeforeStart } from "./attempt/supervise.ts";
import type { StopReason } from "./attempt/stop.ts";
import { LEASE_MS, type LeasedAttempt, LeaseKeeper } from "./leases.ts";
import { MAX_LOST_ATTEMPTS, Rescuer } from "./rescue.ts";
import type { AttemptHandle, EndedAttempt, Worker } from "./worker.ts";
import { writeUntilDone } from "./write_until_done.ts";

/** A claim is looked for at least this often, whatever was missed. */
const MAX_IDLE_MS = 60_000;
/** The same where other servers work on the store: they queue runs and leave some behind. */
const MAX_IDLE_BESIDE_OTHERS_MS = 5_000;
const MAX_PAUSE_MS = 15_000;
/** The same while pipelines are held still: nobody says when they are let go. */
const HELD_MS = 1_000;
/** More would keep others from writing, and the first of them from starting. */
const CLAIMED_AT_ONCE = 100;
/** How long a cancel waits for an end that is being written. */
const WRITE_WAIT_MS = 1_000;

export interface QueueContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Carries out attempts. */
  readonly worker: Worker;
  /** Names this server's claims; unique to this start. */
  readonly owner: string;
  readonly maxRuns: number;
  /** No other server works on this store: what another one holds is left over from one that died. */
  readonly isAlone: boolean;
  /** Whether a run may begin now; always by default. Whoever says no wakes the queue when it is yes again. */
  readonly mayBegin?: () => Promise<boolean>;
  /** The outbox has something new. */
  readonly onChange: () => void;
}

interface ActiveRun extends LeasedAttempt {
  readonly handle: AttemptHandle;
  /** Its attempt is over: what is left is to write that down. */
  isOver: boolean;
  cancelledBy: string | null;
  readonly done: Promise<void>;
}

/**
 * Claims queued runs and sees each to the end of its attempt: at most `maxRuns` at once, one a
 * pipeline. What ends an attempt decides the run's next state in one guarded write, which is tried
 * until the store takes it.
 */
export class RunQueue {
  readonly #context: QueueContext;
  readonly #active = new Map<string, ActiveRun>();
  readonly #stopping = new AbortController();
  readonly #leases: LeaseKeeper;
  readonly #rescuer: Rescuer;
  #woken: AbortController = new AbortController();
  #loop: Promise<void> | undefined;
  #claiming: Promise<readonly Run[]> = Promise.resolve([]);
  #hasRescued = false;
  /** A claim failed: nobody knows whether it took runs. */
  #mayHaveTaken = false;

  constructor(context: QueueContext) {
    this.#context = context;
    const { store, clock, log, owner, isAlone } = context;
    this.#leases = new LeaseKeeper({
      attempts: store.attempts,
      clock,
      log,
      worker: owner,
      isAlone,
      active: this.#active,
    });
    this.#rescuer = new Rescuer({ store, clock, log, worker: owner, isAlone });
  }

  /** Works until `stop`, what dead servers left first; with `pipelines`, only on these. */
  start(pipelines?: readonly string[]): void {
    this.#leases.start();
    this.#loop = this.#work(pipelines);
  }

  /** Something may be due: looks now. */
  wake(): void {
    this.#woken.abort();
  }

  /**
   * Tells a run to stop; false where it is not, or no longer, under way here. Throws `unavailable`
   * where it has ended and the store does not take that yet.
   */
  async cancel(runId: string, by: string): Promise<boolean> {
    // What is being claimed is active right after.
    await this.#claiming.catch(() => {});
    const active = this.#active.get(runId);
    if (active === undefined) return false;
    if (!active.isOver) {
      active.stop("cancel", by);
      return true;
    }
    if (await this.#isDoneWithin(active, WRITE_WAIT_MS)) return false;
    throw new AppError("unavailable", `Run ${runId} has ended, but the control store cannot be written yet`);
  }

  /** Ends a run whose server is gone. Undefined where somebody may be working on it, or it has ended. */
  async cancelOrphan(runId: string, by: string): Promise<Run | undefined> {
    const ended = await this.#rescuer.cancel(runId, by);
    if (ended !== undefined) this.#context.onChange();
    return ended;
  }

  /** How many runs are under way here. */
  get running(): number {
    return this.#active.size;
  }

  /** Returns when none is under way here any more, or the signal fires: for who has seen to it that none begins. */
  async idle(signal: AbortSignal): Promise<void> {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    if (signal.aborted) return;
    signal.addEventListener("abort", () => resolve(), { once: true });
    // What was being claimed is active right after.
    let claiming: Promise<unknown> | undefined;
    while (claiming !== this.#claiming && !signal.aborted) {
      claiming = this.#claiming;
      await Promise.race([claiming.catch(() => {}), aborted]);
    }
    while (this.#active.size > 0 && !signal.aborted) {
      await Promise.race([Promise.all([...this.#active.values()].map((run) => run.done)), aborted]);
    }
  }

  /** Stops claiming and stops what is under way; those runs stay queued for the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    for (const run of this.#active.values()) run.stop("shutdown");
    // What was claimed last is active when the loop has ended.
    await this.#loop;
    await Promise.all([...this.#active.values()].map((run) => run.done));
    await this.#leases.stop();
  }

  async #work(pipelines: readonly string[] | undefined): Promise<void> {
    const { store, clock, log, isAlone } = this.#context;
    for (let failures = 0; !this.#stopping.signal.aborted;) {
      const woken = this.#woken = new AbortController();
      let waitMs = isAlone ? MAX_IDLE_MS : MAX_IDLE_BESIDE_OTHERS_MS;
      try {
        await this.#rescue(pipelines);
        await this.#beginTaken();
        // One moment for both questions: what comes due between them must be in the answer to one.
        const nowMs = clock.now();
        while (await this.#mayBegin() && await this.#claim(nowMs, pipelines));
        const dueMs = await store.runs.nextDueMs(nowMs);
        if (await store.holds.isAnyHeld(nowMs)) waitMs = HELD_MS;
        if (dueMs !== undefined) waitMs = Math.min(waitMs, Math.max(dueMs - clock.now(), 0));
        failures = 0;
      } catch (error) {
        waitMs = Math.min(500 * 2 ** Math.min(failures, 10), MAX_PAUSE_MS);
        failures += 1;
        log("error", "the queue cannot be worked on; trying again", { error: String(error) });
      }
      await clock.sleep(waitMs, woken.signal);
    }
  }

  /** Where nobody else works on the store, only a start finds something to take up. */
  async #rescue(pipelines: readonly string[] | undefined): Promise<void> {
    if (this.#hasRescued && this.#context.isAlone) return;
    if (await this.#rescuer.rescue(pipelines) > 0) this.#context.onChange();
    this.#hasRescued = true;
  }

  /** What a claim has taken whose answer was lost on the way, as to a store over a network. */
  async #beginTaken(): Promise<void> {
    const { store, owner, onChange } = this.#context;
    if (!this.#mayHaveTaken) return;
    // No server has this name: the attempts of all.
    const taken = (await store.attempts.ofOthers(""))
      .filter(({ run, lease }) => lease.worker === owner && !this.#active.has(run.id));
    for (const { run } of taken) this.#begin(run);
    if (taken.length > 0) onChange();
    this.#mayHaveTaken = false;
  }

  async #mayBegin(): Promise<boolean> {
    const { mayBegin } = this.#context;
    const isHeld = mayBegin !== undefined && !await mayBegin();
    return !isHeld && !this.#stopping.signal.aborted;
  }

  async #claim(nowMs: number, pipelines: readonly string[] | undefined): Promise<boolean> {
    const { store, owner, maxRuns, onChange } = this.#context;
    this.#claiming = store.attempts.claim({
      worker: owner,
      nowMs,
      leaseUntilMs: nowMs + LEASE_MS,
      maxRuns,
      most: CLAIMED_AT_ONCE,
      ...(pipelines === undefined ? {} : { pipelines }),
    });
    this.#mayHaveTaken = true;
    const claimed = await this.#claiming;
    this.#mayHaveTaken = false;
    for (const run of claimed) this.#begin(run);
    if (claimed.length > 0) onChange();
    return claimed.length > 0;
  }

  #begin(run: Run): void {
    const { worker, owner, log } = this.#context;
    const lease: Lease = { run: run.id, attempt: run.attempt, worker: owner };
    const handle = worker.run(run, lease);
    const done = this.#seeThrough(run, lease, handle)
      .catch((error) => {
        log("error", "a run's end could not be written: the next start takes it up", {
          run: run.id,
          error: String(error),
        });
      })
      .finally(() => {
        this.#active.delete(run.id);
        this.wake();
      });
    const active: ActiveRun = {
      attempt: run.attempt,
      handle,
      done,
      isOver: false,
      cancelledBy: null,
      stop(reason: StopReason, by) {
        if (reason === "cancel") active.cancelledBy ??= by ?? null;
        handle.stop(reason);
      },
    };
    this.#active.set(run.id, active);
    if (this.#stopping.signal.aborted) active.stop("shutdown");
  }

  async #seeThrough(run: Run, lease: Lease, handle: AttemptHandle): Promise<void> {
    const { clock, log, onChange } = this.#context;
    const { result, retry } = await handle.done.catch((error) => brokenAttempt(error, clock.now()));
    const active = this.#active.get(run.id);
    if (active !== undefined) active.isOver = true;
    const cancelledBy = active?.cancelledBy ?? null;
    // A cancel that came when the attempt had failed already still keeps it from being tried again.
    const write = () =>
      this.#writeEnd(run, lease, result, cancelledBy === null ? retry : undefined, cancelledBy);
    const ended = result.stopped === "lost" ? undefined : await writeUntilDone(
      { clock, log, leaving: this.#stopping.signal },
      `the end of run ${run.id}`,
      write,
    );
    if (ended === undefined) {
      log("warn", "a run's end was not written: it is no longer this server's", { run: run.id });
      return;
    }
    onChange();
    log(ended.state === "failed" ? "error" : "info", `run ${ended.state}`, {
      run: run.id,
      pipeline: run.pipeline,
      attempt: run.attempt,
      ...(ended.error === null ? {} : { error: ended.error.message }),
    });
  }

  async #writeEnd(
    run: Run,
    lease: Lease,
    result: AttemptResult,
    retry: RetryDefinition | undefined,
    cancelledBy: string | null,
  ): Promise<Run | undefined> {
    const { attempts } = this.#context.store;
    const outcome = (reason: string | null): RunOutcome => ({ ...result.outcome, reason });
    if (result.error === null) return await attempts.finish(lease, "succeed", outcome(null));
    if (result.stopped === "cancel") {
      return await attempts.finish(lease, "cancel", { ...outcome("cancelled"), cancelledBy });
    }
    if (result.stopped === "shutdown") {
      const reason = "the server stopped; goes on at its next start";
      return await attempts.requeue(lease, null, { ...outcome(reason), attemptState: "stopped" });
    }
    if (retry !== undefined && IS_RETRYABLE[result.error.code]) {
      // Those that ended with their server are none of the run's own.
      const failures = await attempts.countOf(run.id, "failed") + 1;
      if (failures <= retry.limit) {
        const dueMs = this.#context.clock.now() + retryDelayMs(retry, failures, run.id);
        const reason = `attempt ${failures} of ${retry.limit + 1} failed: ${result.error.message}`;
        return await attempts.requeue(lease, dueMs, outcome(reason));
      }
    }
    return await attempts.finish(lease, "fail", outcome(null));
  }

  async #isDoneWithin({ done }: ActiveRun, waitMs: number): Promise<boolean> {
    const waiting = new AbortController();
    const timeout = this.#context.clock.sleep(waitMs, waiting.signal).then(() => false);
    const isDone = await Promise.race([done.then(() => true), timeout]);
    waiting.abort();
    return isDone;
  }
}

/** What the store did not let begin, or not go on, is tried again like a lost attempt, and as often. */
function brokenAttempt(error: unknown, nowMs: number): EndedAttempt {
  const retry: RetryDefinition = {
    limit: MAX_LOST_ATTEMPTS,
    interval: "5s",
    backoff: "constant",
    max_interval: "5s",
  };
  return { result: failedBeforeStart(error, nowMs, (text) => text), retry };
}
