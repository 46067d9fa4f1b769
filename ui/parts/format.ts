import type { Run } from "../../contract/run.ts";

/**
 * How numbers, sizes, durations and times read on the pages. Numbers are grouped the English way
 * and times are UTC; the pages' script adds the reader's own zone on hover.
 */

const MISSING = "–";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `840 ms`, `12.4 s`, `3 m 05 s`, `2 h 05 m`, `3 d 4 h`; a dash for null. */
export function formatDuration(durationMs: number | null): string {
  if (durationMs === null) return MISSING;
  const ms = Math.max(0, durationMs);
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < MINUTE_MS) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} m ${twoDigits(ms % MINUTE_MS / SECOND_MS)} s`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ${twoDigits(ms % HOUR_MS / MINUTE_MS)} m`;
  return `${Math.floor(ms / DAY_MS)} d ${Math.floor(ms % DAY_MS / HOUR_MS)} h`;
}

function twoDigits(value: number): string {
  return String(Math.floor(value)).padStart(2, "0");
}

const COUNT = new Intl.NumberFormat("en-US");

/** `1,234,567`; a dash for null. */
export function formatCount(count: number | null): string {
  return count === null ? MISSING : COUNT.format(count);
}

const COUNT_UNITS = ["", " k", " M", " G", " T"] as const;

/** Three digits at most: `950`, `12.3 k`, `1.23 M`; a dash for null. */
export function formatShortCount(count: number | null): string {
  if (count === null) return MISSING;
  return count < 10_000 ? COUNT.format(count) : scale(count, COUNT_UNITS);
}

const SIZE_UNITS = [" B", " kB", " MB", " GB", " TB", " PB"] as const;

/** Decimal units with three digits: `512 B`, `1.20 kB`, `83.4 MB`; a dash for null. */
export function formatBytes(sizeBytes: number | null): string {
  return sizeBytes === null ? MISSING : scale(sizeBytes, SIZE_UNITS);
}

function scale(value: number, units: readonly string[]): string {
  let scaled = value;
  let unit = 0;
  // 999.5 would be shown as "1000": it belongs to the next unit already.
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1_000;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)}${units[unit] ?? ""}`;
}

/** `3 checks`, `1 check`. */
export function formatPlural(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

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
