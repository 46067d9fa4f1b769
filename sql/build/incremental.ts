import { AppError } from "../../contract/errors.ts";
import { formatFault } from "../../text/fault.ts";
import {
  type Column,
  findColumn,
  isSameName,
  quoteIdentifier,
  SqlError,
  type SqlSession,
} from "../../contract/sql.ts";
import { didYouMean } from "../../text/suggest.ts";
import { toModelError } from "../language/explain_error.ts";
import { headerPlace, type Model, modelTable } from "../language/model.ts";
import { tablesOf } from "../language/parse_tree.ts";
import { resolveTable, tableNames } from "../language/resolve_table.ts";
import { rowText } from "../language/row_text.ts";
import { countRows, type Materialized, runModelSql } from "./run_model_sql.ts";
import { withoutTerminators } from "../language/scan_sql.ts";

/**
 * Merges the rows of the model's SELECT into its table by primary key: a row with a known key takes
 * the place of the old one. While the SELECT runs, `getvariable('cursor')` is the greatest
 * update_key of the table, or a NULL of its type where the table is new.
 */
export async function materializeIncremental(
  session: SqlSession,
  model: Model,
  hasTable: boolean,
): Promise<Materialized> {
  try {
    if (hasTable) return await merge(session, model, await readsItself(session, model));
    if (await readsItself(session, model)) {
      const create = declaredTable(model);
      // Types are the header's own text; what is prepared is one statement.
      await session.describe(create);
      await session.run(create);
      const { rows, sql } = await merge(session, model);
      return { rows, sql: `${create};\n${sql}` };
    }
    return await create(session, model);
  } finally {
    await resetCursor(session);
  }
}

async function create(session: SqlSession, model: Model): Promise<Materialized> {
  await declareCursor(session, model);
  const sql = await runModelSql(session, model, `CREATE OR REPLACE TABLE ${modelTable(model.name)} AS\n`);
  const columns = await columnsOfTable(session, modelTable(model.name));
  await checkKey(session, model, modelTable(model.name), columns);
  return { rows: await countRows(session, modelTable(model.name)), sql };
}

async function merge(session: SqlSession, model: Model, isSelfReading = false): Promise<Materialized> {
  const table = modelTable(model.name);
  const stage = quoteIdentifier(`_sluice_merge_${model.name}`);
  const stored = await columnsOfTable(session, table);
  const declared = isSelfReading ? await addDeclared(session, model, stored) : [];
  const before = declared.length === 0 ? stored : await columnsOfTable(session, table);
  await setCursor(session, model, before);
  const select = await runModelSql(session, model, `CREATE OR REPLACE TEMP TABLE ${stage} AS\n`);
  const after = await columnsOfTable(session, stage);
  await checkKey(session, model, stage, after);
  const added = newColumns(model, before, after);
  const isSame = model.primaryKey.map((key) => `t.${quoteIdentifier(key)} = s.${quoteIdentifier(key)}`);
  const statements = [
    ...added.map(({ name, type }) => `ALTER TABLE ${table} ADD COLUMN ${quoteIdentifier(name)} ${type}`),
    `DELETE FROM ${table} AS t USING ${stage} AS s WHERE ${isSame.join(" AND ")}`,
    `INSERT INTO ${table} BY NAME SELECT * FROM ${stage}`,
  ];
  for (const statement of statements) await session.run(statement);
  const rows = await countRows(session, stage);
  await session.run(`DROP TABLE ${stage}`);
  return {
    rows,
    sql: [...declared, `${withoutTerminators(select).trimEnd()}\n`, ...statements].join(";\n"),
    added: after.filter(({ name }) => findColumn(stored, name) === undefined).map(({ name }) => name),
    gone: stored.filter(({ name }) => findColumn(after, name) === undefined).map(({ name }) => name),
  };
}

/** A model that reads itself cannot be bound before its new columns are there. Returns the statements. */
async function addDeclared(session: SqlSession, model: Model, stored: readonly Column[]): Promise<string[]> {
  const statements: string[] = [];
  for (const [name, { type }] of Object.entries(model.columns)) {
    if (type === undefined || findColumn(stored, name) !== undefined) continue;
    const add = `ALTER TABLE ${modelTable(model.name)} ADD COLUMN ${quoteIdentifier(name)} ${type}`;
    // The type is the header's own text; what is prepared is one statement.
    await session.describe(add);
    await session.run(add);
    statements.push(add);
  }
  return statements;
}

async function readsItself(session: SqlSession, model: Model): Promise<boolean> {
  const names = tableNames([model.name], []);
  return (await tablesOf(session, model.sql).catch((error) => {
    throw toModelError(error, model, 0);
  })).some((table) => "node" in resolveTable(table, names));
}

/** The empty table of a model that reads itself: it must be there before its SELECT can be bound. */
export function declaredTable(model: Model): string {
  const columns = Object.entries(model.columns).map(([name, { type }]) => {
    if (type !== undefined) return `${quoteIdentifier(name)} ${type}`;
    throw headerError(
      model,
      ["columns", name],
      `${model.name} reads itself, so column ${name} needs its type`,
    );
  });
  if (columns.length === 0) {
    throw headerError(
      model,
      [],
      `${model.name} reads itself, so its header must give every column with its type`,
    );
  }
  return `CREATE OR REPLACE TABLE ${modelTable(model.name)} (${columns.join(", ")})`;
}

async function setCursor(session: SqlSession, model: Model, columns: readonly Column[]): Promise<void> {
  const { updateKey } = model;
  if (updateKey === undefined || findColumn(columns, updateKey) === undefined) {
    await declareCursor(session, model);
    return;
  }
  const table = modelTable(model.name);
  await session.run(`SET VARIABLE cursor = (SELECT max(${quoteIdentifier(updateKey)}) FROM ${table})`);
}

