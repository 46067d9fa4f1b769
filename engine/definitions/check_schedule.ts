import { Cron } from "croner";
import { CONTINUOUS, isContinuous, type ScheduleDefinition } from "../../contract/pipeline/schedule.ts";
import { DURATION_PATTERN, durationMs } from "../../contract/pipeline/words.ts";
import { didYouMean } from "../../text/suggest.ts";
import { CronTimes } from "../runs/schedules/cron_times.ts";
import { Firings } from "../runs/schedules/firings.ts";
import { isDay, momentMs } from "../runs/schedules/zone_days.ts";

export interface ScheduleFault {
  /** Undefined where it is the schedule as a whole. */
  readonly key: keyof ScheduleDefinition | undefined;
  readonly message: string;
}

const NICKNAMES = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly", CONTINUOUS];

/** The shortest interval: what is looked at more often is `schedule: continuous`. */
const MIN_EVERY_MS = 1_000;

/** What is wrong with one of `count` schedules that has the right shape: its time zone, its times, its days. */
export function checkSchedule(schedule: ScheduleDefinition, count = 1): ScheduleFault[] {
  const { cron, every, timezone } = schedule;
  if (cron === undefined && every === undefined) {
    return [{ key: undefined, message: 'needs cron or every, as { cron: "0 2 * * *" } or { every: 6h }' }];
  }
  if (cron !== undefined && every !== undefined) {
    return [{
      key: "every",
      message: "a schedule has cron or every, not both: write a list of two schedules",
    }];
  }
  if (isContinuous(schedule) && count > 1) {
    return [{ key: "cron", message: `${CONTINUOUS} stands alone: each run is followed by the next` }];
  }
  if (!isTimeZone(timezone)) {
    const zones = ["UTC", ...Intl.supportedValuesOf("timeZone")];
    const hint = didYouMean(timezone, zones) || "; use an IANA name such as Europe/Paris";
    return [{ key: "timezone", message: `unknown time zone "${timezone}"${hint}` }];
  }
  if (every !== undefined && durationMs(every) < MIN_EVERY_MS) {
    return [{ key: "every", message: `every "${every}" is shorter than a second` }];
  }
  const cronMessage = cron === undefined ? undefined : cronFault(cron.trim(), timezone);
  if (cronMessage !== undefined) return [{ key: "cron", message: cronMessage }];
  const dayFaults = checkDays(schedule);
  return dayFaults.length > 0 ? dayFaults : checkBounds(schedule);
}

function checkDays({ start, end, except = [] }: ScheduleDefinition): ScheduleFault[] {
  const faults: ScheduleFault[] = [];
  for (const [key, text] of [["start", start], ["end", end]] as const) {
    if (text !== undefined && !isMoment(text)) {
      faults.push({ key, message: `there is no such time as "${text}"` });
    }
  }
  for (const text of except) {
    const [first = text, last = first] = text.split("..");
    const wrong = [first, last].find((day) => !isDay(day));
    if (wrong !== undefined) faults.push({ key: "except", message: `there is no such day as "${wrong}"` });
    else if (first.length !== last.length) {
      faults.push({ key: "except", message: `"${text}" needs a year with both days, or with none` });
    } else if (first.length > 5 && first > last) {
      faults.push({ key: "except", message: `"${text}" ends before it begins` });
    }
  }
  return faults;
}

/** Whether it fires at all between its start and its end. */
function checkBounds(schedule: ScheduleDefinition): ScheduleFault[] {
  const { start, end, except, timezone } = schedule;
  if (isContinuous(schedule) || (start === undefined && end === undefined && except === undefined)) return [];
  const fromMs = start === undefined ? 0 : momentMs(start, timezone) - 1;
  const { jitter: _, ...plain } = schedule;
  if (new Firings("", plain, new CronTimes()).after(fromMs) !== undefined) return [];
  const key = end !== undefined ? "end" : except !== undefined ? "except" : "start";
  return [{ key, message: "it never fires between its start and its end, on days that are left" }];
}

function isMoment(text: string): boolean {
  try {
    return !Number.isNaN(momentMs(text, "UTC"));
  } catch {
    return false;
  }
}

function cronFault(cron: string, timezone: string): string | undefined {
  if (cron.startsWith("@")) {
    if (NICKNAMES.includes(cron.toLowerCase())) return undefined;
    return `unknown schedule "${cron}"${
      didYouMean(cron, NICKNAMES) || `; known are ${NICKNAMES.join(", ")}`
    }`;
  }
  const fields = cron.split(/\s+/).length;
  if (fields !== 5 && fields !== 6) {
    const fix = DURATION_PATTERN.test(cron) && durationMs(cron) > 0
      ? ", as */5 * * * * for every 5 minutes"
      : "";
    return `cron needs 5 fields (minute hour day month weekday), or 6 with seconds first, but "${cron}" has ` +
      `${fields}${fix}`;
  }
  try {
    const job = new Cron(cron, { timezone, paused: true });
    return job.nextRun() === null ? `cron "${cron}" never fires` : undefined;
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).replace(/^CronPattern: /, "");
    return `cron "${cron}" is not valid: ${reason}`;
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
