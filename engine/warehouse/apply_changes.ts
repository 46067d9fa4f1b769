import { AppError } from "../../contract/errors.ts";
import type { StreamDefinition } from "../../contract/pipeline/stream.ts";
import { findColumn, quoteIdentifier, type SqlSession } from "../../contract/sql.ts";
import { isUnchanged, operationCode, STAGE, STAGE_COLUMNS, stageTable } from "./change_stage.ts";
import { alignColumns } from "./stream_contract.ts";
import { nextTable, rawTable, swapInNextTable, tableColumns } from "./raw_table.ts";

/**
 * Brings the changes of a stream, as they wait in its stage, into `raw.<stream>`: of each key the last one
 * counts. Set by set, not row by row; all of it runs in the transaction of the state. The stage is used up
 * by it.
 */

const SEQUENCE = quoteIdentifier(STAGE.sequence);
const OPERATION = quoteIdentifier(STAGE.operation);
const MOVED = quoteIdentifier(STAGE.moved);
const RESOLVED = `temp."_sluice_changed_rows"`;

export interface ChangedStream {
  readonly name: string;
  readonly stream: StreamDefinition;
  /** The key's columns as they are stored. */
  readonly keys: readonly string[];
}

/** Throws `invalid` for a key without a value, and where the contract forbids what the columns have become. */
export async function applyChanges(session: SqlSession, changed: ChangedStream): Promise<void> {
  const { name, stream, keys } = changed;
  const stage = stageTable(name);
  await applyTruncate(session, name);
  await refuseNullKeys(session, changed);
  const columns = await alignColumns(session, name, stream, stage, undefined, STAGE_COLUMNS);
  const keyList = keys.map(quoteIdentifier).join(", ");
  const list = columns.map(quoteIdentifier).join(", ");
  const places = await unchangedPlaces(session, name);
  // By their places alone: a window would hold all rows with all columns.
  const isKept = `${SEQUENCE} IN (SELECT max(${SEQUENCE}) FROM ${stage} GROUP BY ${keyList})
     AND ${OPERATION} <> ${operationCode("delete")}`;
  if (places.length > 0) await resolveUnchanged(session, changed, columns, places);
  await session.run(
    `DELETE FROM ${rawTable(name)} WHERE (${keyList}) IN (SELECT (${keyList}) FROM ${stage})`,
  );
  await session.run(
    places.length > 0
      ? `INSERT INTO ${rawTable(name)} (${list}) SELECT ${list} FROM ${RESOLVED}; DROP TABLE ${RESOLVED}`
      : `INSERT INTO ${rawTable(name)} (${list})
         SELECT ${list} FROM ${stage} WHERE ${isKept}`,
  );
}

/**
 * DuckDB does not alter a table that lost committed rows in the same transaction: a copy takes its place, where
 * the changes in the stage have other columns than the table. To be called before they are applied.
 */
export async function makeAlterable(session: SqlSession, name: string): Promise<void> {
  const held = await tableColumns(session, "raw", name);
  const fresh = (await session.describe(`SELECT * FROM ${stageTable(name)}`))
    .filter((column) => !STAGE_COLUMNS.includes(column.name));
  if (fresh.every((column) => findColumn(held, column.name)?.type === column.type)) return;
  await replaceByCopy(session, name, `FROM ${rawTable(name)}`);
}

async function replaceByCopy(session: SqlSession, name: string, rows: string): Promise<void> {
  await session.run(`DROP TABLE IF EXISTS ${nextTable(name)}; CREATE TABLE ${nextTable(name)} AS ${rows}`);
  await swapInNextTable(session, name);
}

/** Of a truncate and what came before it nothing stays. */
async function applyTruncate(session: SqlSession, name: string): Promise<void> {
  const stage = stageTable(name);
  const [row] = await session.rows(
    `SELECT max(${SEQUENCE}) AS last FROM ${stage} WHERE ${OPERATION} = ${operationCode("truncate")}`,
  );
  const last = row?.["last"];
  if (last === null || last === undefined) return;
  // In place of a DELETE, which would keep it from being altered: see makeAlterable.
  await replaceByCopy(session, name, `FROM ${rawTable(name)} LIMIT 0`);
  await session.run(`DELETE FROM ${stage} WHERE ${SEQUENCE} <= ${last}`);
}

