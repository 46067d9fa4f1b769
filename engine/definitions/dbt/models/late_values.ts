import { MARKS } from "../context/rendering.ts";

/** Values that a model asks for when it runs: the run's own time, and those of queries that dbt runs while it compiles. */

const [TIME, TIME_END] = MARKS.runStart;
const [QUERY, QUERY_END] = MARKS.query;
const LATE = new RegExp(`${TIME}([^${TIME_END}]*)${TIME_END}|${QUERY}([^${QUERY}${QUERY_END}]*)${QUERY_END}`);

/** A text of SQL with expressions in the place of their marks, inside of literals and outside of them. */
export function withLateValues(text: string): string {
  let sql = withoutVariablesAround(text);
  // A query may have another one's value in it.
  while (LATE.test(sql)) {
    sql = sql.split(/('(?:[^'\uE040\uE041]|''|\uE040[^\uE041]*\uE041)*'|--[^\n]*|\/\*[\s\S]*?\*\/)/).map((
      part,
    ) => part.startsWith("'") ? inLiteral(part) : part.replace(new RegExp(LATE, "g"), outside)).join("");
  }
  return sql;
}

const outside = (_: string, format: string | undefined, query: string | undefined): string => {
  if (query !== undefined) return query;
  // A number that somebody computes with.
  const isNumber = /^(?:%[YmdHMSj])+$/.test(format ?? "");
  return isNumber ? `${timeText(format)}::BIGINT` : timeText(format);
};

function timeText(format = ""): string {
  if (format === "") return "getvariable('run_start')";
  return `strftime(getvariable('run_start'), '${format.replaceAll("'", "''")}')`;
}

function inLiteral(literal: string): string {
  // Of each mark the format and the query come along, one of which is undefined.
  const pieces = literal.slice(1, -1).split(LATE);
  if (pieces.length === 1) return literal;
  const texts = pieces.flatMap((piece: string | undefined, at) => {
    if (piece === undefined) return [];
    if (at % 3 === 0) return piece === "" ? [] : [`'${piece}'`];
    return [at % 3 === 1 ? timeText(piece) : `cast(${piece} as varchar)`];
  });
  return texts.length === 1 ? texts[0] ?? "" : `(${texts.join(" || ")})`;
}

/** A variable whose value is such a value is that value. */
function withoutVariablesAround(sql: string): string {
  const [open, middle, close] = MARKS.variable;
  return sql.replace(new RegExp(`${open}[^${middle}]*${middle}(${LATE.source})${close}`, "g"), "$1");
}
