import { OID, type TargetType, type WriteType } from "./types.ts";

/**
 * A condition that is true for a value (the SQL of a staged column, `sent` its type) that PostgreSQL's
 * cast to the table's type would round, cut or read in another way. Where the types can be compared,
 * the value is cast forth and back. Text has no one form to come back to: it is compared as the same
 * kind of value with nothing left out.
 */
export function isChangedByCast(
  source: WriteType,
  sent: string,
  target: TargetType,
  value: string,
  targetSql: string,
): string {
  const there = `(${value}::${targetSql})`;
  switch (source.family) {
    case "text":
    case "json":
      return changedText(value, there, target);
    case "nested":
      return isLost(there, value);
    case "float8":
      // 0.1 is another number as a real, but it is written the same.
      if (target.oid === OID.float4) return `${there}::text::float8 IS DISTINCT FROM ${value}`;
  }
  return `${there}::${sent} IS DISTINCT FROM ${value}`;
}

/** Words that PostgreSQL reads as a time of its own. */
const SPECIAL_TIMES = `'^\\s*(now|today|tomorrow|yesterday|epoch|allballs)'`;
const MORE_THAN_MICROSECONDS = `'\\.\\d{6}0*[1-9]'`;
const TIME_ALONE = `'^\\s*\\d{1,2}:\\d{2}(:\\d{2}(\\.\\d+)?)?\\s*$'`;

function changedText(value: string, there: string, target: TargetType): string {
  const differs = (one: string, other: string) => `${one} IS DISTINCT FROM ${other}`;
  const isNotTime = `(${value} ~* ${SPECIAL_TIMES} OR ${value} ~ ${MORE_THAN_MICROSECONDS})`;
  const isNumber = `${value} ~ '\\d'`;
  switch (target.oid) {
    case OID.numeric:
      return differs(there, `${value}::numeric`);
    case OID.float4:
    case OID.float8:
      return `${isNumber} AND ${differs(`${there}::text::numeric`, `${value}::numeric`)}`;
    case OID.money:
      return differs(`${there}::numeric`, `${value}::numeric`);
    case OID.bit:
    case OID.varbit:
      return differs(`${there}::text`, `btrim(${value})`);
    case OID.char:
      return differs(`${there}::text`, value);
    case OID.date:
      return `${isNotTime} OR ${differs(`${there}::timestamp`, `${value}::timestamp`)}`;
    case OID.time:
      return `${isNotTime} OR ${value} !~ ${TIME_ALONE} OR ${differs(there, `${value}::time`)}`;
    case OID.timetz:
      return `${isNotTime} OR ${differs(there, `${value}::timetz`)}`;
    case OID.timestamp:
      // A zone in the text would be left out without a word.
      return `${isNotTime} OR ${differs(there, `(${value}::timestamptz AT TIME ZONE 'UTC')`)}`;
    case OID.timestamptz:
      return `${isNotTime} OR ${differs(there, `${value}::timestamptz`)}`;
    case OID.interval:
      return `${value} ~ ${MORE_THAN_MICROSECONDS} OR ${differs(there, `${value}::interval`)}`;
    default:
      return isLost(there, value);
  }
}

/** IS NULL would also be true for a composite value of NULLs. */
const isLost = (there: string, value: string): string =>
  `${there} IS NOT DISTINCT FROM NULL AND ${value} IS DISTINCT FROM NULL`;