/**
 * What a cursor mostly is, for queries that do not bind without a type, as `cursor - INTERVAL 1 DAY`;
 * what turns into others comes before them.
 */
const CURSOR_TYPES = ["DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "BIGINT", "VARCHAR"];

/** A type that does not come to rest by then never does. */
const MAX_CURSOR_ROUNDS = 3;

/**
 * Makes the cursor a NULL with the type of the update_key, so that what is compared with it binds as
 * it will later; without an update_key it stays unset. Returns the columns of the query.
 */
export async function declareCursor(session: SqlSession, model: Model): Promise<Column[]> {
  await session.run("RESET VARIABLE cursor");
  if (model.updateKey === undefined) return await describe(session, model);
  // The type of the update_key may depend on the type of the cursor: try until both agree.
  const declared = Object.entries(model.columns).find(([name]) => isSameName(name, model.updateKey ?? ""))
    ?.[1];
  let failure: unknown;
  for (const guess of [declared?.type, undefined, ...CURSOR_TYPES]) {
    try {
      return await declareCursorAs(session, model, model.updateKey, guess);
    } catch (error) {
      if (!(error instanceof SqlError) || error.code !== "invalid") throw error;
      failure ??= error;
    }
  }
  throw failure;
}

async function declareCursorAs(
  session: SqlSession,
  model: Model,
  updateKey: string,
  guess: string | undefined,
): Promise<Column[]> {
  let type = guess;
  for (let round = 0;; round++) {
    await session.run(
      type === undefined ? "RESET VARIABLE cursor" : `SET VARIABLE cursor = CAST(NULL AS ${type})`,
    );
    const columns = await describe(session, model);
    const column = findColumn(columns, updateKey);
    if (column === undefined) throw missingColumn(model, "update_key", updateKey, columns);
    if (column.type === type || round === MAX_CURSOR_ROUNDS) return columns;
    type = column.type;
  }
}

async function describe(session: SqlSession, model: Model): Promise<Column[]> {
  try {
    return await session.describe(model.sql);
  } catch (error) {
    throw toModelError(error, model, 0);
  }
}

async function resetCursor(session: SqlSession): Promise<void> {
  try {
    await session.run("RESET VARIABLE cursor");
  } catch (error) {
    // In a transaction that has failed nothing runs any more; the failure itself is on its way.
    if (!(error instanceof SqlError)) throw error;
  }
}

/** Throws invalid where the primary_key is NULL or comes twice among all rows of the model's table. */
export async function checkStoredKey(session: SqlSession, model: Model): Promise<void> {
  const table = modelTable(model.name);
  await checkKey(session, model, table, await columnsOfTable(session, table));
}

/** A key that is NULL or comes twice cannot say which row it replaces. */
async function checkKey(
  session: SqlSession,
  model: Model,
  table: string,
  columns: readonly Column[],
): Promise<void> {
  for (const key of model.primaryKey) {
    if (findColumn(columns, key) === undefined) throw missingColumn(model, "primary_key", key, columns);
  }
  const keys = model.primaryKey.map(quoteIdentifier);
  const place = ["primary_key"];
  const isNull = keys.map((key) => `${key} IS NULL`).join(" OR ");
  const [nulls] = await session.rows(`SELECT count(*) AS count FROM ${table} WHERE ${isNull}`);
  if (Number(nulls?.["count"]) > 0) {
    const [row] = await session.rows(`SELECT ${keys.join(", ")} FROM ${table} WHERE ${isNull} LIMIT 1`);
    throw headerError(
      model,
      place,
      `the key (${model.primaryKey.join(", ")}) of ${model.name} is NULL in ${nulls?.["count"]} row${
        nulls?.["count"] === 1 ? "" : "s"
      }, ` +
        `as ${rowText(row ?? {})}`,
    );
  }
  const [repeated] = await session.rows(
    `SELECT ${keys.join(", ")}, count(*) AS "rows" FROM ${table} GROUP BY ${
      keys.join(", ")
    } HAVING count(*) > 1 LIMIT 1`,
  );
  if (repeated !== undefined) {
    throw headerError(
      model,
      place,
      `the key (${model.primaryKey.join(", ")}) of ${model.name} comes more than once, as ${
        rowText(repeated)
      }`,
    );
  }
}

/** Throws invalid where a column has another type than in the table. */
function newColumns(model: Model, before: readonly Column[], after: readonly Column[]): Column[] {
  return after.filter(({ name, type }) => {
    const known = findColumn(before, name);
    if (known === undefined) return true;
    if (known.type === type) return false;
    throw new AppError(
      "invalid",
      `Cannot merge the model ${model.name}: column ${name} is ${known.type} in its table and ${type} in the ` +
        `query now; cast it, or run with --full-refresh to build the table anew`,
      {
        faults: [{
          ...headerPlace(model, []),
          message: `column ${name} has changed its type`,
          severity: "error",
        }],
      },
    );
  });
}

async function columnsOfTable(session: SqlSession, table: string): Promise<Column[]> {
  return await session.describe(`SELECT * FROM ${table}`);
}

function missingColumn(model: Model, key: string, name: string, columns: readonly Column[]): AppError {
  const hint = didYouMean(name, columns.map((column) => column.name));
  return headerError(model, [key], `${key}: the query has no column ${name}${hint}`);
}

function headerError(model: Model, path: readonly (string | number)[], message: string): AppError {
  const fault = { ...headerPlace(model, path), message, severity: "error" } as const;
  return new AppError("invalid", `Cannot build the model ${model.name}: ${formatFault(fault)}`, {
    faults: [fault],
  });
}
