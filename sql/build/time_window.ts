import { type Column, findColumn, isSameName, quoteIdentifier, type SqlSession } from "../../contract/sql.ts";
import type { Model } from "../language/model.ts";
import { rowText } from "../language/row_text.ts";
import type { BuildWindow } from "./batches.ts";
import { declareCursor } from "./cursor.ts";
import { headerError, missingColumn } from "./header_error.ts";
import { columnsOfTable } from "./stored_columns.ts";

/** The windows of a model whose rows are replaced by time, in the terms of its update_key. */

const TIME_TYPES = new Set([
  "DATE",
  "TIMESTAMP",
  "TIMESTAMP_S",
  "TIMESTAMP_MS",
  "TIMESTAMP_NS",
  "TIMESTAMP WITH TIME ZONE",
]);

export const isTimeType = (type: string): boolean => TIME_TYPES.has(type);

/** Whether a TIMESTAMP WITH TIME ZONE holds each of its values. */
export const isMomentType = (type: string): boolean => isTimeType(type) && type !== "TIMESTAMP_NS";

/** What is wrong with an update_key of that type for windows; undefined where nothing is. */
export function timeKeyFault({ updateKey = "", batchSize }: Model, type: string): string | undefined {
  if (!isTimeType(type)) {
    return `strategy: delete_insert needs a DATE or TIMESTAMP in the update_key, but ${updateKey} is ${type}; cast ` +
      "it, or use partition_by";
  }
  if (type === "DATE" && batchSize !== undefined && !/^\d+(?:d|w|mo|y)$/.test(batchSize)) {
    return `${updateKey} is a DATE, so batch_size ${batchSize} must be whole days`;
  }
  return undefined;
}

/**
 * The type of the model's update_key: in its table where that is gone on with, else as its query has it. Throws
 * invalid for one that has no place in a window of time.
 */
export async function timeKeyType(
  session: SqlSession,
  model: Model,
  table: string | undefined,
): Promise<string> {
  const { updateKey = "" } = model;
  const [, declared] = Object.entries(model.columns).find(([name]) => isSameName(name, updateKey)) ?? [];
  const columns = table === undefined
    ? declared?.type === undefined
      ? await declareCursor(session, model)
      : await session.describe(`SELECT CAST(NULL AS ${declared.type}) AS ${quoteIdentifier(updateKey)}`)
    : await columnsOfTable(session, table);
  const type = typeOf(model, columns);
  const fault = timeKeyFault(model, type);
  if (fault !== undefined) throw headerError(model, ["update_key"], fault);
  return type;
}

/** Whether a row lies in the window, as a condition on the columns of the query. */
export function isWithin(model: Model, { startMs, endMs }: BuildWindow, columns: readonly Column[]): string {
  const column = quoteIdentifier(model.updateKey ?? "");
  const type = typeOf(model, columns);
  const since = startMs === null ? "" : `${column} >= ${boundOf(startMs, type)} AND `;
  return `${since}${column} < ${boundOf(endMs, type)}`;
}

/** Throws invalid for rows that lie outside of the window: nobody would ever replace or find them there. */
export async function requireWithin(
  session: SqlSession,
  model: Model,
  window: BuildWindow,
  rows: string,
  columns: readonly Column[],
): Promise<void> {
  const outside = `(${isWithin(model, window, columns)}) IS NOT TRUE`;
  const [found] = await session.rows(`SELECT count(*) AS count FROM ${rows} WHERE ${outside}`);
  const count = Number(found?.["count"]);
  if (count === 0) return;
  const key = quoteIdentifier(model.updateKey ?? "");
  const [row] = await session.rows(
    `SELECT CAST(${key} AS VARCHAR) AS ${key} FROM ${rows} WHERE ${outside} ORDER BY ${key} LIMIT 1`,
  );
  throw headerError(
    model,
    ["update_key"],
    `${count} row${count === 1 ? "" : "s"} of ${model.name} lie${
      count === 1 ? "s" : ""
    } outside of the window ` +
      `${windowText(window)} that the query was run for, as ${
        rowText(row ?? {})
      }. Let it take rows of the window ` +
      `only (WHERE ${model.updateKey} >= getvariable('window_start') AND ${model.updateKey} < ` +
      "getvariable('window_end')); rows that come late need `lookback`, aggregates of a day need `batch_size: 1d`",
  );
}

/** `from 2026-01-01T00:00:00Z until 2026-01-02T00:00:00Z`. */
export function windowText({ startMs, endMs }: BuildWindow): string {
  const text = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");
  return startMs === null ? `until ${text(endMs)}` : `from ${text(startMs)} until ${text(endMs)}`;
}

function typeOf(model: Model, columns: readonly Column[]): string {
  const { updateKey = "" } = model;
  const column = findColumn(columns, updateKey);
  if (column === undefined) throw missingColumn(model, ["update_key"], updateKey, columns);
  return column.type;
}

/** The moment as the type has it, exactly: windows are of milliseconds, of whole days where it is a DATE. */
function boundOf(ms: number, type: string): string {
  const moment = `make_timestamp(${BigInt(ms) * 1_000n})`;
  if (type === "TIMESTAMP WITH TIME ZONE") return `(${moment} AT TIME ZONE 'UTC')`;
  return type === "DATE" || type === "TIMESTAMP_NS" ? `CAST(${moment} AS ${type})` : moment;
}
