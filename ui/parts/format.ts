import type { Run } from "../../contract/run.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../text/format.ts";

/**
 * How times, schedules, ids and triggers read on the pages. Times are UTC; the pages' script adds the
 * reader's own zone on hover.
 */

/** `2026-07-30 12:05:09 UTC`; the text itself where it is no time. */
export function formatUtc(iso: string): string {
  const parsed = new Date(iso);
  if (Number.isNaN(parsed.getTime())) return iso;
  return `${parsed.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** The time of day in UTC with milliseconds, for log lines: `12:05:09.123`. */
export function formatLogTime(iso: string): string {
  const parsed = new Date(iso);
  return Number.isNaN(parsed.getTime()) ? iso : parsed.toISOString().slice(11, 23);
}

/** `just now`, `12 s ago`, `3 min ago`, `in 2 h`, `5 d ago`; the date from 30 days on. */
export function formatRelative(iso: string, nowMs: number): string {
  const atMs = Date.parse(iso);
  if (Number.isNaN(atMs)) return iso;
  const distanceMs = Math.abs(nowMs - atMs);
  if (distanceMs < 5 * SECOND_MS) return atMs > nowMs ? "now" : "just now";
  const distance = formatDistance(distanceMs);
  if (distance === undefined) return new Date(atMs).toISOString().slice(0, 10);
  return atMs > nowMs ? `in ${distance}` : `${distance} ago`;
}

function formatDistance(distanceMs: number): string | undefined {
  if (distanceMs < MINUTE_MS) return `${Math.floor(distanceMs / SECOND_MS)} s`;
  if (distanceMs < HOUR_MS) return `${Math.floor(distanceMs / MINUTE_MS)} min`;
  if (distanceMs < DAY_MS) return `${Math.floor(distanceMs / HOUR_MS)} h`;
  if (distanceMs < 30 * DAY_MS) return `${Math.floor(distanceMs / DAY_MS)} d`;
  return undefined;
}

const WEEKDAYS = [
  "Sundays",
  "Mondays",
  "Tuesdays",
  "Wednesdays",
  "Thursdays",
  "Fridays",
  "Saturdays",
] as const;
const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "every year",
  "@annually": "every year",
  "@monthly": "every month",
  "@weekly": "every week",
  "@daily": "every day at 00:00",
  "@midnight": "every day at 00:00",
  "@hourly": "every hour",
};

/** The common cron patterns in words (`every day at 02:00`); any other as it is written. */
export function formatCron(cron: string): string {
  const nickname = NICKNAMES[cron.trim().toLowerCase()];
  if (nickname !== undefined) return nickname;
  const fields = cron.trim().split(/\s+/);
  if (fields.length === 6 && fields[0] === "0") fields.shift();
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  if (fields.length !== 5 || month !== "*") return cron;
  if (day === "*" && weekday === "*" && hour === "*") return formatMinutes(minute) ?? cron;
  if (!isNumber(minute) || !isNumber(hour)) return cron;
  const at = `at ${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  if (day === "*" && weekday === "*") return `every day ${at}`;
  if (day === "*" && weekday === "1-5") return `weekdays ${at}`;
  if (day === "*" && isNumber(weekday)) return `${WEEKDAYS[Number(weekday) % 7] ?? weekday} ${at}`;
  if (isNumber(day) && weekday === "*") return `monthly on day ${day} ${at}`;
  return cron;
}

function formatMinutes(minute: string): string | undefined {
  if (minute === "*" || minute === "*/1") return "every minute";
  if (isNumber(minute)) return `every hour at :${minute.padStart(2, "0")}`;
  const every = /^\*\/(\d{1,2})$/.exec(minute)?.[1];
  return every === undefined ? undefined : `every ${every} min`;
}

const isNumber = (text: string): boolean => /^\d{1,2}$/.test(text);

/** The end of a run's id, which differs most between neighbours. */
export function shortId(id: string): string {
  return id.length <= 8 ? id : id.slice(-8);
}

/** The first 8 hex digits of a revision's hash. */
export function shortRevision(revision: string): string {
  return revision.slice(0, 8);
}

/** The first 7 digits of a commit, with `+` where the work tree differed. */
export function shortCommit(commit: string): string {
  const [hash = ""] = commit.split("+");
  return `${hash.slice(0, 7)}${commit.includes("+") ? "+" : ""}`;
}

/** What started the run, for a person: `page · by ada`. */
export function formatTrigger(run: Pick<Run, "trigger" | "triggered_by">): string {
  const by = run.triggered_by === null || run.triggered_by === run.trigger ? "" : ` · ${run.triggered_by}`;
  return `${run.trigger}${by}`;
}
