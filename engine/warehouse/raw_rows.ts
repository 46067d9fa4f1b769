import { AppError } from "../../contract/errors.ts";
import type { Cursor } from "../../contract/connector/source.ts";
import type { StreamDefinition } from "../../contract/pipeline/stream.ts";
import { findColumn, isSameName, nameKey, quoteIdentifier, type SqlSession } from "../../contract/sql.ts";
import { alignColumns, type ContractReport } from "./stream_contract.ts";
import { rawTable, tableColumns } from "./raw_table.ts";
import { finiteCondition } from "./stream_state.ts";

/**
 * How new rows of a stream, held in the quoted table `incoming`, get into `raw.<stream>`. All of it
 * runs in the transaction of the extract.
 */

/** The column of rows that are gone at their source: when a run found that, and NULL for those that are there. */
export const DELETED_AT = "_sluice_deleted_at";

/** Gives the quoted table the column of rows that are gone, where it does not have it. */
export async function addDeleteMark(session: SqlSession, table: string): Promise<void> {
  await session.run(
    `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${quoteIdentifier(DELETED_AT)} TIMESTAMPTZ`,
  );
}

/** While new rows are put into tables: the number of each, where the rows of child tables name them by it. */
export const ROW_COLUMN = "_sluice_row";

/** Puts the rows by primary key: a known key is replaced, of several rows of one key the newest stays. */
export async function mergeRows(
  session: SqlSession,
  name: string,
  stream: StreamDefinition,
  incoming: string,
  told?: ContractReport,
): Promise<void> {
  const keys = stream.primary_key ?? [];
  const columns = await alignColumns(session, name, stream, incoming, told, [DELETED_AT, ROW_COLUMN]);
  // DuckDB commits no change of a table that comes after one of its rows.
  if (stream.deletes === "soft") await addDeleteMark(session, rawTable(name));
  await refuseNullKeys(session, name, keys, incoming);
  const keyList = keys.map(quoteIdentifier).join(", ");
  await session.run(
    `DELETE FROM ${rawTable(name)} WHERE (${keyList}) IN (SELECT (${keyList}) FROM ${incoming})`,
  );
  const list = columns.map(quoteIdentifier).join(", ");
  await session.run(
    `INSERT INTO ${rawTable(name)} (${list}) SELECT ${list} FROM ${incoming} ${newestOfKey(stream)}`,
  );
}

/**
 * Takes rows out of `incoming` whose key is held with a later update_key: what is read of a range again is not
 * always the newest that the source has of a key.
 */
export async function dropOlderRows(
  session: SqlSession,
  name: string,
  { primary_key: keys = [], update_key: updateKey }: StreamDefinition,
  incoming: string,
): Promise<void> {
  if (updateKey === undefined) return;
  const held = findColumn(await tableColumns(session, "raw", name), updateKey);
  if (held === undefined) return;
  const column = quoteIdentifier(updateKey);
  const isSame = keys.map(quoteIdentifier).map((key) => `held.${key} = given.${key}`).join(" AND ");
  await session.run(
    `DELETE FROM ${incoming} AS given WHERE EXISTS (SELECT 1 FROM ${rawTable(name)} AS held
       WHERE ${isSame} AND held.${column} > TRY_CAST(given.${column} AS ${held.type}))`,
  );
}

/** Adds all the rows; of a stream without an update_key, or whose source says itself where it was. */
export async function appendAllRows(
  session: SqlSession,
  name: string,
  stream: StreamDefinition,
  incoming: string,
  told?: ContractReport,
): Promise<void> {
  const columns = await alignColumns(session, name, stream, incoming, told, [ROW_COLUMN]);
  const list = columns.map(quoteIdentifier).join(", ");
  await session.run(`INSERT INTO ${rawTable(name)} (${list}) SELECT ${list} FROM ${incoming}`);
}

/** What an append stream was asked to go on from. */
export interface AppendedFrom {
  /** The greatest value that is there. */
  readonly cursor: Cursor;
  /** Where the source began to read: the cursor itself, or what lies `lag` before it; undefined: at the first row. */
  readonly from: Cursor | undefined;
}

/**
 * Adds the rows that are not there yet; where rows have numbers, the others leave `incoming`. A source gives the rows
 * from `from` to the cursor again, and those that no cursor can pass: without a value, infinite or NaN. Of these as
 * many are added as there are more than before. They are compared by the columns that were there before, as a column
 * that is added or renamed makes no row a new one.
 */
