import { Cron } from "croner";
import { CONTINUOUS } from "../../contract/pipeline/pipeline.ts";
import { DURATION_PATTERN, durationMs } from "../../contract/pipeline/words.ts";
import { didYouMean } from "../../text/suggest.ts";

export interface ScheduleFault {
  readonly key: "cron" | "timezone";
  readonly message: string;
}

const NICKNAMES = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly", CONTINUOUS];

/** What is wrong with a schedule that has the right shape: its time zone, its cron expression. */
export function checkSchedule(schedule: { cron: string; timezone: string }): ScheduleFault[] {
  if (!isTimeZone(schedule.timezone)) {
    const zones = ["UTC", ...Intl.supportedValuesOf("timeZone")];
    const hint = didYouMean(schedule.timezone, zones) || "; use an IANA name such as Europe/Paris";
    return [{ key: "timezone", message: `unknown time zone "${schedule.timezone}"${hint}` }];
  }
  const message = cronFault(schedule.cron.trim(), schedule.timezone);
  return message === undefined ? [] : [{ key: "cron", message }];
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
