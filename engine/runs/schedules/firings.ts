import { isContinuous, type ScheduleDefinition } from "../../../contract/pipeline/schedule.ts";
import { durationMs } from "../../../contract/pipeline/words.ts";
import type { CronTimes } from "./cron_times.ts";
import { endMs, ExcludedDays, momentMs } from "./zone_days.ts";

/** So many excluded days in a row, and it is taken for never: more than ten years. */
const MAX_EXCLUDED = 4_000;

/** When one schedule of a pipeline fires; jitter is in all its moments. None where it is continuous. */
export class Firings {
  readonly #schedule: ScheduleDefinition;
  readonly #times: CronTimes;
  readonly #shiftMs: number;
  readonly #startMs: number | undefined;
  readonly #endMs: number;
  readonly #excluded: ExcludedDays;

  /** Throws for a schedule that a check would refuse. */
  constructor(pipeline: string, schedule: ScheduleDefinition, times: CronTimes) {
    const { timezone, start, end, except = [] } = schedule;
    this.#schedule = schedule;
    this.#times = times;
    this.#shiftMs = jitterMs(pipeline, schedule);
    this.#startMs = start === undefined ? undefined : momentMs(start, timezone);
    this.#endMs = end === undefined ? Infinity : endMs(end, timezone);
    this.#excluded = new ExcludedDays(except, timezone);
  }

  /** The first firing after the moment, epoch milliseconds; undefined where there is none any more. */
  after(afterMs: number): number | undefined {
    let fromMs = afterMs - this.#shiftMs;
    for (let excluded = 0; excluded < MAX_EXCLUDED; excluded++) {
      const next = this.#plainAfter(fromMs);
      if (next === undefined || next > this.#endMs) return undefined;
      const nextDayMs = this.#excluded.endOfDay(next);
      if (nextDayMs === undefined) return next + this.#shiftMs;
      fromMs = nextDayMs - 1;
    }
    return undefined;
  }

  /** The next `count` firings after the moment; fewer where the schedule ends. */
  next(afterMs: number, count: number): number[] {
    const found: number[] = [];
    for (let next = this.after(afterMs); next !== undefined; next = this.after(next)) {
      found.push(next);
      if (found.length >= count) break;
    }
    return found;
  }

  /** The last firing in (sinceMs, untilMs]; undefined where there is none. */
  last(sinceMs: number, untilMs: number): number | undefined {
    const isBefore = (found: number | undefined): found is number => found !== undefined && found <= untilMs;
    let last = this.after(sinceMs);
    if (!isBefore(last)) return undefined;
    // The later the moment, the later what follows it: the last one is found by halves.
    let [lowMs, highMs] = [last, untilMs];
    while (lowMs < highMs) {
      const middleMs = Math.floor((lowMs + highMs) / 2);
      const found = this.after(middleMs);
      if (isBefore(found)) [last, lowMs] = [found, found];
      else highMs = middleMs;
    }
    return last;
  }

  /** Without jitter, whatever day it is. */
  #plainAfter(afterMs: number): number | undefined {
    const { cron, every, timezone } = this.#schedule;
    const fromMs = this.#startMs === undefined ? afterMs : Math.max(afterMs, this.#startMs - 1);
    if (every !== undefined) {
      const stepMs = durationMs(every);
      const anchorMs = this.#startMs ?? 0;
      return stepMs > 0 ? anchorMs + (Math.floor((fromMs - anchorMs) / stepMs) + 1) * stepMs : undefined;
    }
    if (cron === undefined || isContinuous(this.#schedule)) return undefined;
    return this.#times.after(cron, timezone, fromMs);
  }
}

/** The same share of the window for the same pipeline, so that many do not start together. */
function jitterMs(pipeline: string, { jitter }: ScheduleDefinition): number {
  if (jitter === undefined) return 0;
  let hash = 2_166_136_261;
  for (const byte of new TextEncoder().encode(pipeline)) hash = Math.imul(hash ^ byte, 16_777_619) >>> 0;
  return Math.floor((hash / 2 ** 32) * durationMs(jitter));
}
