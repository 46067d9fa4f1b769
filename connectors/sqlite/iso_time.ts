/**
 * ISO 8601 texts of dates and times, and their counts since 1970, over the whole range of 64-bit
 * microseconds. Years outside of 0000–9999 have a sign and six digits or more, as ISO 8601 extends them.
 */

const MICROS_A_SECOND = 1_000_000n;
const MICROS_A_DAY = 86_400n * MICROS_A_SECOND;
const INFINITY = "infinity";
export const MAX_INT64 = 9_223_372_036_854_775_807n;
const MAX_INT32 = 2_147_483_647;

const DATE = /^([+-]?\d{4,7})-(\d\d)-(\d\d)$/;
const TIME = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?$/;
const TIMESTAMP =
  /^([+-]?\d{4,7}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;
const DAYS_IN_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Days since 1970-01-01; undefined where the text is no date. */
export function parseDate(text: string): number | undefined {
  if (text.length === 10) {
    const days = quickDays(text);
    if (days !== undefined) return days;
  }
  if (text === INFINITY) return MAX_INT32;
  if (text === `-${INFINITY}`) return -MAX_INT32;
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined) return undefined;
  return checkedDays(Number(year), Number(month), Number(day));
}

function checkedDays(y: number, m: number, d: number): number | undefined {
  if (m < 1 || m > 12 || d < 1 || d > (DAYS_IN_MONTH[m - 1] ?? 0)) return undefined;
  if (m === 2 && d === 29 && !(y % 4 === 0 && (y % 100 !== 0 || y % 400 === 0))) return undefined;
  return daysOf(y, m, d);
}

/** Days since 1970-01-01 of a date in the proleptic Gregorian calendar. */
function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** `2024-01-31`, of days since 1970-01-01. */
export function formatDate(days: number): string {
  if (days === MAX_INT32) return INFINITY;
  if (days === -MAX_INT32) return `-${INFINITY}`;
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${formatYear(year)}-${two(month)}-${two(day)}`;
}

function formatYear(year: number): string {
  if (year >= 0 && year <= 9_999) return String(year).padStart(4, "0");
  return `${year < 0 ? "-" : "+"}${String(Math.abs(year)).padStart(6, "0")}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/** Microseconds since midnight. */
export function parseTime(text: string): bigint | undefined {
  const [, hour, minute, second = "0", fraction = ""] = TIME.exec(text) ?? [];
  if (hour === undefined) return undefined;
  const [h, m, s] = [Number(hour), Number(minute), Number(second)];
  const isLast = h === 24 && m === 0 && s === 0 && Number(fraction) === 0;
  if ((h > 23 && !isLast) || m > 59 || s > 59) return undefined;
  return BigInt((h * 60 + m) * 60 + s) * MICROS_A_SECOND + BigInt(fraction.padEnd(6, "0"));
}

/** `10:15:00` or `10:15:00.500000`, of microseconds since midnight. */
export function formatTime(micros: bigint): string {
  const seconds = Number(micros / MICROS_A_SECOND);
  const fraction = Number(micros % MICROS_A_SECOND);
  const text = `${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}:${
    two(seconds % 60)
  }`;
  return fraction === 0 ? text : `${text}.${String(fraction).padStart(6, "0")}`;
}

export interface ParsedTimestamp {
  /** Microseconds since 1970, in UTC where there is a zone. */
  readonly micros: bigint;
  readonly hasZone: boolean;
}

/** `2024-01-31T10:00:00Z`, `2024-01-31 10:00`, `2024-01-31`; undefined for anything else. */
export function parseTimestamp(text: string): ParsedTimestamp | undefined {
  if (text === INFINITY) return { micros: MAX_INT64, hasZone: true };
  if (text === `-${INFINITY}`) return { micros: -MAX_INT64, hasZone: true };
  const [, date, time = "00:00", zone] = TIMESTAMP.exec(text) ?? [];
  const days = date === undefined ? undefined : parseDate(date);
  const micros = parseTime(time);
  if (days === undefined || micros === undefined) return undefined;
  const local = BigInt(days) * MICROS_A_DAY + micros;
  if (zone === undefined) return { micros: local, hasZone: false };
  const [, sign, hours = "0", minutes = "0"] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  const offset = BigInt(Number(hours) * 60 + Number(minutes)) * 60n * MICROS_A_SECOND;
  return { micros: sign === "-" ? local + offset : local - offset, hasZone: true };
}

const DASH = 45;
const COLON = 58;
const ZERO = 48;

/** The number that the digits from `start` to `end` write; negative where one is no digit. */
function digitsAt(text: string, start: number, end: number): number {
  let number = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** The number of two digits; negative where one is no digit. */
function twoDigitsAt(text: string, start: number): number {
  const tens = text.charCodeAt(start) - ZERO;
  const ones = text.charCodeAt(start + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

/** Days before the first of each month, in a year that is no leap year. */
const DAYS_BEFORE_MONTH = Int32Array.of(0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334);
/** From the first day of the year 0. */
const DAYS_BEFORE_1970 = 719_528;

/** Of a text that begins with `2024-01-31`; undefined where a slower look is needed. */
function quickDays(text: string): number | undefined {
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return undefined;
  const century = twoDigitsAt(text, 0);
  const ofCentury = twoDigitsAt(text, 2);
  if (century < 0 || ofCentury < 0) return undefined;
  const year = century * 100 + ofCentury;
  const month = twoDigitsAt(text, 5);
  const day = twoDigitsAt(text, 8);
  if (century === 0 || month < 1 || month > 12 || day < 1 || day > 28) return checkedDays(year, month, day);
  // The leap day of this year counts from March on.
  const before = month > 2 ? year : year - 1;
  const leapDays = (before >> 2) - ((before / 100) | 0) + ((before / 400) | 0) + 1;
  return year * 365 + leapDays + (DAYS_BEFORE_MONTH[month - 1] ?? 0) + day - 1 - DAYS_BEFORE_1970;
}

/**
 * Microseconds since 1970 of the most frequent forms, `2024-01-31T10:00:00.5` with a space or a T and, for
 * `hasZone`, a Z at its end. Undefined for every other text and for years after 2254, which
 * parseTimestamp() looks at: reading a column is several times faster so.
 */
export function quickMicros(text: string, hasZone: boolean): number | undefined {
  const end = hasZone ? text.length - 1 : text.length;
  if (end < 19 || end > 26 || end === 20) return undefined;
  if (hasZone && text.charCodeAt(end) !== 90) return undefined;
  const separator = text.charCodeAt(10);
  if (separator !== 32 && separator !== 84) return undefined;
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return undefined;
  if (end > 19 && text.charCodeAt(19) !== 46) return undefined;
  const days = quickDays(text);
  const hour = twoDigitsAt(text, 11);
  const minute = twoDigitsAt(text, 14);
  const second = twoDigitsAt(text, 17);
  const fraction = end > 19 ? digitsAt(text, 20, end) * 10 ** (26 - end) : 0;
  if (days === undefined || hour < 0 || minute < 0 || second < 0 || fraction < 0) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const micros = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + fraction;
  return Number.isSafeInteger(micros) ? micros : undefined;
}

/** `2024-01-31 10:00:00.5` with six digits of a fraction, or none. */
export function formatTimestamp(micros: bigint): string {
  if (micros === MAX_INT64) return INFINITY;
  if (micros === -MAX_INT64) return `-${INFINITY}`;
  const rest = ((micros % MICROS_A_DAY) + MICROS_A_DAY) % MICROS_A_DAY;
  return `${formatDate(Number((micros - rest) / MICROS_A_DAY))} ${formatTime(rest)}`;
}
