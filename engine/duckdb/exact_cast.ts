/**
 * Casts between the types of DuckDB's tables that change no value: rule 6 for rows that are in DuckDB
 * already. Text that comes from outside has its own rules where it is read: connectors/files/types/.
 */

const FLOATING = /^(?:FLOAT|DOUBLE)$/;
export const NESTED_TYPE = /(?:\]|^(?:STRUCT|MAP|UNION)\(.*\))$/;

/** `value` (SQL of the type `from`) as `to`. Nested values become JSON, as DuckDB's own text of them is no format. */
export function castTo(value: string, from: string, to: string, cast: "CAST" | "TRY_CAST" = "CAST"): string {
  if (to === "VARCHAR" && NESTED_TYPE.test(from)) return `CAST(to_json(${value}) AS VARCHAR)`;
  return `${cast}(${value} AS ${to})`;
}

/** A condition in SQL: the value is not NULL, and not the same any more when it comes back from `to`. */
export function isChangedByCast(value: string, from: string, to: string): string {
  if (from === to) return "false";
  const there = castTo(value, from, to, "TRY_CAST");
  const back = to === "VARCHAR" && NESTED_TYPE.test(from)
    ? `TRY_CAST(CAST(${there} AS JSON) AS ${from})`
    : `TRY_CAST(${there} AS ${from})`;
  // -0.0 equals 0.0, and only its text tells them apart.
  const isSame = FLOATING.test(from)
    ? `CAST(${back} AS VARCHAR) IS NOT DISTINCT FROM CAST(${value} AS VARCHAR)`
    : `${back} IS NOT DISTINCT FROM ${value}`;
  // DuckDB multiplies, and makes 3.0000001024 of the FLOAT 3, which comes back as 3.
  const isRight = FLOATING.test(from) && to.startsWith("DECIMAL")
    ? ` AND ${there} IS NOT DISTINCT FROM TRY_CAST(CAST(${value} AS VARCHAR) AS ${to})`
    : "";
  return `(${value} IS NOT NULL AND NOT (${isSame}${isRight}))`;
}
