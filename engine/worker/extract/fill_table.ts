import type { ArrivingRows, Scan, StreamRequest } from "../../../contract/connector/source.ts";
import { type Column, quoteIdentifier, type SqlValue } from "../../../contract/sql.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { rowConditions } from "./row_conditions.ts";
import type { StreamRejects } from "./stream_rejects.ts";
import type { StreamShape } from "./stream_shape.ts";

export interface Filling {
  readonly session: DuckSession;
  /** The table that is made, as SQL. */
  readonly target: string;
  readonly position: Pick<StreamRequest, "cursor" | "until">;
  readonly rejects: StreamRejects;
}

/** Makes a table of the rows that DuckDB reads, in their shape; returns how many they are. Throws what the scan explains. */
export async function fillTable(
  filling: Filling,
  scan: Scan,
  shape: StreamShape,
  signal: AbortSignal,
): Promise<number> {
  if (scan.arriving !== undefined) {
    return await fillArriving(filling, scan, scan.arriving(signal), shape, signal);
  }
  const { session, target, position, rejects } = filling;
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
    let into = `CREATE TABLE ${target} AS`;
    for await (const part of scan.parts?.(signal) ?? [relation]) {
      const from = scan.parts === undefined ? part : asWhole(part, columns);
      rows += await session.run(`${into} SELECT ${select} FROM ${from}${condition}`, params);
      into = `INSERT INTO ${target}`;
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
  { session, target, position }: Filling,
  scan: Scan,
  arriving: AsyncIterable<ArrivingRows>,
  shape: StreamShape,
  signal: AbortSignal,
): Promise<number> {
  const isBound = position.cursor !== undefined || position.until !== undefined;
  let rows = 0;
  let isMade = false;
  try {
    for await (const { relation, isAnew } of arriving) {
      const params: SqlValue[] = [];
      const bind = (value: SqlValue) => `$${params.push(value)}`;
      const columns = shape.isWhole && !isBound ? [] : await session.describe(`SELECT * FROM ${relation}`);
      const conditions = rowConditions(shape, position, columns, bind);
      const condition = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
      const select = `SELECT ${shape.select(columns, bind)} FROM ${relation}${condition}`;
      if (isMade && isAnew) {
        await session.run(`DROP TABLE ${target}`);
        isMade = false;
        rows = 0;
      }
      const into = isMade ? `INSERT INTO ${target}` : `CREATE TABLE ${target} AS`;
      rows += await session.run(`${into} ${select}`, params);
      isMade = true;
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