/** Those that at least one change leaves as they were. */
export async function unchangedPlaces(session: SqlSession, name: string): Promise<readonly number[]> {
  const unchanged = quoteIdentifier(STAGE.unchanged);
  const rows = await session.rows(
    `SELECT DISTINCT unnest(string_split(trim(${unchanged}, ','), ',')) AS place FROM ${stageTable(name)}
     WHERE ${unchanged} IS NOT NULL`,
  );
  return rows.map((row) => Number(row["place"])).toSorted((a, b) => a - b);
}

/**
 * The rows as they will be, in a temporary table. A value that a change left out is that of an earlier
 * change of the row, or else the one that is stored; a row whose key has changed is stored under its old one.
 */
async function resolveUnchanged(
  session: SqlSession,
  { name, keys }: ChangedStream,
  columns: readonly string[],
  places: readonly number[],
): Promise<void> {
  const stage = stageTable(name);
  const quotedKeys = keys.map(quoteIdentifier);
  const same = (one: string, other: string) =>
    quotedKeys.map((key) => `${one}.${key} = ${other}.${key}`).join(" AND ");
  const known = places.map((place) => {
    const value = `{'v': ${quoteIdentifier(columns[place] ?? "")}}`;
    return `arg_max(${value}, ${SEQUENCE}) FILTER (WHERE NOT ${isUnchanged(place)}) AS "(k${place})"`;
  });
  const values = columns.map((column, place) => {
    const quoted = quoteIdentifier(column);
    if (!places.includes(place)) return `l.${quoted}`;
    return `CASE WHEN k."(k${place})" IS NOT NULL THEN k."(k${place})".v ELSE r.${quoted} END AS ${quoted}`;
  });
  const isMissing = places.map((place) => `k."(k${place})" IS NULL`).join(" OR ");
  const from = quotedKeys.map((key) => `CASE WHEN l.${MOVED} = 1 THEN p.${key} ELSE l.${key} END`);
  await session.run(
    `CREATE TEMP TABLE ${RESOLVED} AS
     WITH l AS (
       SELECT * FROM ${stage}
       WHERE ${SEQUENCE} IN (SELECT max(${SEQUENCE}) FROM ${stage} GROUP BY ${quotedKeys.join(", ")})
     ),
     k AS (SELECT ${[...quotedKeys, ...known].join(", ")} FROM ${stage} GROUP BY ${quotedKeys.join(", ")})
     SELECT ${values.join(", ")}, (${isMissing}) AND r.rowid IS NULL AS "(lost)"
       FROM l JOIN k ON ${same("l", "k")}
       LEFT JOIN ${stage} p ON l.${MOVED} = 1 AND p.${SEQUENCE} = l.${SEQUENCE} - 1
       LEFT JOIN ${rawTable(name)} r ON ${quotedKeys.map((key, i) => `r.${key} = ${from[i]}`).join(" AND ")}
      WHERE l.${OPERATION} <> ${operationCode("delete")}`,
  );
  const [row] = await session.rows(`SELECT count(*) AS n FROM ${RESOLVED} WHERE "(lost)"`);
  if (row?.["n"] !== 0) throw lostValues(name, Number(row?.["n"]));
  await session.run(`ALTER TABLE ${RESOLVED} DROP COLUMN "(lost)"`);
}

export function lostValues(name: string, count: number): AppError {
  return new AppError(
    "invalid",
    `Stream "${name}": the log has ${count} changed rows without values that did not change, and no row that has them`,
    { detail: "Run once with --full-refresh to read the table anew." },
  );
}

export async function refuseNullKeys(session: SqlSession, { name, keys }: ChangedStream): Promise<void> {
  // The rows of a snapshot need none.
  if (keys.length === 0) return;
  const isNull = keys.map((key) => `${quoteIdentifier(key)} IS NULL`).join(" OR ");
  const [row] = await session.rows(
    `SELECT count(*) AS n FROM ${stageTable(name)}
     WHERE (${isNull}) AND ${OPERATION} <> ${operationCode("truncate")}`,
  );
  if (row?.["n"] === 0) return;
  throw new AppError(
    "invalid",
    `Cannot follow stream "${name}": ${row?.["n"]} changes have no value in the key (${keys.join(", ")})`,
  );
}
