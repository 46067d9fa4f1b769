import type { Cursor, Source, StreamRequest, Until } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { Range } from "../../../contract/range.ts";
import { findColumn } from "../../../contract/sql.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { tableColumns } from "../../warehouse/raw_table.ts";
import { readState, type ReadWindow, writeState } from "../../warehouse/stream_state.ts";
import type { StreamShape } from "./stream_shape.ts";

/** What a run reads of a stream with an update_key: see `Until` in contract/connector/source.ts. */

export interface WindowContext {
  readonly session: DuckSession;
  readonly name: string;
  readonly stream: StreamDefinition;
  readonly runId: string;
  readonly shape: StreamShape;
  readonly signal: AbortSignal;
}

/**
 * The end of the run's window by the stored column's name: the greatest update_key that the source has when
 * the run first reads the stream. It is committed before a row is read, so that a retry reads the same window.
 * Undefined for a stream without a cursor, and where the source has no value.
 */
export async function closeWindow(
  { session, name, stream, runId, shape, signal }: WindowContext,
  source: Source,
  asked: StreamRequest,
): Promise<Until | undefined> {
  const { mode, update_key: column } = stream;
  if (mode === "full" || column === undefined || source.greatest === undefined) return undefined;
  const state = await readState(session, name);
  const known = state.window;
  if (known?.runId === runId) return known.until ?? undefined;
  const found = await source.greatest(asked, shape.sourceName(column), signal);
  const until = found === undefined ? null : { ...found, column, isRange: false };
  const window: ReadWindow = { runId, until };
  await session.transaction(() => writeState(session, name, { ...state, window }, runId));
  return until ?? undefined;
}

/** Both ends of a range that is read again. */
export interface AskedRange {
  readonly from: Cursor;
  readonly until: Until;
}

/**
 * The run's range as values of the stream's update_key. Undefined for a stream that is read as a whole. Throws
 * `invalid` where the stream has no such range: it was never read, has no update_key, or one of another type.
 */
export async function rangeOf(
  { session, name, stream: { mode, update_key: column } }: Pick<WindowContext, "session" | "name" | "stream">,
  range: Range,
): Promise<AskedRange | undefined> {
  if (mode === "full") return undefined;
  const shown = `the range from ${range.from} to ${range.to}`;
  const refuse = (why: string) =>
    new AppError("invalid", `Stream "${name}": ${shown} cannot be read again: ${why}`, {
      detail: "--select leaves streams out that have no such range.",
    });
  if (column === undefined) throw refuse("the stream has no update_key");
  const held = findColumn(await tableColumns(session, "raw", name), column);
  if (held === undefined) throw refuse("the stream was never read: run it once without a range");
  const { type } = held;
  const [row] = await session.rows(
    `SELECT CAST(TRY_CAST($1 AS ${type}) AS VARCHAR) AS lower, CAST(TRY_CAST($2 AS ${type}) AS VARCHAR) AS upper,
            TRY_CAST($1 AS ${type}) < TRY_CAST($2 AS ${type}) AS forward`,
    [range.from, range.to],
  );
  const { lower, upper, forward } = row ?? {};
  if (typeof lower !== "string" || typeof upper !== "string") {
    throw refuse(`${typeof lower === "string" ? range.to : range.from} is no ${type}, as ${column} is`);
  }
  if (forward !== true) throw refuse("it ends before it begins");
  return {
    from: { column, value: lower, type },
    until: { column, value: upper, type, isRange: true },
  };
}
