/**
 * What a text can be typed as without a change of its value: only ISO 8601 dates and times that can be read
 * in one way. Every format that holds values as text goes by these rules.
 */

/** As regular expressions that JavaScript and DuckDB read alike. */
export const ISO_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}";
export const ISO_OFFSET = "Z|[+-][0-9]{2}(?::?[0-9]{2})?";

const CLOCK = "(?:[01]\\d|2[0-3]):[0-5]\\d";
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const TIMESTAMP = new RegExp(`^(${ISO_DATE})[ T]${CLOCK}(?::[0-5]\\d(?:\\.(\\d{1,9}))?)?(${ISO_OFFSET})?$`);
const TIME = new RegExp(`^${CLOCK}:[0-5]\\d(?:\\.\\d{1,6})?$`);
const LEADING_ZERO = /^-?0\d/;
/** A double holds every decimal number of so many digits. */
export const DOUBLE_DIGITS = 15;
/** What is written for a double without loss has at most so many. */
export const DOUBLE_REPR_DIGITS = 17;

/** DuckDB's names of the types that texts are told apart by. */
export type TimeKind = "DATE" | "TIMESTAMP" | "TIMESTAMP_NS" | "TIMESTAMPTZ" | "TIME";

/** The type of a date or time; undefined where the text is none, or none that DuckDB holds exactly. */
export function timeKind(value: string): TimeKind | undefined {
  if (isDate(value)) return "DATE";
  if (TIME.test(value)) return "TIME";
  const [, date, fraction, zone] = TIMESTAMP.exec(value) ?? [];
  if (date === undefined || !isDate(date)) return undefined;
  const isNanos = fraction !== undefined && fraction.length > 6;
  if (zone !== undefined) return isNanos ? undefined : "TIMESTAMPTZ";
  return isNanos ? "TIMESTAMP_NS" : "TIMESTAMP";
}

/** The type that holds the values of both; undefined where only text does. */
export function commonTimeKind(a: TimeKind, b: TimeKind): TimeKind | undefined {
  if (a === b) return a;
  const isOf = (...kinds: TimeKind[]) => kinds.includes(a) && kinds.includes(b);
  if (isOf("DATE", "TIMESTAMP")) return "TIMESTAMP";
  return isOf("DATE", "TIMESTAMP", "TIMESTAMP_NS") ? "TIMESTAMP_NS" : undefined;
}

function isDate(value: string): boolean {
  const [, year, month, day] = DATE.exec(value) ?? [];
  // DuckDB writes the year 0 as 1 BC.
  if (year === undefined || month === undefined || day === undefined || year === "0000") return false;
  const date = new Date(Date.UTC(2000, 0, 1));
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
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
