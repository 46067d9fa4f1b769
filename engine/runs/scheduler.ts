import { Cron } from "croner";
import type { Log } from "../../contract/log.ts";
import { CONTINUOUS, type ScheduleDefinition } from "../../contract/pipeline/pipeline.ts";
import { durationMs } from "../../contract/pipeline/words.ts";
import type { Clock } from "../../contract/clock.ts";

/** How long before a firing its run is prepared for. */
const PREPARE_MS = 3_000;
/** The clock may be set or a laptop may sleep: look at it at least this often. */
const MAX_WAIT_MS = 30_000;

export interface Scheduled {
  readonly pipeline: string;
  readonly schedule: ScheduleDefinition;
  /** When it last fired, epoch milliseconds; null for never. */
  readonly lastFiredAtMs: number | null;
  /** Its newest run, for a continuous schedule; undefined where there was none. */
  readonly lastRun?: LastRun | undefined;
}

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
  /** Enqueues the run of this firing; called once a firing. */
  readonly fire: (pipeline: string, atMs: number) => Promise<void>;
  /** Called once a firing, some seconds before it. */
  readonly prepare: (pipeline: string) => Promise<void>;
}

/** Fires pipelines by their cron expressions. It only enqueues. */
export class Scheduler {
  readonly #context: SchedulerContext;
  readonly #stopping = new AbortController();
  #woken = new AbortController();
  #loop: Promise<void> | undefined;
  /** Firings up to here have been looked at, by pipeline and by the schedule it had. */
  readonly #seen = new Map<string, { key: string; untilMs: number }>();
  /** The firing that was last prepared for, by pipeline. */
  readonly #prepared = new Map<string, number>();

  constructor(context: SchedulerContext) {
    this.#context = context;
  }

  start(): void {
    this.#loop = this.#work();
  }

  /** Definitions changed: looks again. */
  wake(): void {
    this.#woken.abort();
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
        const nextMs = await this.#fireDue();
        if (nextMs !== undefined) waitMs = Math.min(waitMs, Math.max(nextMs - clock.now(), 0));
      } catch (error) {
        log("error", "the schedules cannot be read; trying again", { error: String(error) });
      }
      await clock.sleep(waitMs, woken.signal);
    }
  }

  /** Fires what is due and returns when there is something to do next, epoch milliseconds. */
  async #fireDue(): Promise<number | undefined> {
    const { clock, list, fire, log } = this.#context;
    let nextMs: number | undefined;
    const entries = await list();
    this.#forgetOthers(entries);
    for (const entry of entries) {
      const nowMs = clock.now();
      if (entry.schedule.cron === CONTINUOUS) {
        const followingMs = await this.#fireContinuous(entry, nowMs);
        if (followingMs !== undefined && (nextMs === undefined || followingMs < nextMs)) nextMs = followingMs;
        continue;
      }
      const dueMs = latestFiring(entry.pipeline, entry.schedule, this.#since(entry, nowMs), nowMs);
      if (dueMs !== undefined) {
        try {
          await fire(entry.pipeline, dueMs);
        } catch (error) {
          log("error", "a scheduled run could not be queued", {
            pipeline: entry.pipeline,
            error: String(error),
          });
        }
      }
      this.#seen.set(entry.pipeline, { key: JSON.stringify(entry.schedule), untilMs: nowMs });
      const followingMs = nextFiringMs(entry.pipeline, entry.schedule, nowMs);
      if (followingMs === undefined) continue;
      const wakeMs = await this.#prepareFor(entry.pipeline, followingMs, nowMs);
      if (nextMs === undefined || wakeMs < nextMs) nextMs = wakeMs;
    }
    return nextMs;
  }

  /**
   * Starts the next run where the last has ended and its pause is over; returns when that will be. While a run
   * is waiting or going on, its end wakes the scheduler.
   */
  async #fireContinuous({ pipeline, lastRun }: Scheduled, nowMs: number): Promise<number | undefined> {
    if (lastRun?.endedAtMs === null) return undefined;
    const dueMs = lastRun === undefined ? nowMs : lastRun.endedAtMs + pauseAfter(lastRun);
    if (dueMs > nowMs) return dueMs;
    try {
      await this.#context.fire(pipeline, dueMs);
    } catch (error) {
      this.#context.log("error", "a continuous pipeline's run could not be queued", {
        pipeline,
        error: String(error),
      });
      return nowMs + FAILED_PAUSE_MS;
    }
    return undefined;
  }

  /** What was paused or removed meanwhile is as new when it comes back: its firings are not made up for. */
  #forgetOthers(entries: readonly Scheduled[]): void {
    const names = new Set(entries.map(({ pipeline }) => pipeline));
    for (const pipeline of [...this.#seen.keys()]) {
      if (names.has(pipeline)) continue;
      this.#seen.delete(pipeline);
      this.#prepared.delete(pipeline);
    }
  }

  /** Prepares for a firing that is near; returns when to look at the pipeline again. */
  async #prepareFor(pipeline: string, firingMs: number, nowMs: number): Promise<number> {
    if (firingMs - nowMs > PREPARE_MS) return firingMs - PREPARE_MS;
    if (this.#prepared.get(pipeline) !== firingMs) {
      this.#prepared.set(pipeline, firingMs);
      await this.#context.prepare(pipeline);
    }
    return firingMs;
  }

  /** From when on firings count: none are made up for a schedule that is new here, but by `catchup: last`. */
  #since(entry: Scheduled, nowMs: number): number {
    const seen = this.#seen.get(entry.pipeline);
    if (seen !== undefined && seen.key === JSON.stringify(entry.schedule)) return seen.untilMs;
    if (seen === undefined && entry.schedule.catchup === "last" && entry.lastFiredAtMs !== null) {
      return entry.lastFiredAtMs;
    }
    return nowMs;
  }
}

