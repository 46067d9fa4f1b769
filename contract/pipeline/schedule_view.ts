import * as v from "valibot";
import { described } from "../described.ts";

const firing = v.object({
  at: described(v.pipe(v.string(), v.isoTimestamp()), "When it fires."),
  local: described(v.string(), "By the clock of the schedule's zone: Thu 30 Jul 07:30 Paris."),
});

export const scheduleViewSchema = v.object({
  cron: described(
    v.nullable(v.string()),
    "The cron expression, as it is written; null for one of intervals.",
  ),
  every: v.exactOptional(described(v.string(), "The interval, as it is written.")),
  timezone: described(v.string(), "The IANA time zone that it is read in."),
  words: described(v.string(), "weekdays at 07:30; the expression itself where there are no words for it."),
  next: described(
    v.array(firing),
    "The next five firings, jitter included; none while the pipeline is paused.",
  ),
});
export type ScheduleView = v.InferOutput<typeof scheduleViewSchema>;

export interface NextFiring {
  readonly at: string;
  readonly local: string;
  readonly timezone: string;
}

/** The next firings of all of a pipeline's schedules, in their order, each moment once; at most `count`. */
export function nextOf(schedules: readonly ScheduleView[], count = 5): NextFiring[] {
  const all = schedules.flatMap(({ next, timezone }) => next.map((each) => ({ ...each, timezone })));
  const sorted = all.toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at));
  return sorted.filter(({ at }, index) => at !== sorted[index - 1]?.at).slice(0, count);
}
