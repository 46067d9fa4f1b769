/**
 * Dates and times as PostgreSQL writes them with DateStyle ISO, IntervalStyle postgres and TimeZone UTC,
 * read as the numbers of its binary form: days and microseconds since 2000.
 */

const EPOCH_DAYS = 10_957;
const DAY_US = 86_400_000_000n;
const INFINITE_DAYS = 0x7fff_ffff;
const INFINITE_US = 0x7fff_ffff_ffff_ffffn;

/** Of `2024-02-29`, `0044-03-15 BC`, `infinity`. */
export function dateDays(text: string): number {
  if (text === "infinity") return INFINITE_DAYS;
  if (text === "-infinity") return -INFINITE_DAYS - 1;
  const [, year, month, day, era] = /^(\d+)-(\d\d)-(\d\d)( BC)?$/.exec(text) ?? [];
  if (year === undefined) throw new SyntaxError(`"${text}" is no date`);
  return daysOf(era === undefined ? Number(year) : 1 - Number(year), Number(month), Number(day));
}

/** Of `04:05:06.789`; 24:00:00 is a time too. */
export function timeUs(text: string): bigint {
  const [, hours, minutes, seconds, fraction = ""] = /^(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(text) ?? [];
  if (hours === undefined) throw new SyntaxError(`"${text}" is no time`);
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
}

/** Of `2024-02-29 04:05:06.789`, the same with `+00` behind it, and ` BC`; `infinity`. */
export function timestampUs(text: string): bigint {
  if (text === "infinity") return INFINITE_US;
  if (text === "-infinity") return -INFINITE_US - 1n;
  const [, date = "", time = "", era = ""] = /^(\S+) ([\d:.]+)(?:\+00)?( BC)?$/.exec(text) ?? [];
  return BigInt(dateDays(date + era)) * DAY_US + timeUs(time);
}

export interface IntervalParts {
  readonly us: bigint;
  readonly days: number;
  readonly months: number;
}

const INFINITE: IntervalParts = { us: INFINITE_US, days: INFINITE_DAYS, months: INFINITE_DAYS };
const MINUS_INFINITE: IntervalParts = {
  us: -INFINITE_US - 1n,
  days: -INFINITE_DAYS - 1,
  months: -INFINITE_DAYS - 1,
};

/** Of `1 year 2 mons -3 days +04:05:06.789`. */
export function intervalParts(text: string): IntervalParts {
  if (text === "infinity") return INFINITE;
  if (text === "-infinity") return MINUS_INFINITE;
  let [us, days, months] = [0n, 0, 0];
  for (const part of text.matchAll(/([+-]?\d+) (year|mon|day)s?|([+-]?)(\d+:\d\d:\d\d(?:\.\d+)?)/g)) {
    const [, count, unit, sign, time] = part;
    if (time !== undefined) us = sign === "-" ? -timeUs(time) : timeUs(time);
    else if (unit === "year") months += Number(count) * 12;
    else if (unit === "mon") months += Number(count);
    else days += Number(count);
  }
  return { us, days, months };
}

/** Days since 2000 of the proleptic Gregorian calendar; year 0 is 1 BC. After Hinnant's days_from_civil. */
function daysOf(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468 - EPOCH_DAYS;
}
