import {
  BOOLEAN_TEXT,
  DATE_TEXT,
  decimalText,
  FLOAT_TEXT,
  INTEGER_TEXT,
  timestampText,
  timestampWithZoneText,
  timeText,
} from "../../destination/text_forms.ts";

/**
 * The staged value (`value` its SQL, of type `sent`) in the table's type. A floating-point number becomes
 * the decimal that it is written as: DuckDB's own cast multiplies, and makes 3.0000001024 of 3.
 */
export function castTo(value: string, sent: string, target: string): string {
  const text = isFloating(sent) && DECIMAL.test(target) ? `CAST(${value} AS VARCHAR)` : value;
  return `CAST(${text} AS ${target})`;
}

/**
 * A condition that is true for a staged value that the cast to the table's type would round, cut or read
 * in another way. Where the types can be compared, the value is cast forth and back. Text has to be
 * written as text_forms.ts says.
 */
export function isChangedByCast(value: string, sent: string, target: string): string {
  const there = castTo(value, sent, target);
  if (sent === "VARCHAR") return changedText(value, there, target);
  if (sent === "JSON") return `CAST(${there} AS VARCHAR) IS DISTINCT FROM CAST(${value} AS VARCHAR)`;
  // The bytes of another value are none of a user's, and within lists and structs nothing helps against DuckDB's own cast.
  if (
    target === "BIT" || target === "BLOB" ||
    /FLOAT|DOUBLE/.test(sent) && !isFloating(sent) && target.includes("DECIMAL")
  ) {
    return `${value} IS NOT NULL`;
  }
  // 0.1 is another number as a FLOAT, but it is written the same.
  const back = sent === "DOUBLE" && target === "FLOAT" ? `CAST(${there} AS VARCHAR)` : there;
  const changed = `CAST(${back} AS ${sent}) IS DISTINCT FROM ${value}`;
  // NaN is no JSON, and DuckDB writes it as such.
  return target === "JSON" ? `${changed} OR NOT json_valid(CAST(${there} AS VARCHAR))` : changed;
}

const isFloating = (type: string): boolean => type === "DOUBLE" || type === "FLOAT";

const INTEGER = /^U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?$/;
const DECIMAL = /^DECIMAL\(\d+,(\d+)\)$/;
/** Digits of a second that each type keeps. */
const TIMESTAMP_DIGITS: Readonly<Record<string, number>> = {
  "TIMESTAMP_S": 0,
  "TIMESTAMP_MS": 3,
  "TIMESTAMP": 6,
  "TIMESTAMP_NS": 9,
};
const TIME_DIGITS: Readonly<Record<string, number>> = { "TIME": 6, "TIME_NS": 9 };

function changedText(value: string, there: string, target: string): string {
  const isNot = (pattern: string) => `NOT regexp_full_match(${value}, '(?i:${pattern})')`;
  const [, scale] = DECIMAL.exec(target) ?? [];
  const [digits, timeDigits] = [TIMESTAMP_DIGITS[target], TIME_DIGITS[target]];
  if (target === "VARCHAR" || target === "JSON" || target === "UUID") return "false";
  if (INTEGER.test(target)) return isNot(INTEGER_TEXT);
  if (scale !== undefined) return isNot(decimalText(Number(scale)));
  if (target === "DOUBLE" || target === "FLOAT") {
    return `${isNot(FLOAT_TEXT)} OR ${changedNumber(value, there)}`;
  }
  if (target === "BOOLEAN") return isNot(BOOLEAN_TEXT);
  if (target === "DATE") return isNot(DATE_TEXT);
  if (timeDigits !== undefined) return isNot(timeText(timeDigits));
  if (digits !== undefined) return isNot(timestampText(digits));
  if (target === "TIMESTAMP WITH TIME ZONE") return isNot(timestampWithZoneText(6));
  if (target === "BLOB") return "true";
  return `CAST(${there} AS VARCHAR) IS DISTINCT FROM ${value}`;
}

/**
 * Whether the number that is stored is written with other digits: both without their zeros at the ends,
 * their points and signs. What is too small or too large has none of them left, or is infinite.
 */
function changedNumber(value: string, there: string): string {
  const digits = (text: string) =>
    `trim(replace(replace(regexp_replace(lower(${text}), 'e.*$', ''), '.', ''), '-', ''), '0')`;
  return `regexp_matches(${value}, '[0-9]') AND (isinf(${there}) OR ` +
    `${digits(value)} IS DISTINCT FROM ${digits(`CAST(${there} AS VARCHAR)`)})`;
}
