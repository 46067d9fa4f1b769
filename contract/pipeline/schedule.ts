import * as v from "valibot";
import { duration, text } from "./words.ts";

/** In the place of a cron expression: each run is followed by the next. */
export const CONTINUOUS = "@continuous";

const DAY = String.raw`(?:\d{4}-)?\d{2}-\d{2}`;
/** `2026-12-25`, `12-25` of every year, `2026-12-24..2027-01-02`, `12-24..01-02`. */
const EXCEPT_PATTERN = new RegExp(String.raw`^${DAY}(?:\.\.${DAY})?$`);
const MOMENT_PATTERN = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?)?$/;

const moment = v.pipe(
  text,
  v.regex(MOMENT_PATTERN, "expected a date or a time such as 2026-12-01 or 2026-12-01T06:00"),
);

const timedSchema = v.pipe(
  v.strictObject({
    cron: v.optional(v.pipe(
      text,
      v.description(
        "Five cron fields (minute hour day month weekday), or six with seconds first, or @hourly, @daily …, @continuous.",
      ),
    )),
    every: v.optional(v.pipe(
      duration,
      v.description("In the place of cron: the time from one firing to the next, counted from start."),
    )),
    timezone: v.optional(
      v.pipe(text, v.description("An IANA time zone such as Europe/Paris; daylight saving is handled.")),
      "UTC",
    ),
    catchup: v.optional(
      v.pipe(
        v.picklist(["none", "last", "all"]),
        v.description(
          "What to do about firings that were missed while the server was down: nothing, the last, or each of them.",
        ),
      ),
      "none",
    ),
    catchup_window: v.optional(
      v.pipe(duration, v.description("Missed firings that are older than this are not made up for.")),
    ),
    start: v.optional(
      v.pipe(moment, v.description("No firing before this date or time, by the clock of the time zone.")),
    ),
    end: v.optional(
      v.pipe(moment, v.description("No firing after this time, or after this day.")),
    ),
    jitter: v.optional(
      v.pipe(
        duration,
        v.description("Start up to this much later, always the same amount for the same pipeline."),
      ),
    ),
    except: v.optional(v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.regex(
            EXCEPT_PATTERN,
            "expected a day such as 2026-12-25 or 12-25, or two with .. between the first and the last",
          ),
        ),
      ),
      v.description(
        "Days without a firing: 2026-12-25, 12-25 of every year, or from the first to the last, 12-24..01-02.",
      ),
    )),
  }),
  v.description("When the pipeline runs by itself."),
);
export type ScheduleDefinition = v.InferOutput<typeof timedSchema>;

const continuousSchema = v.pipe(
  v.literal("continuous"),
  v.description("Each run is followed by the next, after some seconds where there was nothing to read."),
  v.transform((): ScheduleDefinition => ({ cron: CONTINUOUS, timezone: "UTC", catchup: "none" })),
);

export const scheduleSchema = v.pipe(
  v.union([
    continuousSchema,
    timedSchema,
    v.pipe(
      v.array(timedSchema),
      v.minLength(1, "expected at least one schedule"),
      v.maxLength(100, "expected at most 100 schedules"),
      v.description("Several: the pipeline runs when one of them says so, once where two say it."),
    ),
  ]),
  v.description("When the pipeline runs by itself: at times, or continuously."),
);

/** The schedules of a pipeline's definition, in their order; none for one that runs on demand. */
export function schedulesOf(
  { schedule }: { readonly schedule?: v.InferOutput<typeof scheduleSchema> | undefined },
): readonly ScheduleDefinition[] {
  if (schedule === undefined) return [];
  return Array.isArray(schedule) ? schedule : [schedule];
}

/** Whether each run is followed by the next. */
export const isContinuous = ({ cron }: ScheduleDefinition): boolean => cron === CONTINUOUS;

/**
 * Tells a pipeline's schedules apart, over restarts and over changes of what is not their times: their catch-up,
 * bounds and exceptions. In the order of `schedules`, each once.
 */
export function scheduleKeys(schedules: readonly ScheduleDefinition[]): string[] {
  const counts = new Map<string, number>();
  return schedules.map(({ cron, every, timezone }) => {
    const key = every === undefined ? `${cron} ${timezone}` : `every ${every} ${timezone}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count === 1 ? key : `${key} #${count}`;
  });
}
