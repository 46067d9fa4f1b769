import { isContinuous, type ScheduleDefinition, scheduleKeys } from "../../../contract/pipeline/schedule.ts";
import { durationMs } from "../../../contract/pipeline/words.ts";
import type { ScheduleMark } from "../../store/ports/definitions.ts";
import { CronTimes } from "./cron_times.ts";
import { Firings } from "./firings.ts";
import { MomentHeap } from "./moment_heap.ts";

/** How long before a firing its run is prepared for. */
const PREPARE_MS = 3_000;

export interface Scheduled {
  readonly pipeline: string;
  /** In the order of the definition. */
  readonly schedules: readonly ScheduleDefinition[];
  /** Up to when the firings of each are dealt with, epoch milliseconds, by `scheduleKeys`. */
  readonly marks: ReadonlyMap<string, number>;
}

export interface Firing {
  readonly pipeline: string;
  readonly atMs: number;
  /** One of the firings of `catchup: all` that were due while the server was down: each of them gets its run. */
  readonly isMadeUp: boolean;
}

/** A schedule that is watched. */
interface Watched {
  readonly pipeline: string;
  readonly key: string;
  readonly schedule: ScheduleDefinition;
  readonly firings: Firings;
  /** The next firing that is not dealt with; undefined for none any more. */
  nextMs: number | undefined;
  /** Firings up to here are made up for, those after it are in time. */
  missedUntilMs: number;
  isPrepared: boolean;
  /** Tells its place in the heap from those it had before; -1 when it is no longer watched. */
  place: number;
}

/**
 * What fires when: the schedules of all pipelines, with the next firing of each in a heap, so that a look costs
 * what is due and no more. A firing stays due until `deal` was told of it, however late the next look is.
 */
export class FiringPlan {
  readonly #times = new CronTimes();
  readonly #watched = new Map<string, Watched>();
  readonly #heap = new MomentHeap<{ readonly watched: Watched; readonly place: number }>();
  #marks: ScheduleMark[] = [];
  #places = 0;

  /** When there is something to do next, epoch milliseconds; undefined where no schedule fires any more. */
  get nextMs(): number | undefined {
    return this.#heap.earliestMs;
  }

  /**
   * What has a schedule and is not paused, now. What is as it was goes on. What is new here is caught up with as it
   * says, from its mark; what has changed, or comes without a mark, begins now. Returns what is wrong with those
   * that cannot be read.
   */
  update(entries: readonly Scheduled[], nowMs: number): { pipeline: string; error: unknown }[] {
    const failures: { pipeline: string; error: unknown }[] = [];
    const current = new Set<string>();
    for (const { pipeline, schedules, marks } of entries) {
      const keys = scheduleKeys(schedules);
      for (const [index, schedule] of schedules.entries()) {
        const key = keys[index] ?? "";
        if (isContinuous(schedule)) continue;
        const id = `${pipeline}\n${key}`;
        current.add(id);
        const known = this.#watched.get(id);
        if (known !== undefined && JSON.stringify(known.schedule) === JSON.stringify(schedule)) continue;
        if (known !== undefined) known.place = -1;
        try {
          const sinceMs = known === undefined ? marks.get(key) : undefined;
          this.#watched.set(id, this.#watch(pipeline, key, schedule, sinceMs, nowMs));
        } catch (error) {
          failures.push({ pipeline, error });
        }
      }
    }
    for (const [id, watched] of this.#watched) {
      if (current.has(id)) continue;
      watched.place = -1;
      this.#watched.delete(id);
    }
    return failures;
  }

  /** The machine slept, or its clock was set: what was due in between is missed, as while the server is down. */
  noteGap(sinceMs: number, nowMs: number): void {
    for (const watched of this.#watched.values()) {
      if (nowMs > sinceMs) {
        if (watched.nextMs === undefined || watched.nextMs > nowMs) continue;
        this.#catchUp(watched, watched.nextMs - 1, nowMs);
      } else this.#catchUp(watched, nowMs, nowMs);
      this.#place(watched, nowMs);
    }
  }

