import type { Cursor, Part, Until } from "../../contract/connector/source.ts";
import { AppError } from "../../contract/errors.ts";
import type { JsonValue } from "../../contract/json.ts";
import { durationMs } from "../../contract/pipeline/words.ts";
import { findColumn, quoteIdentifier, quoteLiteral, type SqlSession } from "../../contract/sql.ts";
import { putRow } from "./put_row.ts";
import { rawTable, tableColumns } from "./raw_table.ts";
import type { ValidatedRows } from "./validated_rows.ts";

/**
 * How far a stream got. It is written in the transaction of the rows that it speaks of (rule 1), one
 * JSON object a stream in `_sluice.states`.
 */
export interface StreamState {
  /** Of a stream with an update_key. */
  readonly cursor?: Cursor;
  /** The last state that the source itself gave. */
  readonly source?: JsonValue;
  /** The window of the run that reads it now: each attempt reads the same. */
  readonly window?: ReadWindow;
  /** What a run has committed of a read that is not at its end yet. */
  readonly unfinished?: UnfinishedRead;
  /** Of a stream that is read whole, where its source gave some. */
  readonly validated?: ValidatedRows;
  /** Of a stream that follows changes: when the newest that is stored was committed, in ms since 1970. */
  readonly lastChangeMs?: number;
}

export interface ReadWindow {
  readonly runId: string;
  /** Null where the source had no value to close it by. */
  readonly until: Until | null;
}

export interface UnfinishedRead {
  readonly runId: string;
  /** Whether the rows are in the stream's next table, else they are merged already. */
  readonly isReplacing: boolean;
  readonly rows: number;
  readonly sizeBytes: number;
  /** The source's state at the last commit, of a read that replaces. */
  readonly source?: JsonValue;
  /** The parts that the stream was cut into when the run began to read it. */
  readonly parts?: readonly Part[];
}

const NO_STATE: StreamState = {};

/** What the last commit of `raw.<stream>` left; empty for a stream that was never read, or has no state. */
export async function readState(session: SqlSession, stream: string): Promise<StreamState> {
  const [row] = await session.rows(`SELECT state FROM _sluice.states WHERE stream = ${quoteLiteral(stream)}`);
  return row === undefined ? NO_STATE : JSON.parse(String(row["state"]));
}

/** Called in the transaction of the rows. */
export async function writeState(
  session: SqlSession,
  stream: string,
  state: StreamState,
  runId: string,
): Promise<void> {
  if (Object.keys(state).length === 0) {
    await session.run(`DELETE FROM _sluice.states WHERE stream = ${quoteLiteral(stream)}`);
    return;
  }
  const values = { state: JSON.stringify(state), run_id: runId, updated_at: new Date() };
  await putRow(session, "_sluice.states", { stream }, values);
}

/**
 * Where the stream goes on: the cursor that was committed, or the greatest value that is there where
 * the stream had none or one of another column. Undefined where there is neither.
 */
export async function cursorOf(
  session: SqlSession,
  stream: string,
  column: string,
  state: StreamState,
): Promise<Cursor | undefined> {
  if (state.cursor?.column === column) return state.cursor;
  return (await greatestValue(session, stream, column)).cursor;
}

export interface GreatestValue {
  readonly cursor: Cursor | undefined;
  /** Rows whose value is infinite or NaN: no row comes after them, so they are no cursor. */
  readonly endless: number;
}

/** The greatest finite `column` of `raw.<stream>`. */
export async function greatestValue(
  session: SqlSession,
  stream: string,
  column: string,
): Promise<GreatestValue> {
  const found = findColumn(await tableColumns(session, "raw", stream), column);
  if (found === undefined) return { cursor: undefined, endless: 0 };
  const key = quoteIdentifier(column);
  const finite = finiteCondition(key, found.type);
  const [row] = await session.rows(
    `SELECT (max(${key}) FILTER (${finite}))::VARCHAR AS "value",
       count(*) FILTER (${key} IS NOT NULL AND NOT ${finite}) AS endless FROM ${rawTable(stream)}`,
  );
  const value = row?.["value"];
  return {
    cursor: typeof value === "string" ? { column, value, type: found.type } : undefined,
    endless: Number(row?.["endless"] ?? 0),
  };
}

const NUMBER = /^(?:U?(?:TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(.*\))$/;
const TIME = /^(?:DATE|TIMESTAMP)/;

/**
 * The cursor that reads again what is up to `lag` before it, so that rows which were committed late are
 * found; undefined where nothing lies before that. Throws `invalid` for a lag that does not go with the type.
 */
export async function lookBack(
  session: SqlSession,
  stream: string,
  cursor: Cursor,
  lag: string | number,
): Promise<Cursor | undefined> {
  const { column, type, value } = cursor;
  const isNumber = typeof lag === "number";
  if (!(isNumber ? NUMBER : TIME).test(type)) {
    const expected = NUMBER.test(type)
      ? "a number, as lag: 1000"
      : TIME.test(type)
      ? "a duration, as lag: 1h"
      : "an update_key that is a number, a date or a time";
    throw new AppError(
      "invalid",
      `Stream "${stream}": lag: ${lag} does not go with update_key "${column}" of type ${type}: it needs ${expected}`,
    );
  }
  const distance = isNumber ? "CAST($2 AS DOUBLE)" : "to_milliseconds(CAST($2 AS BIGINT))";
  const whole = isNumber && Number.isInteger(lag) ? "CAST($2 AS HUGEINT)" : distance;
  const [row] = await session.rows(
    `SELECT CAST(TRY(CAST(CAST($1 AS ${type}) - ${whole} AS ${type})) AS VARCHAR) AS v`,
    [value, isNumber ? lag : durationMs(lag)],
  );
  const before = row?.["v"];
  return typeof before === "string" ? { column, value: before, type } : undefined;
}

/** A condition on a quoted column: false for infinities and NaN, true where its type has none. */
export function finiteCondition(key: string, type: string): string {
  return /^(?:FLOAT|DOUBLE|DATE|TIMESTAMP)/.test(type) ? `isfinite(${key})` : "true";
}

export interface CommittedPart {
  readonly id: string;
  readonly rows: number;
  readonly sizeBytes: number;
}

/** The parts of the stream that the run has committed. */
export async function committedParts(
  session: SqlSession,
  stream: string,
  runId: string,
): Promise<CommittedPart[]> {
  const rows = await session.rows(
    `SELECT part, "rows", size_bytes FROM _sluice.parts WHERE stream = ? AND run_id = ?`,
    [stream, runId],
  );
  return rows.map((row) => ({
    id: String(row["part"]),
    rows: Number(row["rows"]),
    sizeBytes: Number(row["size_bytes"]),
  }));
}

/** Called in the transaction of the part's rows. */
export async function recordPart(
  session: SqlSession,
  stream: string,
  runId: string,
  part: CommittedPart,
): Promise<void> {
  await session.run("INSERT INTO _sluice.parts VALUES (?, ?, ?, ?, ?, now())", [
    stream,
    runId,
    part.id,
    part.rows,
    part.sizeBytes,
  ]);
}

/** Forgets which parts were committed: the next read of the stream begins with the first. */
export async function forgetParts(session: SqlSession, stream: string): Promise<void> {
  await session.run("DELETE FROM _sluice.parts WHERE stream = ?", [stream]);
}
