import * as v from "valibot";
import { DURATION_PATTERN, durationMs } from "./words.ts";

/** Lengths of time by the calendar of UTC: `1d`, `6h`, `1w`, `1mo`, `1y`. */

/** So many milliseconds, or months of the calendar. */
export type Length = { readonly ms: number } | { readonly months: number };

const CALENDAR = /^([1-9]\d{0,3})(mo|y|w)$/;
const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** The first Monday after the epoch: weeks begin on Mondays. */
const MONDAY_MS = 4 * DAY_MS;

/** Undefined for a text that is none, or no time at all. */
export function readLength(text: string): Length | undefined {
  const [, digits = "", unit] = CALENDAR.exec(text) ?? [];
  const many = Number(digits);
  if (unit === "mo") return { months: many };
  if (unit === "y") return { months: 12 * many };
  const ms = unit === "w" ? many * WEEK_MS : DURATION_PATTERN.test(text) ? durationMs(text) : 0;
  return ms === 0 ? undefined : { ms };
}

export const lengthOfTime = v.pipe(
  v.string(),
  v.check((text) => readLength(text) !== undefined, "expected a length such as 1d, 6h, 1w, 1mo or 1y"),
);

/** Epoch milliseconds, `times` lengths after `ms`; before it for a negative number. */
export function laterBy(ms: number, length: Length, times: number): number {
  return "ms" in length ? ms + length.ms * times : monthsLater(ms, length.months * times);
}

/**
 * Where the period begins that `ms` lies in: hours and days are counted from the epoch, weeks from a Monday, months
 * and years by the calendar.
 */
export function periodStart(ms: number, length: Length): number {
  if ("ms" in length) {
    const origin = length.ms % WEEK_MS === 0 ? MONDAY_MS : 0;
    return Math.floor((ms - origin) / length.ms) * length.ms + origin;
  }
  const date = new Date(ms);
  const months = date.getUTCFullYear() * 12 + date.getUTCMonth();
  const first = Math.floor(months / length.months) * length.months;
  return monthStart(first);
}

/** Of a month that is counted from January of the year 0. */
function monthStart(months: number): number {
  const date = new Date(0);
  date.setUTCFullYear(Math.floor(months / 12), ((months % 12) + 12) % 12, 1);
  return date.getTime();
}

/** A day that the month does not have is its last. */
function monthsLater(ms: number, months: number): number {
  const date = new Date(ms);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  return date.setUTCDate(Math.min(day, lastDay));
}
