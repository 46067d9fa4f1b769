import type { SqlSession } from "../../contract/sql.ts";
import type { BuildWindow } from "./batches.ts";
import { materializeIncremental } from "./incremental.ts";
import { checkStoredKey } from "./model_key.ts";
import { type Model, modelTable } from "../language/model.ts";
import { countRows, type Materialized, runModelSql } from "./run_model_sql.ts";

export type { Materialized } from "./run_model_sql.ts";

export interface MaterializeOptions {
  /** Builds an incremental model from nothing. */
  readonly fullRefresh: boolean;
  /** What an incremental model is built for; without it as its caller has set the variables. */
  readonly window?: BuildWindow;
  /** The quoted table that an incremental model is built into, in place of its own. */
  readonly table?: string;
}

/**
 * Builds a model as main.<name>. Call it in a transaction: what it throws is to be rolled back, and
 * until the commit readers see what was there. Throws SqlError with file and line where the model's
 * SQL fails, and invalid where keys are NULL or come twice, or an incremental model's columns do not fit.
 */
export async function materialize(
  session: SqlSession,
  model: Model,
  { fullRefresh, window, table }: MaterializeOptions,
): Promise<Materialized> {
  const existing = await relationKind(session, model.name);
  // A run that failed in the middle of an incremental model could not reset it.
  await session.run("RESET VARIABLE cursor");
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
  const sql = await runModelSql(session, model, `CREATE OR REPLACE ${kind} ${modelTable(model.name)} AS\n`);
  if (model.primaryKey.length > 0) await checkStoredKey(session, model);
  return { rows: kind === "VIEW" ? null : await countRows(session, modelTable(model.name)), sql };
}

/** What stands in main under the name; undefined where nothing does. */
export async function relationKind(session: SqlSession, name: string): Promise<"table" | "view" | undefined> {
  const [row] = await session.rows(
    `SELECT table_type FROM information_schema.tables
     WHERE table_catalog = current_database() AND table_schema = 'main' AND lower(table_name) = lower($1)`,
    [name],
  );
  if (row === undefined) return undefined;
  return row["table_type"] === "VIEW" ? "view" : "table";
}
