import type { ArrivingRows, Scan, StreamRequest } from "../../../contract/connector/source.ts";
import { type Column, quoteIdentifier, type SqlValue } from "../../../contract/sql.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { rowConditions } from "./row_conditions.ts";
import type { JsonValue } from "../../../contract/json.ts";
import type { FilledTable } from "./sink/batch_intake.ts";
import type { StreamRejects } from "./stream_rejects.ts";
import type { StreamShape } from "./stream_shape.ts";

export interface Filling {
  readonly session: DuckSession;
  /** Says which table is to be made; asked once before each is. */
  readonly target: () => Promise<FilledTable>;
  readonly position: Pick<StreamRequest, "cursor" | "until">;
  readonly rejects: StreamRejects;
  /** Takes rows that came with a state behind them, which are in the last table: the next ones are put into another. */
  readonly onState: (rows: number, state: JsonValue) => Promise<void>;
  /** Told how many rows there are so far, where they come in parts. */
  readonly onRows: (rows: number) => void;
}

/**
 * Makes a table of the rows that DuckDB reads, in their shape, or of those behind the last state; returns how many they are.
 * Throws what the scan explains.
 */
export async function fillTable(
  filling: Filling,
  scan: Scan,
  shape: StreamShape,
  signal: AbortSignal,
): Promise<number> {
  if (scan.arriving !== undefined) {
    return await fillArriving(filling, scan, scan.arriving(signal), shape, signal);
  }
  const { session, position, rejects } = filling;
  const target = await filling.target();
  const params: SqlValue[] = [];
  const bind = (value: SqlValue) => `$${params.push(value)}`;
  await using prepared = scan.parts === undefined ? await scan.prepare?.(signal) : undefined;
  const relation = prepared?.relation ?? scan.relation;
  const isBound = position.cursor !== undefined || position.until !== undefined;
  let rows = 0;
  try {
    const columns = shape.isWhole && !isBound && scan.parts === undefined
      ? []
      : await session.describe(`SELECT * FROM ${relation}`);
    const conditions = rowConditions(shape, position, columns, bind);
    const condition = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
    const select = shape.select(columns, bind);
    let into = `${target.create} AS`;
    for await (const part of scan.parts?.(signal) ?? [relation]) {
      const from = scan.parts === undefined ? part : asWhole(part, columns);
      rows += await session.run(`${into} SELECT ${select} FROM ${from}${condition}`, params);
      into = `INSERT INTO ${target.name}`;
      if (scan.parts !== undefined) filling.onRows(rows);
    }
    if (prepared?.rejects !== undefined) await rejects.takeScanned(prepared.rejects, shape, position);
  } catch (error) {
    if (signal.aborted) throw error;
    throw await scan.explain(error);
  }
  await prepared?.confirm?.();
  return rows;
}

/** The same of rows that still come: where their columns or types change, the table is made anew. */
async function fillArriving(
  { session, target: nextTarget, position, onState, onRows }: Filling,
  scan: Scan,
  arriving: AsyncIterable<ArrivingRows>,
  shape: StreamShape,
  signal: AbortSignal,
): Promise<number> {
  const isBound = position.cursor !== undefined || position.until !== undefined;
  let rows = 0;
  let target: FilledTable | undefined;
  try {
    for await (const { relation, isAnew, state } of arriving) {
      const params: SqlValue[] = [];
      const bind = (value: SqlValue) => `$${params.push(value)}`;
      const columns = shape.isWhole && !isBound ? [] : await session.describe(`SELECT * FROM ${relation}`);
      const conditions = rowConditions(shape, position, columns, bind);
      const condition = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
      const select = `SELECT ${shape.select(columns, bind)} FROM ${relation}${condition}`;
      if (target !== undefined && isAnew) {
        await session.run(`DROP TABLE ${target.name}`);
        target = undefined;
        rows = 0;
      }
      const isMade = target !== undefined;
      target ??= await nextTarget();
      const into = isMade ? `INSERT INTO ${target.name}` : `${target.create} AS`;
      rows += await session.run(`${into} ${select}`, params);
      onRows(rows);
      if (state === undefined) continue;
      await onState(rows, state);
      target = undefined;
      rows = 0;
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw await scan.explain(error);
  }
  return rows;
}

/** The rows of a part with the columns and types of the whole. */
export function asWhole(part: string, columns: readonly Column[]): string {
  const nothing = columns.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`);
  return `(SELECT ${nothing.join(", ")} WHERE false UNION ALL BY NAME SELECT * FROM ${part})`;
}
