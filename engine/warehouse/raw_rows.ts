import { AppError } from "../../contract/errors.ts";
import type { Cursor } from "../../contract/connector/source.ts";
import type { StreamDefinition } from "../../contract/pipeline/stream.ts";
import {
  type Column,
  findColumn,
  isSameName,
  nameKey,
  quoteIdentifier,
  type SqlSession,
} from "../../contract/sql.ts";
import { changeType, hasValues, type TypedColumn, typeOfBoth } from "./column_types.ts";
import { rawTable, tableColumns } from "./raw_table.ts";
import { finiteCondition } from "./stream_state.ts";

/**
 * How new rows of a stream, held in the quoted table `incoming`, get into `raw.<stream>`. All of it
 * runs in the transaction of the extract.
 */

/** Puts the rows by primary key: a known key is replaced, of several rows of one key the newest stays. */
export async function mergeRows(
  session: SqlSession,
  name: string,
  stream: StreamDefinition,
  incoming: string,
): Promise<void> {
  const keys = stream.primary_key ?? [];
  const columns = await alignColumns(session, name, stream, incoming);
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
): Promise<void> {
  const columns = await alignColumns(session, name, stream, incoming);
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
 * Adds the rows that are not there yet. A source gives the rows from `from` to the cursor again, and
 * those that no cursor can pass: without a value, infinite or NaN. Of these as many are added as there are more
 * than before. They are compared by the columns that were there before, as a column that is added or
 * renamed makes no row a new one.
 */
export async function appendNewRows(
  session: SqlSession,
  name: string,
  stream: StreamDefinition,
  incoming: string,
  key: string,
  start: AppendedFrom | undefined,
): Promise<void> {
  const held = await tableColumns(session, "raw", name);
  if (findColumn(held, key) === undefined) {
    throw new AppError(
      "invalid",
      `Stream "${name}" appends by "${key}", but the rows that are there have no such column: which of the source's rows are new?`,
      { detail: "Run once with --full-refresh to start over with it." },
    );
  }
  const columns = await alignColumns(session, name, stream, incoming);
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
  const all = columns.map((_, i) => `fresh.c${i}`).join(", ");
  const nth = `row_number() OVER (PARTITION BY ${compared.join(", ")}) AS nth`;
  const isSame = [...compared, "nth"].map((column) => `fresh.${column} IS NOT DISTINCT FROM known.${column}`);
  await session.run(
    `INSERT INTO ${rawTable(name)} (${columns.map(quoteIdentifier).join(", ")})
     WITH given AS (SELECT ${casts.join(", ")} FROM ${incoming}),
     held AS (SELECT ${before.join(", ")} FROM ${rawTable(name)}),
     fresh AS (SELECT *, ${nth} FROM given WHERE ${comesAgain}),
     known AS (SELECT ${compared.join(", ")}, ${nth} FROM held WHERE ${comesAgain})
     SELECT * FROM given WHERE ${isBeyond}
     UNION ALL
     SELECT ${all} FROM fresh ANTI JOIN known ON ${isSame.join(" AND ")}`,
    start === undefined ? [] : [start.cursor.value, ...start.from === undefined ? [] : [start.from.value]],
  );
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

/**
 * Follows the stream's contract where its columns changed; returns the columns to insert. Those in `ours` are
 * none of the source's, here or there.
 */
export async function alignColumns(
  session: SqlSession,
  name: string,
  stream: StreamDefinition,
  incoming: string,
  ours: readonly string[] = [],
): Promise<string[]> {
  const ofSource = (column: Column) => !ours.includes(column.name);
  const held = new Map(
    (await tableColumns(session, "raw", name)).filter(ofSource).map((column) => [
      nameKey(column.name),
      column,
    ]),
  );
  const fresh = (await session.describe(`SELECT * FROM ${incoming}`)).filter(ofSource);
  const freshNames = new Set(fresh.map((column) => nameKey(column.name)));
  const missing = [...held.values()].filter((column) => !freshNames.has(nameKey(column.name)));
  const added = fresh.filter((column) => !held.has(nameKey(column.name)));
  if (stream.contract.columns === "freeze" && (missing.length > 0 || added.length > 0)) {
    throw frozenColumns(name, added, missing);
  }
  for (const column of added) {
    await session.run(
      `ALTER TABLE ${rawTable(name)} ADD COLUMN ${quoteIdentifier(column.name)} ${column.type}`,
    );
  }
  for (const column of fresh) {
    const before = held.get(nameKey(column.name));
    if (before !== undefined && before.type !== column.type) {
      await alignType(
        session,
        name,
        stream,
        { ...before, table: rawTable(name) },
        { ...column, table: incoming },
      );
    }
  }
  return fresh.map((column) => column.name);
}

/** Makes the table and the new rows hold each other's values in one column, or throws. */
async function alignType(
  session: SqlSession,
  name: string,
  stream: StreamDefinition,
  held: TypedColumn,
  given: TypedColumn,
): Promise<void> {
  // No news is no error: where no new row has a value, there is nothing that could not be held.
  if (!await hasValues(session, given)) return;
  if (!await hasValues(session, held)) return await changeType(session, held, given.type);
  const isOrdered = stream.update_key !== undefined && isSameName(stream.update_key, held.name);
  const type = await typeOfBoth(session, held, given, { isOrdered });
  // What fits into the table as it is, is no change of its type: INTEGER into BIGINT.
  const fits = type === held.type && (held.type !== "VARCHAR" || stream.contract.types === "evolve");
  if (!fits && (type === undefined || stream.contract.types === "freeze")) {
    throw changedType(name, stream, held, given, isOrdered);
  }
  await changeType(session, given, type ?? held.type);
  await changeType(session, held, type ?? held.type);
}

function changedType(
  name: string,
  stream: StreamDefinition,
  held: TypedColumn,
  given: TypedColumn,
  isOrdered: boolean,
): AppError {
  const what = `Stream "${name}": column "${given.name}" was ${held.type} and is now ${given.type}`;
  if (stream.contract.types === "freeze") {
    return new AppError("invalid", `${what}, and its contract freezes types`, {
      detail:
        "Set contract: {types: evolve} on the stream, or run once with --full-refresh to take the new type.",
    });
  }
  const why = isOrdered
    ? "it is the update_key, whose values must sort as before"
    : "no type holds the values of both";
  return new AppError("invalid", `${what}, and ${why}`, {
    detail:
      "Give the column one type where it is read (options.columns, or a cast in a query), or run once with --full-refresh to take the new type.",
  });
}

function frozenColumns(name: string, added: readonly Column[], missing: readonly Column[]): AppError {
  const parts = [
    ...(added.length === 0 ? [] : [`new: ${added.map((column) => column.name).join(", ")}`]),
    ...(missing.length === 0 ? [] : [`gone: ${missing.map((column) => column.name).join(", ")}`]),
  ];
  return new AppError(
    "invalid",
    `Stream "${name}" has other columns than before (${parts.join("; ")}), and its contract freezes columns`,
    { detail: "Set contract: {columns: evolve} on the stream, or run once with --full-refresh." },
  );
}
