/**
 * A condition that is true for a staged value (`value` its SQL, of type `sent`) that DuckDB's cast to
 * the table's type would round, cut or read in another way. Where the types can be compared, the value
 * is cast forth and back. Text has to be written as the type writes its values, with nothing more.
 */
export function isChangedByCast(value: string, sent: string, target: string): string {
  const there = `CAST(${value} AS ${target})`;
  if (sent === "VARCHAR") return changedText(value, there, target);
  if (sent === "JSON") return `CAST(${there} AS VARCHAR) IS DISTINCT FROM CAST(${value} AS VARCHAR)`;
  // 0.1 is another number as a FLOAT, but it is written the same.
  const back = sent === "DOUBLE" && target === "FLOAT" ? `CAST(${there} AS VARCHAR)` : there;
  return `CAST(${back} AS ${sent}) IS DISTINCT FROM ${value}`;
}

const INTEGER = /^U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?$/;
const DECIMAL = /^DECIMAL\(\d+,(\d+)\)$/;
/** Digits of a second that each type keeps. */
const TIMESTAMP_DIGITS: Readonly<Record<string, number>> = {
  "TIMESTAMP_S": 0,
  "TIMESTAMP_MS": 3,
  "TIMESTAMP": 6,
  "TIMESTAMP_NS": 9,
  "TIMESTAMP WITH TIME ZONE": 6,
};
/** A double holds a number of so many digits exactly, a float one of so many. */
const FLOATING_DIGITS: Readonly<Record<string, number>> = { "DOUBLE": 15, "FLOAT": 6 };

function changedText(value: string, there: string, target: string): string {
  const isNot = (pattern: string) => `NOT regexp_full_match(trim(${value}), '${pattern}')`;
  const [, scale] = DECIMAL.exec(target) ?? [];
  const digits = TIMESTAMP_DIGITS[target];
  const seconds = (count: number) => `(:\\d{2}(\\.\\d{0,${count}}0*)?)?`;
  if (target === "VARCHAR" || target === "JSON" || target === "UUID") return "false";
  if (INTEGER.test(target)) return isNot("[+-]?\\d+(\\.0*)?");
  if (scale !== undefined) return isNot(`[+-]?\\d*(\\.\\d{0,${scale}}0*)?`);
  if (target in FLOATING_DIGITS) return changedNumber(value, FLOATING_DIGITS[target] ?? 0);
  if (target === "BOOLEAN") return `lower(trim(${value})) NOT IN ('true', 'false')`;
  if (target === "DATE") return isNot("-?\\d{4,6}-\\d{2}-\\d{2}|-?infinity");
  if (target === "TIME") return isNot(`\\d{2}:\\d{2}${seconds(6)}`);
  if (digits !== undefined) {
    const zone = target.endsWith("ZONE") ? "(Z|[+-]\\d{2}(:?\\d{2})?)" : "";
    return isNot(`-?\\d{4,6}-\\d{2}-\\d{2}[T ]\\d{2}:\\d{2}${seconds(digits)}${zone}|-?infinity`);
  }
  return `CAST(${there} AS VARCHAR) IS DISTINCT FROM ${value}`;
}

function changedNumber(value: string, digits: number): string {
  const number = "[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?|[+-]?(inf|infinity)|nan";
  const significant =
    `trim(regexp_replace(regexp_replace(lower(${value}), 'e.*$', ''), '[^0-9]', '', 'g'), '0')`;
  return `NOT regexp_full_match(lower(trim(${value})), '${number}') OR length(${significant}) > ${digits}`;
}
