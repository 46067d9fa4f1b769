import { type Column, findColumn, isSameName, quoteIdentifier, type SqlSession } from "../../contract/sql.ts";
import { toModelError } from "../language/explain_error.ts";
import { type Model, modelTable } from "../language/model.ts";
import { tablesOf } from "../language/parse_tree.ts";
import { resolveTable, tableNames } from "../language/resolve_table.ts";
import { withoutTerminators } from "../language/scan_sql.ts";
import { type BuildWindow, isByWindow } from "./batches.ts";
import { declareCursor, resetCursor, setCursor } from "./cursor.ts";
import { headerError } from "./header_error.ts";
import { checkKey, checkKeysOf } from "./model_key.ts";
import { deletePartitions, partitionExpressions } from "./partitions.ts";
import { type Materialized, runModelSql } from "./run_model_sql.ts";
import { columnsOfTable, fitColumns } from "./stored_columns.ts";
import { isWithin, requireWithin } from "./time_window.ts";
import { setWindow } from "./variables.ts";

export interface IncrementalOptions {
  /** The quoted table that takes the rows. */
  readonly table: string;
  /** Whether it is there, and gone on with. */
  readonly hasTable: boolean;
  /** Undefined where the caller has set the window, for a model that is not built by it. */
  readonly window?: BuildWindow;
}

/**
 * Brings the rows of the model's SELECT into its table, as its strategy says. While the SELECT runs,
 * `getvariable('cursor')` is the greatest update_key of the table, or a NULL of its type where the table is new, and
 * `window_start` and `window_end` are those of the window.
 */
export async function materializeIncremental(
  session: SqlSession,
  model: Model,
  options: IncrementalOptions,
): Promise<Materialized> {
  const { table, hasTable, window } = options;
  try {
    if (window !== undefined) await setWindow(session, window, isByWindow(model));
    if (hasTable) return await take(session, model, options, await readsItself(session, model));
    if (await readsItself(session, model)) {
      const create = declaredTable(model);
      // Types are the header's own text; what is prepared is one statement.
      await session.describe(create);
      await session.run(create);
      const { rows, sql } = await take(session, model, { ...options, table: modelTable(model.name) });
      return { rows, sql: `${create};\n${sql}` };
    }
    return await create(session, model, table, window);
  } finally {
    await resetCursor(session);
  }
}

async function create(
  session: SqlSession,
  model: Model,
  table: string,
  window: BuildWindow | undefined,
): Promise<Materialized> {
  await declareCursor(session, model);
  const { sql, rows } = await runModelSql(session, model, `CREATE OR REPLACE TABLE ${table} AS\n`);
  const columns = await columnsOfTable(session, table);
  await checkKey(session, model, table, columns);
  if (window !== undefined && isByWindow(model)) await requireWithin(session, model, window, table, columns);
  await partitionExpressions(session, model, table, columns);
  return { rows, sql };
}

async function take(
  session: SqlSession,
  model: Model,
  { table, window }: IncrementalOptions,
  isSelfReading = false,
): Promise<Materialized> {
  const stage = quoteIdentifier(`_sluice_rows_${model.name}`);
  const stored = await columnsOfTable(session, table);
  const declared = isSelfReading ? await addDeclared(session, model, stored) : [];
  const before = declared.length === 0 ? stored : await columnsOfTable(session, table);
  await setCursor(session, model, table, before);
  const { sql: select, rows } = await runModelSql(
    session,
    model,
    `CREATE OR REPLACE TEMP TABLE ${stage} AS\n`,
  );
  const after = await columnsOfTable(session, stage);
  await checkKey(session, model, stage, after);
  if (window !== undefined && isByWindow(model)) await requireWithin(session, model, window, stage, after);
  const fitted = await fitColumns(session, model, table, before, after);
  const columns = fitted.ignored.length === 0
    ? "*"
    : `* EXCLUDE (${fitted.ignored.map(quoteIdentifier).join(", ")})`;
  const statements = [
    ...await replacedRows(session, model, { table, stage, window, columns: after }),
    `INSERT INTO ${table} BY NAME SELECT ${columns} FROM ${stage}`,
  ];
  for (const statement of statements) await session.run(statement);
  if (model.strategy !== "merge") await checkKeysOf(session, model, table, stage);
  await session.run(`DROP TABLE ${stage}`);
  const isKept = ({ name }: Column) => !fitted.ignored.some((other) => isSameName(other, name));
  const isStored = ({ name }: Column) => !fitted.dropped.includes(name);
  return {
    rows,
    sql: [...declared, `${withoutTerminators(select).trimEnd()}\n`, ...fitted.statements, ...statements].join(
      ";\n",
    ),
    added: after.filter((column) => findColumn(stored, column.name) === undefined && isKept(column))
      .map(({ name }) => name),
    gone: stored.filter((column) => findColumn(after, column.name) === undefined && isStored(column))
      .map(({ name }) => name),
    dropped: fitted.dropped,
    ignored: fitted.ignored,
  };
}

interface Replacement {
  readonly table: string;
  /** What takes their place. */
  readonly stage: string;
  readonly window: BuildWindow | undefined;
  /** Those of the stage. */
  readonly columns: readonly Column[];
}

/** The statement that deletes what the staged rows replace; none where they are added. */
async function replacedRows(
  session: SqlSession,
  model: Model,
  { table, stage, window, columns }: Replacement,
): Promise<string[]> {
  if (model.strategy === "append") return [];
  if (model.strategy === "merge") {
    const isSame = model.primaryKey.map((key) => `t.${quoteIdentifier(key)} = s.${quoteIdentifier(key)}`);
    return [`DELETE FROM ${table} AS t USING ${stage} AS s WHERE ${isSame.join(" AND ")}`];
  }
  if (model.partitionBy.length > 0) {
    return [deletePartitions(table, stage, await partitionExpressions(session, model, stage, columns))];
  }
  return [`DELETE FROM ${table}${window === undefined ? "" : ` WHERE ${isWithin(model, window, columns)}`}`];
}

/** A model that reads itself cannot be bound before its new columns are there. Returns the statements. */
async function addDeclared(session: SqlSession, model: Model, stored: readonly Column[]): Promise<string[]> {
  const statements: string[] = [];
  if (model.onSchemaChange === "fail" || model.onSchemaChange === "ignore") return statements;
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

/** Whether the model's SELECT names its own table. */
export async function readsItself(session: SqlSession, model: Model): Promise<boolean> {
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
