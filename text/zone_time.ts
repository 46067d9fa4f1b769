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
  const time = zonedTime(atMs, timezone);
  const distanceMs = nowMs === undefined ? Infinity : atMs - nowMs;
  const isNear = distanceMs > -HOUR_MS && distanceMs < 6 * DAY_MS;
  const weekday = WEEKDAYS[time.dayOfWeek - 1] ?? "";
  const day = isNear ? weekday : `${weekday} ${time.day} ${MONTHS[time.month - 1] ?? ""}`;
  const seconds = time.second === 0 ? "" : `:${twoDigits(time.second)}`;
  const zone = time.timeZoneId === "UTC" ? "UTC" : cityOf(timezone);
  return `${day} ${twoDigits(time.hour)}:${twoDigits(time.minute)}${seconds} ${zone}`;
}

/** Not by Intl: a format for each time would take most of the time that a page of pipelines does. */
function zonedTime(atMs: number, timezone: string): Temporal.ZonedDateTime {
  const instant = Temporal.Instant.fromEpochMilliseconds(atMs);
  try {
    return instant.toZonedDateTimeISO(timezone);
  } catch {
    return instant.toZonedDateTimeISO("UTC");
  }
}

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"];

const twoDigits = (count: number): string => String(count).padStart(2, "0");

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
