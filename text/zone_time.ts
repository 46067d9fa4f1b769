import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "./format.ts";

/** Times as the clock on a wall of some zone shows them. */

/** `Paris` of `Europe/Paris`. */
export function cityOf(timezone: string): string {
  return timezone.slice(timezone.lastIndexOf("/") + 1).replaceAll("_", " ");
}

/**
 * `Thu 30 Jul 07:30 Paris`; the date is left out for who knows what day it is (`nowMs`) where the day's name
 * is enough, seconds where there are none. In UTC for a zone that is not known.
 */
export function formatInZone(atMs: number, timezone: string, nowMs?: number): string {
  const part = partsOf(atMs, timezone);
  const distanceMs = nowMs === undefined ? Infinity : atMs - nowMs;
  const isNear = distanceMs > -HOUR_MS && distanceMs < 6 * DAY_MS;
  const day = isNear ? part("weekday") : `${part("weekday")} ${part("day")} ${part("month")}`;
  const seconds = part("second") === "00" ? "" : `:${part("second")}`;
  return `${day} ${part("hour")}:${part("minute")}${seconds} ${part.isKnown ? cityOf(timezone) : "UTC"}`;
}

function partsOf(atMs: number, timezone: string) {
  let isKnown = true;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-GB", { ...PARTS, timeZone: timezone });
  } catch {
    isKnown = false;
    format = new Intl.DateTimeFormat("en-GB", { ...PARTS, timeZone: "UTC" });
  }
  const parts = format.formatToParts(atMs);
  const part = (type: string) => parts.find((found) => found.type === type)?.value ?? "";
  return Object.assign(part, { isKnown });
}

const PARTS = {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
} as const;

/** How long it is until then: `12 s`, `3 min`, `1 h 49 min`, `2 d 4 h`, `40 d`. */
export function formatWait(waitMs: number): string {
  const ms = Math.max(0, waitMs);
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  if (ms < DAY_MS) return two(ms, HOUR_MS, "h", MINUTE_MS, "min");
  return two(ms, DAY_MS, "d", HOUR_MS, "h");
}

function two(ms: number, unitMs: number, unit: string, smallMs: number, small: string): string {
  const rest = Math.floor(ms % unitMs / smallMs);
  return `${Math.floor(ms / unitMs)} ${unit}${rest === 0 ? "" : ` ${rest} ${small}`}`;
}