export async function appendNewRows(
  session: SqlSession,
  name: string,
  stream: StreamDefinition,
  incoming: string,
  key: string,
  start: AppendedFrom | undefined,
  told?: ContractReport,
): Promise<void> {
  const held = await tableColumns(session, "raw", name);
  if (findColumn(held, key) === undefined) {
    throw new AppError(
      "invalid",
      `Stream "${name}" appends by "${key}", but the rows that are there have no such column: which of the source's rows are new?`,
      { detail: "Run once with --full-refresh to start over with it." },
    );
  }
  const columns = await alignColumns(session, name, stream, incoming, told, [ROW_COLUMN]);
  const hasNumbers =
    findColumn(await session.describe(`SELECT * FROM ${incoming}`), ROW_COLUMN) !== undefined;
  const number = hasNumbers ? `, ${quoteIdentifier(ROW_COLUMN)} AS number` : "";
  // The types of the table, so that equal rows compare equal.
  const types = new Map(
    (await tableColumns(session, "raw", name)).map((column) => [nameKey(column.name), column.type]),
  );
  const typeOf = (column: string) => types.get(nameKey(column)) ?? "VARCHAR";
  const keyType = typeOf(key);
  const wasHeld = columns.map((column) => findColumn(held, column) !== undefined);
  const casts = columns.map((column, i) => `${quoteIdentifier(column)}::${typeOf(column)} AS c${i}`);
  const compared = columns.flatMap((_, i) => wasHeld[i] ? [`c${i}`] : []);
  const keyColumn = `c${columns.findIndex((column) => isSameName(column, key))}`;
  const bound = start === undefined ? undefined : `CAST($1 AS ${start.cursor.type})`;
  const first = start?.from === undefined ? "true" : `${keyColumn} >= CAST($2 AS ${start.from.type})`;
  const isFinite = finiteCondition(keyColumn, keyType);
  const comesAgain = `(${keyColumn} IS NULL OR NOT ${isFinite}${
    bound === undefined ? "" : ` OR ${keyColumn} <= ${bound} AND ${first}`
  })`;
  const isBeyond = `(${keyColumn} IS NOT NULL AND ${isFinite}${
    bound === undefined ? "" : ` AND ${keyColumn} > ${bound}`
  })`;
  const before = columns.flatMap((column, i) => wasHeld[i] ? [`${quoteIdentifier(column)} AS c${i}`] : []);
  const nth = `row_number() OVER (PARTITION BY ${compared.join(", ")}) AS nth`;
  const isSame = [...compared, "nth"].map((column) => `fresh.${column} IS NOT DISTINCT FROM known.${column}`);
  const news = (chosen: string) =>
    `WITH given AS (SELECT ${casts.join(", ")}${number} FROM ${incoming}),
     held AS (SELECT ${before.join(", ")} FROM ${rawTable(name)}),
     fresh AS (SELECT *, ${nth} FROM given WHERE ${comesAgain}),
     known AS (SELECT ${compared.join(", ")}, ${nth} FROM held WHERE ${comesAgain})
     SELECT ${chosen} FROM given WHERE ${isBeyond}
     UNION ALL
     SELECT ${chosen} FROM (SELECT fresh.* FROM fresh ANTI JOIN known ON ${isSame.join(" AND ")})`;
  const params = start === undefined
    ? []
    : [start.cursor.value, ...start.from === undefined ? [] : [start.from.value]];
  const list = columns.map(quoteIdentifier).join(", ");
  if (!hasNumbers) {
    const values = columns.map((_, i) => `c${i}`).join(", ");
    await session.run(`INSERT INTO ${rawTable(name)} (${list}) ${news(values)}`, params);
    return;
  }
  await session.run(
    `DELETE FROM ${incoming} WHERE ${quoteIdentifier(ROW_COLUMN)} NOT IN (${news("number")})`,
    params,
  );
  await session.run(`INSERT INTO ${rawTable(name)} (${list}) SELECT ${list} FROM ${incoming}`);
}

/** After a load straight into the quoted `table`: leaves one row a key. */
export async function dedupeTable(
  session: SqlSession,
  name: string,
  stream: StreamDefinition,
  table: string,
): Promise<void> {
  const keys = stream.primary_key ?? [];
  await refuseNullKeys(session, name, keys, table);
  const keyList = keys.map(quoteIdentifier).join(", ");
  const [row] = await session.rows(
    `SELECT count(*) AS "rows", count(DISTINCT (${keyList})) AS "keys" FROM ${table}`,
  );
  if (row?.["rows"] === row?.["keys"]) return;
  await session.run(`CREATE OR REPLACE TABLE ${table} AS SELECT * FROM ${table} ${newestOfKey(stream)}`);
}

/** Gives each of the new rows in the quoted `table` its number; of several rows of one key the newest stays where they are merged. */
export async function numberRows(
  session: SqlSession,
  stream: StreamDefinition,
  table: string,
): Promise<void> {
  const chosen = stream.mode === "incremental" ? newestOfKey(stream) : "";
  await session.run(
    `CREATE OR REPLACE TABLE ${table} AS SELECT *, rowid AS ${
      quoteIdentifier(ROW_COLUMN)
    } FROM ${table} ${chosen}`,
  );
}

function newestOfKey(stream: StreamDefinition): string {
  const keyList = (stream.primary_key ?? []).map(quoteIdentifier).join(", ");
  const order = stream.update_key === undefined
    ? ""
    : ` ORDER BY ${quoteIdentifier(stream.update_key)} DESC NULLS LAST`;
  return `QUALIFY row_number() OVER (PARTITION BY ${keyList}${order}) = 1`;
}

async function refuseNullKeys(
  session: SqlSession,
  name: string,
  keys: readonly string[],
  table: string,
): Promise<void> {
  const isNull = keys.map((key) => `${quoteIdentifier(key)} IS NULL`).join(" OR ");
  const [row] = await session.rows(`SELECT count(*) AS n FROM ${table} WHERE ${isNull}`);
  if (row?.["n"] !== 0) {
    throw new AppError(
      "invalid",
      `Cannot merge stream "${name}": ${row?.["n"]} rows have no value in the primary key (${
        keys.join(", ")
      })`,
    );
  }
}
