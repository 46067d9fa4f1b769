/**
 * How a text has to be written to stand for a value of another type in a column that is there, the same
 * in every destination. What another program would read in another way, or what says more than the
 * value keeps (a zero in front, a plus, blanks, a month in words), is no such text: it may be a code,
 * a phone number, a date of another country. The patterns match a whole text; they are written
 * for JavaScript, PostgreSQL and RE2 alike, and letters are to be compared without their case.
 */

const WHOLE = "-?(0|[1-9][0-9]*)";
const DECIMAL = `(${WHOLE}(\\.[0-9]*)?|-?\\.[0-9]+)`;
const DAY = "[+-]?[0-9]{4,7}-[0-9]{2}-[0-9]{2}";
const ERA = "( BC| \\(BC\\))?";
const ZONE = "(Z|[+-][0-9]{2}(:?[0-9]{2}(:?[0-9]{2})?)?)";

/** `digits` of a second; more may follow where they are zeros. */
function clock(digits: number): string {
  return `[0-9]{2}:[0-9]{2}(:[0-5][0-9](\\.[0-9]{0,${digits}}0*)?)?`;
}

/** A whole number; a fraction of zeros may follow. */
export const INTEGER_TEXT = `${WHOLE}(\\.0*)?`;

/** A decimal of at most `scale` digits behind the point. */
export const decimalText = (scale: number): string =>
  `(${WHOLE}(\\.[0-9]{0,${scale}}0*)?|-?\\.[0-9]{0,${scale}}0*)`;

/** A decimal of any scale, also as 1.5e3. */
export const NUMBER_TEXT = `${DECIMAL}(e[+-]?[0-9]+)?`;
export const FLOAT_TEXT = `(${NUMBER_TEXT}|-?inf(inity)?|nan)`;

export const BOOLEAN_TEXT = "(true|false|t|f)";
export const DATE_TEXT = `(${DAY}${ERA}|-?infinity)`;
export const timeText = (digits: number): string => `${clock(digits)}`;
export const timeWithZoneText = (digits: number): string => `${clock(digits)}${ZONE}`;

/** A day alone is its first moment. */
export const timestampText = (digits: number): string => `(${DAY}([T ]${clock(digits)})?${ERA}|-?infinity)`;

/** Without a zone the moment would depend on who reads it. */
export const timestampWithZoneText = (digits: number): string =>
  `(${DAY}[T ]${clock(digits)} ?${ZONE}${ERA}|-?infinity)`;

const COUNT = "[+-]?[0-9]+ (year|mon|month|week|day|hour|hr|min|minute)s?";
const SECONDS = "[+-]?[0-9]+(\\.[0-9]*)? (sec|second)s?";
const CLOCK = "[+-]?[0-9]+:[0-9]{2}:[0-5][0-9](\\.[0-9]*)?";
const PART = `(${COUNT}|${SECONDS}|${CLOCK})`;
const ISO = "-?P([+-]?[0-9]+[YMWD])*(T([+-]?[0-9]+[HM])*([+-]?[0-9]+(\\.[0-9]*)?S)?)?";

/** ISO 8601, or numbers with their units. A fraction only of seconds: those of a month have no one length. */
export const INTERVAL_TEXT = `(${PART}( ${PART})*|${ISO})`;
