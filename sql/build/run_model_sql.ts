import type { SqlSession } from "../../contract/sql.ts";
import { toModelError } from "../language/explain_error.ts";
import { withoutTerminators } from "../language/scan_sql.ts";
import type { Model } from "../language/model.ts";

export interface Materialized {
  /** Rows of the table, rows merged for an incremental model, null for a view. */
  readonly rows: number | null;
  /** The SQL that ran. */
  readonly sql: string;
  /** Of a merge: columns that the query has and the table had not, and the other way about. */
  readonly added?: readonly string[];
  readonly gone?: readonly string[];
  /** Of those, what on_schema_change: sync_all_columns has dropped. */
  readonly dropped?: readonly string[];
  /** Columns of the query that on_schema_change: ignore has left out. */
  readonly ignored?: readonly string[];
}

/**
 * Runs `prefix`, the model's text and `suffix`; errors name the place in the file. Returns the SQL that ran, and how
 * many rows the table has that it made.
 */
export async function runModelSql(
  session: SqlSession,
  model: Model,
  prefix: string,
  suffix = "",
): Promise<{ readonly sql: string; readonly rows: number }> {
  const sql = `${prefix}${suffix === "" ? model.sql : withoutTerminators(model.sql)}${suffix}`;
  try {
    return { sql, rows: await session.run(sql) };
  } catch (error) {
    throw toModelError(error, model, prefix.length);
  }
}

/** `table` is a quoted name. */
export async function countRows(session: SqlSession, table: string): Promise<number> {
  const [row] = await session.rows(`SELECT count(*) AS count FROM ${table}`);
  return Number(row?.["count"] ?? 0);
}