  /**
   * What is due, the earliest first and one of each schedule: `deal` or `postpone` each, then ask again. Where two
   * schedules of a pipeline fire at the same moment, that is one firing.
   */
  due(nowMs: number): { fire: Due[]; prepare: string[] } {
    const fire: Due[] = [];
    const prepare: string[] = [];
    while ((this.#heap.earliestMs ?? Infinity) <= nowMs) {
      const item = this.#heap.pop();
      if (item === undefined || item.watched.place !== item.place) continue;
      const { watched } = item;
      const { pipeline, nextMs } = watched;
      if (nextMs === undefined) continue;
      if (nextMs > nowMs) {
        watched.isPrepared = true;
        prepare.push(pipeline);
        this.#place(watched, nowMs);
      } else {
        const isMadeUp = nextMs <= watched.missedUntilMs && watched.schedule.catchup === "all";
        fire.push({ pipeline, atMs: nextMs, isMadeUp, watched: [watched] });
      }
    }
    return { fire: onceEach(fire), prepare };
  }

  /** The firing is dealt with: its run is there, or there will be none. */
  deal(due: Due, nowMs: number): void {
    for (const watched of due.watched) {
      if (watched.place === -1) continue;
      watched.nextMs = watched.firings.after(due.atMs);
      watched.isPrepared = false;
      if (watched.schedule.catchup !== "none") this.#mark(watched, due.atMs);
      this.#place(watched, nowMs);
    }
  }

  /** The firing stays due, and comes again then. */
  postpone(due: Due, untilMs: number): void {
    for (const watched of due.watched) {
      if (watched.place !== -1) this.#push(watched, untilMs);
    }
  }

  /** What has to be written down, since this was last asked. */
  takeMarks(): ScheduleMark[] {
    const marks = this.#marks;
    this.#marks = [];
    return marks;
  }

  #watch(
    pipeline: string,
    key: string,
    schedule: ScheduleDefinition,
    sinceMs: number | undefined,
    nowMs: number,
  ): Watched {
    const watched: Watched = {
      pipeline,
      key,
      schedule,
      firings: new Firings(pipeline, schedule, this.#times),
      nextMs: undefined,
      missedUntilMs: -Infinity,
      isPrepared: false,
      place: 0,
    };
    this.#catchUp(watched, sinceMs ?? nowMs, nowMs);
    // From here on it is known since when it counts, also after a restart before its first firing.
    if (sinceMs === undefined && schedule.catchup !== "none") this.#mark(watched, nowMs);
    this.#place(watched, nowMs);
    return watched;
  }

  /** Of what was due from then to now, what its schedule makes up for is next. */
  #catchUp(watched: Watched, sinceMs: number, nowMs: number): void {
    const { catchup, catchup_window: window } = watched.schedule;
    const fromMs = Math.max(sinceMs, window === undefined ? -Infinity : nowMs - durationMs(window));
    watched.missedUntilMs = nowMs;
    watched.isPrepared = false;
    if (catchup === "all") watched.nextMs = watched.firings.after(fromMs);
    else {
      const last = catchup === "last" ? watched.firings.last(fromMs, nowMs) : undefined;
      watched.nextMs = last ?? watched.firings.after(nowMs);
    }
  }

  /** In the heap at the moment when there is something to do; what was missed comes after what is due in time. */
  #place(watched: Watched, nowMs: number): void {
    const { nextMs, isPrepared, missedUntilMs } = watched;
    if (nextMs === undefined) watched.place = 0;
    else if (nextMs <= missedUntilMs) this.#push(watched, nowMs);
    else this.#push(watched, isPrepared || nextMs <= nowMs ? nextMs : Math.max(nextMs - PREPARE_MS, nowMs));
  }

  #push(watched: Watched, atMs: number): void {
    watched.place = ++this.#places;
    this.#heap.push(atMs, { watched, place: watched.place });
  }

  #mark({ pipeline, key }: Watched, untilMs: number): void {
    this.#marks.push({ pipeline, schedule: key, untilMs });
  }
}

/** A firing, with the schedules that say it. */
export interface Due extends Firing {
  readonly watched: readonly Watched[];
}

function onceEach(found: readonly Due[]): Due[] {
  const byMoment = new Map<string, Due>();
  for (const due of found) {
    const key = `${due.pipeline}\n${due.atMs}`;
    const same = byMoment.get(key);
    byMoment.set(
      key,
      same === undefined
        ? due
        : { ...same, isMadeUp: same.isMadeUp || due.isMadeUp, watched: [...same.watched, ...due.watched] },
    );
  }
  return [...byMoment.values()];
}
