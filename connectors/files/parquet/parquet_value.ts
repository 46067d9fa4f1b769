import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { exactCast } from "../../text_cast/exact_cast.ts";
import { PLAIN_FORMAT } from "../../text_cast/value_format.ts";
import type { LeafType } from "./parquet_schema.ts";

/** SQL that gives a value of a Parquet column as it is, or fails. */

/** The names that DuckDB's reader gives the file's path and the row's number in it, from 0. */
export const PATH = "_sluice_path";
export const ROW = "file_row_number";

/** Begins the messages of such errors: the row, the path, and behind a line break what is wrong. */
export const VALUE_FAULT = "sluice_parquet:";

function fault(reason: string, hasRow: boolean): string {
  const row = hasRow ? `${ROW} + 1` : "''";
  return `error(concat(${quoteLiteral(VALUE_FAULT)}, ${row}, ':', ${PATH}, chr(10), ${reason}))`;
}

/** NULL stays NULL; every value is an error. */
export function refusedValue(name: string, reason: string, hasRow: boolean): string {
  const column = quoteIdentifier(name);
  const why = fault(quoteLiteral(`column "${name}" ${reason}`), hasRow);
  return `CASE WHEN ${column} IS NOT NULL THEN ${why} ELSE ${column} END`;
}

/** The value in another type, where it is the same again when it comes back from it. */
export function exactValue(
  name: string,
  from: LeafType,
  type: string,
  isGiven: boolean,
  hasRow: boolean,
): string {
  const column = quoteIdentifier(name);
  const shown = `left(CAST(${column} AS VARCHAR), 200)`;
  const advice = isGiven ? "" : ", as in the other files; make two streams of them";
  const wrong = fault(
    `concat(${quoteLiteral(`column "${name}" is `)}, ${shown}, ${
      quoteLiteral(`, expected ${type}${advice}`)
    })`,
    hasRow,
  );
  if (from === "VARCHAR") {
    const cast = exactCast({ text: column, type, isGiven, label: "x" }, PLAIN_FORMAT);
    return cast.replaceAll(`error(concat('sluice_cast:x:', ${column}))`, wrong);
  }
  const value = `TRY_CAST(${column} AS ${type})`;
  if (/^(?:VARCHAR|TEXT|STRING)$/i.test(type.trim())) return `CAST(${column} AS VARCHAR)`;
  const isSame = ["other", "INT96", "time of nanoseconds", "instant of nanoseconds"].includes(from)
    ? `CAST(to_json(${value}) AS VARCHAR) = CAST(to_json(${column}) AS VARCHAR)`
    : `TRY_CAST(${value} AS ${from}) IS NOT DISTINCT FROM ${column}`;
  return `CASE WHEN ${column} IS NULL OR (${value} IS NOT NULL AND ${isSame}) THEN ${value} ELSE ${wrong} END`;
}
