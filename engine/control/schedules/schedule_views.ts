import type { ScheduleDefinition } from "../../../contract/pipeline/schedule.ts";
import type { ScheduleView } from "../../../contract/pipeline/schedule_view.ts";
import { durationMs } from "../../../contract/pipeline/words.ts";
import { cronWords } from "../../../text/cron_words.ts";
import { formatInZone, formatWait } from "../../../text/zone_time.ts";
import { CronTimes } from "../../runs/schedules/cron_times.ts";
import { Firings } from "../../runs/schedules/firings.ts";

const NEXT_FIRINGS = 5;
/** Of longer lists only the length is said. */
const MAX_EXCEPTIONS_NAMED = 3;

interface Shown {
  readonly revision: string;
  readonly views: readonly ScheduleView[];
  /** From then on a firing that it names is over. */
  readonly untilMs: number;
}

/** Schedules as the API and the pages show them. What is shown is kept until the next firing: lists name all pipelines. */
export class ScheduleViews {
  readonly #times = new CronTimes();
  readonly #shown = new Map<string, Shown>();

  /** The schedules of the pipeline's revision, each with its next firings. */
  of(
    pipeline: string,
    revision: string,
    schedules: readonly ScheduleDefinition[],
    nowMs: number,
  ): readonly ScheduleView[] {
    const known = this.#shown.get(pipeline);
    if (known !== undefined && known.revision === revision && nowMs < known.untilMs) return known.views;
    const all = schedules.map((schedule) => {
      const firings = new Firings(pipeline, schedule, this.#times).next(nowMs, NEXT_FIRINGS);
      return { firings, view: viewOf(schedule, firings) };
    });
    const views = all.map(({ view }) => view);
    const untilMs = Math.min(...all.map(({ firings: [next = Infinity] }) => next));
    this.#shown.set(pipeline, { revision, views, untilMs });
    return views;
  }
}

function viewOf(schedule: ScheduleDefinition, firings: readonly number[]): ScheduleView {
  const { cron, every, timezone } = schedule;
  return {
    cron: cron ?? null,
    ...(every === undefined ? {} : { every }),
    timezone,
    words: scheduleWords(schedule),
    next: firings.map((atMs) => ({
      at: new Date(atMs).toISOString(),
      local: formatInZone(atMs, timezone),
    })),
  };
}

/** In words, without the time zone: `weekdays at 06:30, until 2026-12-31, not on 12-25`. */
export function scheduleWords({ cron = "", every, start, end, except = [] }: ScheduleDefinition): string {
  const days = except.length > MAX_EXCEPTIONS_NAMED ? `${except.length} days` : except.join(", ");
  return [
    every === undefined ? cronWords(cron) : `every ${formatWait(durationMs(every))}`,
    ...(start === undefined ? [] : [`from ${start}`]),
    ...(end === undefined ? [] : [`until ${end}`]),
    ...(except.length === 0 ? [] : [`not on ${days.replaceAll("..", " to ")}`]),
  ].join(", ");
}
