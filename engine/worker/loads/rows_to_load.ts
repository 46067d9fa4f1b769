import { AppError } from "../../../contract/errors.ts";
import type { LoadDefinition } from "../../../contract/pipeline/load.ts";
import { loadShapeOf } from "../../../contract/pipeline/load.ts";
import { findColumn, quoteIdentifier, quoteLiteral, type SqlSession } from "../../../contract/sql.ts";

const MAX_SHOWN = 100;
const NUMBER = /^(?:U?(?:TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(.*\))$/;

/** What a load sends, each as a SELECT. */
export interface RowsToLoad {
  /** The columns that a history has of its own are none of them. */
  readonly rows: string;
  /** Rows of the primary key alone, whose rows at the destination are to go; none of them is among `rows`. */
  readonly gone?: string;
  /** Not all rows: see LoadInput. */
  readonly isPartial?: boolean;
}

/**
 * Which rows of the relation (SQL, for FROM) the load sends: of those with one key the last, and none that is
 * marked as deleted. Throws `invalid` where the rows do not say which is the last, or lack a column.
 */
export async function rowsToLoad(
  session: Pick<SqlSession, "rows" | "describe">,
  relation: string,
  load: LoadDefinition,
): Promise<RowsToLoad> {
  const { mode, primary_key: key = [], hard_delete: marker } = load;
  const all = `SELECT * FROM ${relation}`;
  const last = load.dedup_sort === undefined ? all : lastOfEach(all, key, load.dedup_sort);
  if (marker === undefined) return { rows: last };
  const columns = await session.describe(all);
  const found = findColumn(columns, marker);
  if (found === undefined) {
    const names = columns.map(({ name }) => name).join(", ");
    throw new AppError("invalid", `hard_delete names "${marker}", and the rows have only ${names}`);
  }
  const column = quoteIdentifier(found.name);
  const isGone = isMarked(column, found.type);
  const rows = `SELECT * EXCLUDE (${column}) FROM (${last}) WHERE NOT (${isGone})`;
  if (mode !== "merge" && mode !== "scd2") return { rows };
  await refuseKeyTwice(session, last, key);
  return { rows, gone: `SELECT ${key.map(quoteIdentifier).join(", ")} FROM (${last}) WHERE ${isGone}` };
}

/** MySQL and SQLite have no booleans: what is true is a number there that is not 0. */
function isMarked(column: string, type: string): string {
  if (type === "BOOLEAN") return `coalesce(${column}, false)`;
  if (NUMBER.test(type)) return `coalesce(${column} <> 0, false)`;
  return `${column} IS NOT NULL`;
}

/** The rows as they are sent. */
export function sentRows({ rows }: RowsToLoad, load: LoadDefinition, atMs: number): string {
  const { history } = loadShapeOf(load, atMs);
  if (history === undefined) return rows;
  const [from, to, current] = [history.validFrom, history.validTo, history.isCurrent].map(quoteIdentifier);
  const at = quoteLiteral(new Date(atMs).toISOString());
  return `SELECT *, CAST(${at} AS TIMESTAMPTZ) AS ${from}, CAST(NULL AS TIMESTAMPTZ) AS ${to}, ` +
    `true AS ${current} FROM (${rows})`;
}

/**
 * Of the rows of each key those that no other comes after; rows that are the same in every column are one. Where
 * several are left, the destination says that the key comes twice.
 */
function lastOfEach(rows: string, key: readonly string[], by: readonly string[]): string {
  const order = by.map((name) => `${quoteIdentifier(name)} DESC NULLS LAST`).join(", ");
  return `SELECT DISTINCT * FROM (${rows}) ` +
    `QUALIFY rank() OVER (PARTITION BY ${key.map(quoteIdentifier).join(", ")} ORDER BY ${order}) = 1`;
}

/** A key both as a row that is there and as one that is gone: which should hold? */
export async function refuseKeyTwice(
  session: Pick<SqlSession, "rows">,
  rows: string,
  key: readonly string[],
): Promise<void> {
  const names = key.map(quoteIdentifier);
  const texts = names.map((name, i) => `left(CAST(${name} AS VARCHAR), ${MAX_SHOWN}) AS k${i}`);
  const [twice] = await session.rows(
    `SELECT count(*) AS n, ${texts.join(", ")} FROM (${rows}) GROUP BY ${names.join(", ")}
     HAVING count(*) > 1 LIMIT 1`,
  );
  if (twice === undefined) return;
  const shown = key.map((_, i) => twice[`k${i}`]).join(", ");
  throw new AppError(
    "invalid",
    `the key (${key.join(", ")}) = (${shown}) comes ${
      twice["n"]
    } times in the rows, and primary_key says that ` +
      "each comes once; say by dedup_sort which is the last",
  );
}
