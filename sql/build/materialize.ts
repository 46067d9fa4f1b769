import { AppError } from "../../contract/errors.ts";
import { quoteIdentifier, SqlError, type SqlSession } from "../../contract/sql.ts";
import type { BuildWindow } from "./batches.ts";
import { declareEphemerals, withEphemerals } from "./ephemeral.ts";
import { materializeHistory } from "./history.ts";
import { requireContract } from "./contract.ts";
import { materializeIncremental } from "./incremental.ts";
import { checkStoredKey } from "./model_key.ts";
import { type Model, modelTable } from "../language/model.ts";
import { type Materialized, runModelSql } from "./run_model_sql.ts";

export type { Materialized } from "./run_model_sql.ts";

/** What a model is built over. */
export type RelationKind = "table" | "view";

export interface MaterializeOptions {
  /** Builds an incremental model from nothing. */
  readonly fullRefresh: boolean;
  /** What an incremental model is built for; without it as its caller has set the variables. */
  readonly window?: BuildWindow;
  /** The quoted table that an incremental model is built into, in place of its own. */
  readonly table?: string;
  /** The ephemeral models that a view reads: its query holds theirs. */
  readonly ephemerals?: readonly Model[];
  /** What stands under the model's name, `none` for nothing; DuckDB is asked where it is not given. */
  readonly existing?: RelationKind | "none" | undefined;
}

/**
 * Builds a model as main.<name>. Call it in a transaction: what it throws is to be rolled back, and
 * until the commit readers see what was there. Throws SqlError with file and line where the model's
 * SQL fails, and invalid where keys are NULL or come twice, or an incremental model's columns do not fit.
 */
export async function materialize(
  session: SqlSession,
  model: Model,
  { fullRefresh, window, table, ephemerals = [], existing: known }: MaterializeOptions,
): Promise<Materialized> {
  if (model.materialized === "ephemeral") {
    // The session may know the model already, and then means that by its name.
    await session.run(`DROP VIEW IF EXISTS temp.${quoteIdentifier(model.name)}`);
  }
  const found = known ?? await relationKind(session, model.name);
  const existing = found === "none" ? undefined : found;
  // A run that failed in the middle of an incremental model could not reset it.
  await session.setVariables({ cursor: null });
  await requireContract(session, model, existing === "table" && !fullRefresh);
  if (model.materialized === "ephemeral") {
    if (existing !== undefined) await session.run(`DROP ${existing.toUpperCase()} ${modelTable(model.name)}`);
    await declareEphemerals(session, [model]);
    return { rows: null, sql: model.sql };
  }
  if (model.materialized === "scd2") {
    if (window === undefined) throw new AppError("internal", `${model.name} is built without its moment`);
    if (existing === "view") await session.run(`DROP VIEW ${modelTable(model.name)}`);
    return await materializeHistory(session, model, {
      hasTable: existing === "table" && !fullRefresh,
      window,
    });
  }
  if (model.materialized === "incremental") {
    if (existing === "view" && table === undefined) await session.run(`DROP VIEW ${modelTable(model.name)}`);
    return await materializeIncremental(session, model, {
      table: table ?? modelTable(model.name),
      hasTable: !fullRefresh && (table !== undefined || existing === "table"),
      ...(window === undefined ? {} : { window }),
    });
  }
  const kind = model.materialized === "view" ? "VIEW" : "TABLE";
  if (existing !== undefined && existing.toUpperCase() !== kind) {
    await session.run(`DROP ${existing.toUpperCase()} ${modelTable(model.name)}`);
  }
  const { prefix, suffix } = withEphemerals(kind === "VIEW" ? ephemerals : []);
  const create = `CREATE OR REPLACE ${kind} ${modelTable(model.name)} AS\n`;
  const { sql, rows } = await runModelSql(session, model, create + prefix, suffix);
  if (model.primaryKey.length > 0) await checkStoredKey(session, model);
  return { rows: kind === "VIEW" ? null : rows, sql };
}

/** What stands in main under the name; undefined where nothing does. */
export async function relationKind(session: SqlSession, name: string): Promise<RelationKind | undefined> {
  const kind = await kindOf(session, modelTable(name), name);
  if (kind === "table" || kind === undefined) return kind;
  // DuckDB finds its own views under main, too.
  const isListed = kind === "unknown" ||
    await kindOf(session, `system.${modelTable(name)}`, name) !== undefined;
  return isListed ? await listedKind(session, name) : kind;
}

/**
 * By what is prepared and never run: asked for one name, DuckDB makes up its lists of tables and views whole. `unknown` is a view
 * that cannot be bound any more, as what it reads is gone.
 */
async function kindOf(
  session: SqlSession,
  relation: string,
  name: string,
): Promise<RelationKind | "unknown" | undefined> {
  try {
    await session.describe(`DELETE FROM ${relation}`);
    return "table";
  } catch (error) {
    if (!(error instanceof SqlError) || error.code !== "invalid") throw error;
    const missing = error.type === "Catalog"
      ? /^Table with name (.+?) does not exist!/.exec(error.message)
      : null;
    if (missing?.[1] === name) return undefined;
    return error.type === "Binder" && /only delete from base table/.test(error.message) ? "view" : "unknown";
  }
}

async function listedKind(session: SqlSession, name: string): Promise<RelationKind | undefined> {
  const mine = "database_name = current_database() AND schema_name = 'main'";
  const [found] = await session.rows(
    `SELECT 'view' AS kind FROM duckdb_views() WHERE ${mine} AND lower(view_name) = lower($1)
     UNION ALL SELECT 'table' FROM duckdb_tables() WHERE ${mine} AND lower(table_name) = lower($1)`,
    [name],
  );
  return found === undefined ? undefined : found["kind"] === "view" ? "view" : "table";
}