function pauseAfter({ hasSucceeded, hasRead }: LastRun): number {
  if (!hasSucceeded) return FAILED_PAUSE_MS;
  return hasRead ? 0 : IDLE_PAUSE_MS;
}

/** When the schedule next fires after the given moment, jitter included; undefined for never. */
export function nextFiringMs(
  pipeline: string,
  schedule: ScheduleDefinition,
  afterMs: number,
): number | undefined {
  const shiftMs = jitterMs(pipeline, schedule);
  const cron = new Cron(schedule.cron, { timezone: schedule.timezone, paused: true });
  const next = cron.nextRun(new Date(afterMs - shiftMs));
  return next === null ? undefined : next.getTime() + shiftMs;
}

/** The next `count` firings after the given moment, epoch milliseconds; fewer where the schedule ends. */
export function nextFirings(
  pipeline: string,
  schedule: ScheduleDefinition,
  afterMs: number,
  count: number,
): number[] {
  if (schedule.cron === CONTINUOUS) return [];
  const shiftMs = jitterMs(pipeline, schedule);
  const cron = new Cron(schedule.cron, { timezone: schedule.timezone, paused: true });
  return cron.nextRuns(count, new Date(afterMs - shiftMs)).map((firing) => firing.getTime() + shiftMs);
}

/** The newest firing in (sinceMs, untilMs]: of several missed ones, only the last counts. */
function latestFiring(
  pipeline: string,
  schedule: ScheduleDefinition,
  sinceMs: number,
  untilMs: number,
): number | undefined {
  const shiftMs = jitterMs(pipeline, schedule);
  const first = nextFiringMs(pipeline, schedule, sinceMs);
  if (first === undefined || first > untilMs) return undefined;
  const cron = new Cron(schedule.cron, { timezone: schedule.timezone, paused: true });
  const last = cron.previousRuns(2, new Date(untilMs - shiftMs + 1_000))
    .map((firing) => firing.getTime() + shiftMs)
    .find((firingMs) => firingMs <= untilMs);
  return Math.max(first, last ?? first);
}

/** The same share of the window for the same pipeline, so that many do not start together. */
function jitterMs(pipeline: string, schedule: ScheduleDefinition): number {
  if (schedule.jitter === undefined) return 0;
  let hash = 2_166_136_261;
  for (const byte of new TextEncoder().encode(pipeline)) hash = Math.imul(hash ^ byte, 16_777_619) >>> 0;
  return Math.floor((hash / 2 ** 32) * durationMs(schedule.jitter));
}
