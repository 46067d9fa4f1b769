import { quoteLiteral } from "../../../contract/sql.ts";
import {
  BOOLEAN_TEXT,
  DATE_TEXT,
  FLOAT_TEXT,
  INTEGER_TEXT,
  INTERVAL_TEXT,
  NUMBER_TEXT,
  timestampText,
  timestampWithZoneText,
  timeText,
  timeWithZoneText,
} from "../../destination/text_forms.ts";
import { MICROSECOND_DIGITS, OID, type TargetType, type WriteType } from "./types.ts";

/**
 * The staged value (`value` its SQL) in the table's type. A floating-point number becomes the decimal that it
 * is written as: PostgreSQL's own cast keeps 6 or 15 of its digits.
 */
export function castTo(source: WriteType, target: TargetType, value: string, targetSql: string): string {
  const isFloating = source.family === "float4" || source.family === "float8";
  // As a text, money is read as the server's lc_monetary has it, which may take the point for nothing.
  if (source.family === "text" && target.oid === OID.money) return `${value}::numeric::${targetSql}`;
  return isFloating && target.oid === OID.numeric ? `${value}::text::${targetSql}` : `${value}::${targetSql}`;
}

/**
 * A condition that is true for a value (the SQL of a staged column, `sent` its type) that the cast to the
 * table's type would round, cut or read in another way. Where the types can be compared,
 * the value is cast forth and back. Text has to be written as text_forms.ts says, or, for types that it
 * does not know, as PostgreSQL itself writes the value.
 */
export function isChangedByCast(
  source: WriteType,
  sent: string,
  target: TargetType,
  value: string,
  targetSql: string,
): string {
  const there = `(${castTo(source, target, value, targetSql)})`;
  if (source.family === "text") return changedText(value, there, target);
  // A cast to varchar(n) cuts, and a letter is no number.
  if (target.isText || target.oid === OID.char || TEXT_ELEMENTS.has(target.elementOid)) {
    return differs(`${there}::text`, `${value}::text`);
  }
  switch (source.family) {
    case "json":
    case "nested":
      return isLost(there, value);
    case "float4":
    case "float8":
      if (target.oid === OID.numeric) return differs(there, `${value}::text::numeric`);
      // 0.1 is another number as a real, but it is written the same.
      if (target.oid === OID.float4) return differs(`${there}::text::float8`, value);
  }
  return differs(`${there}::${sent}`, value);
}

/** varchar(n), char(n) and name as elements of arrays. */
const TEXT_ELEMENTS: ReadonlySet<number> = new Set([OID.varchar, OID.bpchar, OID.name]);

function changedText(value: string, there: string, target: TargetType): string {
  const isNot = (pattern: string) => `${value} !~* ${quoteLiteral(`^(${pattern})$`)}`;
  const form = formOf(target.oid);
  const isOther = form === undefined ? "" : `${isNot(form)} OR `;
  switch (target.oid) {
    case OID.int2:
    case OID.int4:
    case OID.int8:
    case OID.bool:
      return isNot(form ?? "");
    case OID.numeric:
      return isOther + differs(there, `${value}::numeric`);
    case OID.float4:
    case OID.float8:
      return `${isOther}${value} ~ '\\d' AND ${differs(`${there}::text::numeric`, `${value}::numeric`)}`;
    case OID.money:
      return isOther + differs(`${there}::numeric`, `${value}::numeric`);
    case OID.bit:
    case OID.oid:
    case OID.varbit:
      return differs(`${there}::text`, value);
    case OID.bytea:
      // In its other form a backslash begins something else.
      return isNot("\\\\x([0-9a-f]{2})*");
    case OID.uuid:
      return "false";
    case OID.date:
      return isOther + differs(`${there}::timestamp`, `${value}::timestamp`);
    case OID.time:
      return isOther + differs(there, `${value}::time`);
    case OID.timetz:
      return isOther + differs(there, `${value}::timetz`);
    case OID.timestamp:
      return isOther + differs(there, `${value}::timestamp`);
    case OID.timestamptz:
      return isOther + differs(there, `${value}::timestamptz`);
    case OID.interval:
      return `${isOther}${value} ~ '\\.\\d{6}0*[1-9]' OR ${
        differs(`${there}::text`, `${value}::interval::text`)
      }`;
    default:
      return target.isText || target.oid === OID.char
        ? differs(`${there}::text`, value)
        : isWrittenOtherwise(value, there);
  }
}

/** How a text stands for a value of a built-in type. */
function formOf(oid: number): string | undefined {
  switch (oid) {
    case OID.int2:
    case OID.int4:
    case OID.int8:
      return INTEGER_TEXT;
    case OID.bool:
      return BOOLEAN_TEXT;
    case OID.money:
      return NUMBER_TEXT;
    case OID.numeric:
    case OID.float4:
    case OID.float8:
      return FLOAT_TEXT;
    case OID.date:
      return DATE_TEXT;
    case OID.time:
      return timeText(MICROSECOND_DIGITS);
    case OID.timetz:
      return timeWithZoneText(MICROSECOND_DIGITS);
    case OID.timestamp:
      return timestampText(MICROSECOND_DIGITS);
    case OID.timestamptz:
      return timestampWithZoneText(MICROSECOND_DIGITS);
    case OID.interval:
      return INTERVAL_TEXT;
  }
}

const differs = (one: string, other: string): string => `${one} IS DISTINCT FROM ${other}`;

/** IS NULL would also be true for a composite value of NULLs. */
const isLost = (there: string, value: string): string =>
  `${there} IS NOT DISTINCT FROM NULL AND ${value} IS DISTINCT FROM NULL`;

/**
 * Whether the value's own text has more in it than blanks and case to tell it from the given one, as after
 * bounds that moved or members that went. A cast to text may add something, as inet's does.
 */
function isWrittenOtherwise(value: string, there: string): string {
  const bare = (text: string) => `lower(translate(${text}, E' \\t\\n\\r', ''))`;
  const shown = (text: string) => differs(bare(text), bare(value));
  return `${isLost(there, value)} OR ${value} IS DISTINCT FROM NULL AND ${shown(`format('%s', ${there})`)} ` +
    `AND ${shown(`${there}::text`)}`;
}
