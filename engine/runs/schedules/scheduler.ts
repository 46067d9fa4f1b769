import type { Clock } from "../../../contract/clock.ts";
import { type AppError, IS_RETRYABLE, toAppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import { isContinuous } from "../../../contract/pipeline/schedule.ts";
import type { ScheduleMark } from "../../store/ports/definitions.ts";
import { type Due, type Firing, FiringPlan, type Scheduled } from "./firing_plan.ts";

/** The clock may be set, and another server change what there is: it looks at least this often. */
const MAX_WAIT_MS = 30_000;
/** A wait that was so much longer than asked for is one that the machine slept through. */
const SLEPT_MS = 60_000;
/** A firing whose run the store does not take comes again after this. */
const POSTPONED_MS = 5_000;
/** One transaction: more would keep others from writing, and the first of the runs from starting. */
const FIRED_AT_ONCE = 100;
/** More processes than these are never ready at a time. */
const MAX_PREPARED = 8;
/** So many firings of one schedule are made up for, and it looks at what has changed. */
const MAX_ROUNDS = 100;

export interface LastRun {
  /** Epoch milliseconds; null while it is waiting or going on. */
  readonly endedAtMs: number | null;
  readonly hasSucceeded: boolean;
  /** Whether it read any rows. */
  readonly hasRead: boolean;
}

/** A continuous schedule waits so long after a run that had nothing to read, or did not succeed. */
const IDLE_PAUSE_MS = 10_000;
const FAILED_PAUSE_MS = 60_000;

export interface SchedulerContext {
  readonly clock: Clock;
  readonly log: Log;
  /** Everything that has a schedule and is not paused. */
  readonly list: () => Promise<Scheduled[]>;
  /**
   * Enqueues the runs of these firings; returns what kept some of them from it. It may be called again for the same
   * ones, and makes no second run then.
   */
  readonly fire: (firings: readonly Firing[]) => Promise<ReadonlyMap<Firing, AppError>>;
  /** Called once a firing, some seconds before it. */
  readonly prepare: (pipeline: string) => Promise<void>;
  /** Writes down how far schedules are. */
  readonly mark: (marks: readonly ScheduleMark[]) => Promise<void>;
  /** The newest run of a pipeline with a continuous schedule; undefined where there was none. */
  readonly lastRun: (pipeline: string) => Promise<LastRun | undefined>;
}

/** Fires pipelines by their schedules: each firing once, however long it takes. It only enqueues. */
export class Scheduler {
  readonly #context: SchedulerContext;
  readonly #plan = new FiringPlan();
  readonly #stopping = new AbortController();
  #woken = new AbortController();
  #loop: Promise<void> | undefined;
  #listedAtMs = -Infinity;
  #continuous: readonly string[] = [];
  /** Continuous pipelines whose run could not be queued, and when to try again. */
  readonly #postponed = new Map<string, number>();

  constructor(context: SchedulerContext) {
    this.#context = context;
  }

  start(): void {
    this.#loop = this.#work();
  }

  /** Definitions changed, or a pipeline was paused or goes on: looks again. */
  wake(): void {
    this.#listedAtMs = -Infinity;
    this.#woken.abort();
  }

  /** A run changed: its end may be the beginning of the next. */
  onRunChange(): void {
    if (this.#continuous.length > 0) this.#woken.abort();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#loop;
  }

  async #work(): Promise<void> {
    const { clock, log } = this.#context;
    while (!this.#stopping.signal.aborted) {
      const woken = this.#woken = new AbortController();
      let waitMs = MAX_WAIT_MS;
      try {
        const nextMs = await this.#look();
        waitMs = Math.min(waitMs, Math.max(nextMs - clock.now(), 0));
      } catch (error) {
        log("error", "the schedules cannot be read; trying again", { error: String(error) });
        waitMs = POSTPONED_MS;
      }
      const beforeMs = clock.now();
      await clock.sleep(waitMs, woken.signal);
      const nowMs = clock.now();
      if (nowMs - beforeMs > waitMs + SLEPT_MS || nowMs < beforeMs - SLEPT_MS) {
        this.#plan.noteGap(beforeMs, nowMs);
      }
    }
  }

  /** Fires what is due; returns when there is something to do next, epoch milliseconds. */
  async #look(): Promise<number> {
    await this.#list();
    await this.#fireDue();
    const continuousMs = await this.#fireContinuous();
    return Math.min(this.#plan.nextMs ?? Infinity, continuousMs);
  }

  async #list(): Promise<void> {
    const { clock, list, log } = this.#context;
    const nowMs = clock.now();
    if (nowMs - this.#listedAtMs < MAX_WAIT_MS && nowMs >= this.#listedAtMs) return;
    // What changes while it reads is read again.
    this.#listedAtMs = nowMs;
    try {
      const entries = await list();
      this.#continuous = entries.filter(({ schedules }) => schedules.some(isContinuous))
        .map(({ pipeline }) => pipeline);
      for (const { pipeline, error } of this.#plan.update(entries, clock.now())) {
        log("error", "a schedule cannot be read", { pipeline, error: String(error) });
      }
    } catch (error) {
      this.#listedAtMs = -Infinity;
      throw error;
    }
    await this.#writeMarks();
  }

  async #fireDue(): Promise<void> {
    const { clock } = this.#context;
    for (let round = 0; round < MAX_ROUNDS && !this.#stopping.signal.aborted; round++) {
      const { fire, prepare } = this.#plan.due(clock.now());
      for (let at = 0; at < fire.length; at += FIRED_AT_ONCE) {
        await this.#fire(fire.slice(at, at + FIRED_AT_ONCE));
      }
      await this.#writeMarks();
      for (const pipeline of prepare.slice(0, MAX_PREPARED)) await this.#context.prepare(pipeline);
      if (fire.length === 0) return;
    }
  }

  async #fire(firings: readonly Due[]): Promise<void> {
    const { clock, log } = this.#context;
    const failures = await this.#failuresOf(firings);
    for (const due of firings) {
      const failure = failures.get(due);
      const isPostponed = failure !== undefined && IS_RETRYABLE[failure.code];
      if (failure !== undefined) {
        log("error", `a scheduled run could not be queued${isPostponed ? "; trying again" : ""}`, {
          pipeline: due.pipeline,
          at: new Date(due.atMs).toISOString(),
          error: failure.message,
        });
      }
      if (isPostponed) this.#plan.postpone(due, clock.now() + POSTPONED_MS);
      else this.#plan.deal(due, clock.now());
    }
  }

  async #failuresOf(firings: readonly Firing[]): Promise<ReadonlyMap<Firing, AppError>> {
    try {
      return await this.#context.fire(firings);
    } catch (error) {
      return new Map(firings.map((firing) => [firing, toAppError(error)]));
    }
  }

  async #writeMarks(): Promise<void> {
    const marks = this.#plan.takeMarks();
    if (marks.length === 0) return;
    try {
      await this.#context.mark(marks);
    } catch (error) {
      // A firing that comes again after a restart makes no second run.
      this.#context.log("error", "how far the schedules are could not be written", { error: String(error) });
    }
  }

  /**
   * Starts the next run of each continuous pipeline whose last has ended and whose pause is over; returns when the
   * next pause is over. While a run is waiting or going on, its end wakes the scheduler.
   */
  async #fireContinuous(): Promise<number> {
    const { clock, log, lastRun } = this.#context;
    let nextMs = Infinity;
    for (const pipeline of this.#continuous) {
      const last = await lastRun(pipeline);
      if (last?.endedAtMs === null) continue;
      const nowMs = clock.now();
      const pausedMs = last === undefined ? nowMs : last.endedAtMs + pauseAfter(last);
      const dueMs = Math.max(pausedMs, this.#postponed.get(pipeline) ?? -Infinity);
      if (dueMs > nowMs) {
        nextMs = Math.min(nextMs, dueMs);
        continue;
      }
      this.#postponed.delete(pipeline);
      const firing = { pipeline, atMs: dueMs, isMadeUp: false };
      const failure = (await this.#failuresOf([firing])).get(firing);
      if (failure !== undefined) {
        log("error", "a continuous pipeline's run could not be queued", { pipeline, error: failure.message });
        this.#postponed.set(pipeline, nowMs + FAILED_PAUSE_MS);
        nextMs = Math.min(nextMs, nowMs + FAILED_PAUSE_MS);
      }
    }
    return nextMs;
  }
}

function pauseAfter({ hasSucceeded, hasRead }: LastRun): number {
  if (!hasSucceeded) return FAILED_PAUSE_MS;
  return hasRead ? 0 : IDLE_PAUSE_MS;
}
