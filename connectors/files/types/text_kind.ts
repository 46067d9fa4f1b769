/**
 * What a text can be typed as without a change of its value: only ISO 8601 dates and times that can be read
 * in one way. Every format that holds values as text goes by these rules.
 */

/** As regular expressions that JavaScript and DuckDB read alike. */
export const ISO_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}";
export const ISO_OFFSET = "Z|[+-][0-9]{2}(?::?[0-9]{2})?";

const LEADING_ZERO = /^-?0\d/;
/** A double holds every decimal number of so many digits. */
export const DOUBLE_DIGITS = 15;
/** What is written for a double without loss has at most so many. */
export const DOUBLE_REPR_DIGITS = 17;

/** DuckDB's names of the types that texts are told apart by. */
export type TimeKind = "DATE" | "TIMESTAMP" | "TIMESTAMP_NS" | "TIMESTAMPTZ" | "TIME";

/** The shortest is a time of day with its seconds. */
const MIN_TIME_LENGTH = 8;
/** The longest is a timestamp with nine digits of a second and an offset. */
export const MAX_TIME_LENGTH = 35;

/**
 * The type of a date or time; undefined where the text is none, or none that DuckDB holds exactly. Who asks for many
 * gives `bytes`, of MAX_TIME_LENGTH, to be written to: new ones take longer than the rest.
 */
export function timeKind(value: string, bytes = new Uint8Array(MAX_TIME_LENGTH)): TimeKind | undefined {
  const { length } = value;
  if (length < MIN_TIME_LENGTH || length > MAX_TIME_LENGTH) return undefined;
  if (value.charCodeAt(2) !== COLON && value.charCodeAt(4) !== DASH) return undefined;
  for (let i = 0; i < length; i++) bytes[i] = Math.min(value.charCodeAt(i), 0x7f);
  return timeKindOf(bytes, 0, length);
}

/** The same of text that is still bytes of ASCII, from `start` to before `end`. */
export function timeKindOf(bytes: Uint8Array, start: number, end: number): TimeKind | undefined {
  const length = end - start;
  if (length < MIN_TIME_LENGTH || length > MAX_TIME_LENGTH) return undefined;
  if (bytes[start + 2] === COLON) return isTime(bytes, start, end) ? "TIME" : undefined;
  if (length < 10 || !isDate(bytes, start)) return undefined;
  if (length === 10) return "DATE";
  const between = bytes[start + 10];
  if (between !== SPACE && between !== LETTER_T || !isHour(bytes, start + 11)) return undefined;
  const seconds = start + 16;
  if (seconds > end) return undefined;
  const fraction = bytes[seconds] === COLON && seconds < end ? seconds + 3 : seconds;
  if (fraction > end || fraction > seconds && !isBelow60(bytes, seconds + 1)) return undefined;
  const zone = fraction > seconds ? endOfFraction(bytes, fraction, end) : fraction;
  const digits = zone - fraction - 1;
  if (digits === 0 || digits > 9) return undefined;
  if (zone === end) return digits > 6 ? "TIMESTAMP_NS" : "TIMESTAMP";
  return digits > 6 || !isOffset(bytes, zone, end) ? undefined : "TIMESTAMPTZ";
}

const [ZERO, NINE, COLON, DASH, POINT, SPACE, LETTER_T, LETTER_Z, PLUS] = [
  0x30,
  0x39,
  0x3a,
  0x2d,
  0x2e,
  0x20,
  0x54,
  0x5a,
  0x2b,
];

/** The number of two digits; NaN where there are none. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const [tens = 0, ones = 0] = [bytes[at], bytes[at + 1]];
  if (tens < ZERO || tens > NINE || ones < ZERO || ones > NINE) return NaN;
  return (tens - ZERO) * 10 + ones - ZERO;
}

const isBelow60 = (bytes: Uint8Array, at: number): boolean => twoDigits(bytes, at) < 60;

/** Whether hours and minutes stand there. */
function isHour(bytes: Uint8Array, at: number): boolean {
  return twoDigits(bytes, at) < 24 && bytes[at + 2] === COLON && isBelow60(bytes, at + 3);
}

function isTime(bytes: Uint8Array, start: number, end: number): boolean {
  if (!isHour(bytes, start) || bytes[start + 5] !== COLON || !isBelow60(bytes, start + 6)) return false;
  const last = endOfFraction(bytes, start + 8, end);
  return last === end && last !== start + 9 && last <= start + 15;
}

function isDate(bytes: Uint8Array, at: number): boolean {
  const year = twoDigits(bytes, at) * 100 + twoDigits(bytes, at + 2);
  const [month, day] = [twoDigits(bytes, at + 5), twoDigits(bytes, at + 8)];
  if (bytes[at + 4] !== DASH || bytes[at + 7] !== DASH) return false;
  // DuckDB writes the year 0 as 1 BC.
  if (!(year > 0 && month > 0 && month <= 12 && day > 0)) return false;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 2 ? isLeap ? 29 : 28 : [4, 6, 9, 11].includes(month) ? 30 : 31);
}

/** Behind a point and its digits; `at` where there is no point. */
function endOfFraction(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || bytes[at] !== POINT) return at;
  let last = at + 1;
  while (last < end && (bytes[last] ?? 0) >= ZERO && (bytes[last] ?? 0) <= NINE) last++;
  return last;
}

function isOffset(bytes: Uint8Array, at: number, end: number): boolean {
  if (bytes[at] === LETTER_Z) return at + 1 === end;
  if (bytes[at] !== PLUS && bytes[at] !== DASH || !(twoDigits(bytes, at + 1) < 24)) return false;
  if (at + 3 === end) return true;
  const minutes = bytes[at + 3] === COLON ? at + 4 : at + 3;
  return minutes + 2 === end && isBelow60(bytes, minutes);
}

/** Whether the date that begins there is of a year that nanoseconds since 1970 do not reach in 64 bits. */
export function isFarDate(bytes: Uint8Array, start: number): boolean {
  const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2);
  return year < 1678 || year > 2261;
}

/** The type that holds the values of both; undefined where only text does. */
export function commonTimeKind(a: TimeKind, b: TimeKind): TimeKind | undefined {
  if (a === b) return a;
  const isOf = (...kinds: TimeKind[]) => kinds.includes(a) && kinds.includes(b);
  if (isOf("DATE", "TIMESTAMP")) return "TIMESTAMP";
  return isOf("DATE", "TIMESTAMP", "TIMESTAMP_NS") ? "TIMESTAMP_NS" : undefined;
}

/**
 * Whether a double keeps all that the number says: written with as many digits, it is the same again.
 * `number` has a point as its decimal separator.
 */
export function isExactDouble(number: string): boolean {
  const value = Number(number);
  if (LEADING_ZERO.test(number) || !Number.isFinite(value)) return false;
  const digits = significantDigits(number);
  if (digits === "") return true;
  if (value === 0 || digits.length > DOUBLE_REPR_DIGITS) return false;
  if (digits.length <= DOUBLE_DIGITS && Math.abs(value) >= MIN_NORMAL) return true;
  return significantDigits(value.toPrecision(digits.length)) === digits;
}

/** Doubles below it have fewer digits. */
const MIN_NORMAL = 2.2250738585072014e-308;

function significantDigits(number: string): string {
  return number.replace(/[eE].*$/, "").replace(/[-+.]/g, "").replace(/^0+|0+$/g, "");
}
