import { AppError } from "../../contract/errors.ts";
import type { Cursor } from "../../contract/connector.ts";
import type { Step } from "../../contract/run.ts";
import { findColumn, quoteIdentifier, quoteLiteral, type SqlSession } from "../../contract/sql.ts";

/**
 * Our own part of a pipeline's warehouse file, schema `_sluice`: what was committed by which run, and
 * how far incremental streams got. Both are written in the transaction of the rows themselves.
 */

/** Append-only: a file made by an older version gets the rest, one made by a newer one is refused. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE _sluice.steps (
     run_id VARCHAR NOT NULL,
     step VARCHAR NOT NULL,
     result VARCHAR NOT NULL,
     committed_at TIMESTAMPTZ NOT NULL,
     PRIMARY KEY (run_id, step)
   );
   CREATE TABLE _sluice.cursors (
     stream VARCHAR PRIMARY KEY,
     "column" VARCHAR NOT NULL,
     "value" VARCHAR NOT NULL,
     "type" VARCHAR NOT NULL,
     run_id VARCHAR NOT NULL,
     updated_at TIMESTAMPTZ NOT NULL
   );`,
];

/** What earlier runs committed is of no use after this; a run is not retried that late. */
const KEEP_STEPS_DAYS = 90;

/** Brings the warehouse's own tables up to date. Throws `invalid` for a file of a newer version. */
export async function prepareWarehouse(session: SqlSession): Promise<void> {
  await session.run(
    `CREATE SCHEMA IF NOT EXISTS raw;
     CREATE SCHEMA IF NOT EXISTS _sluice;
     CREATE TABLE IF NOT EXISTS _sluice.migrations (version INTEGER PRIMARY KEY, applied_at TIMESTAMPTZ NOT NULL)`,
  );
  const [row] = await session.rows("SELECT coalesce(max(version), 0) AS version FROM _sluice.migrations");
  const version = Number(row?.["version"] ?? 0);
  if (version > MIGRATIONS.length) {
    throw new AppError(
      "invalid",
      `The warehouse is of a newer Sluice (its version ${version}, known ${MIGRATIONS.length})`,
      {
        detail: "Use the newer version again, or restore a backup that was made before it ran.",
      },
    );
  }
  for (const [index, sql] of MIGRATIONS.slice(version).entries()) {
    await session.transaction(async () => {
      await session.run(sql);
      await session.run("INSERT INTO _sluice.migrations VALUES (?, now())", [version + index + 1]);
    });
  }
}

/** The steps that this run has committed, in this attempt or an earlier one. */
export async function committedSteps(session: SqlSession, runId: string): Promise<Map<string, Step>> {
  const rows = await session.rows("SELECT step, result FROM _sluice.steps WHERE run_id = ?", [runId]);
  return new Map(rows.map((row) => [String(row["step"]), JSON.parse(String(row["result"]))]));
}

/** Marks the step as done; called in the transaction that does it. */
export async function recordStep(session: SqlSession, runId: string, step: Step): Promise<void> {
  await session.run("INSERT OR REPLACE INTO _sluice.steps VALUES (?, ?, ?, now())", [
    runId,
    step.name,
    JSON.stringify(step),
  ]);
}

export async function forgetOldSteps(session: SqlSession): Promise<void> {
  await session.run(`DELETE FROM _sluice.steps WHERE committed_at < now() - INTERVAL ${KEEP_STEPS_DAYS} DAY`);
}

/** Where the stream got to; undefined where it has no cursor, or one of another column. */
export async function readCursor(
  session: SqlSession,
  stream: string,
  column: string,
): Promise<Cursor | undefined> {
  const [row] = await session.rows(
    `SELECT "value", "type" FROM _sluice.cursors WHERE stream = ? AND "column" = ?`,
    [stream, column],
  );
  if (row !== undefined) return { column, value: String(row["value"]), type: String(row["type"]) };
  if (findColumn(await tableColumns(session, "raw", stream), column) === undefined) return undefined;
  const key = quoteIdentifier(column);
  const [top] = await session.rows(
    `SELECT max(${key})::VARCHAR AS "value", any_value(typeof(${key})) AS "type" FROM ${rawTable(stream)}`,
  );
  if (typeof top?.["value"] !== "string") return undefined;
  return { column, value: top["value"], type: String(top["type"]) };
}

/** Moves the cursor to the greatest `column` of `raw.<stream>`; called in the transaction of the rows. */
export async function moveCursor(
  session: SqlSession,
  stream: string,
  column: string,
  runId: string,
): Promise<void> {
  const table = rawTable(stream);
  const key = quoteIdentifier(column);
  await session.run(
    `INSERT OR REPLACE INTO _sluice.cursors
     SELECT ?, ?, max(${key})::VARCHAR, any_value(typeof(${key})), ?, now() FROM ${table}
     HAVING max(${key}) IS NOT NULL`,
    [stream, column, runId],
  );
}

export async function forgetCursor(session: SqlSession, stream: string): Promise<void> {
  await session.run("DELETE FROM _sluice.cursors WHERE stream = ?", [stream]);
}

export const rawTable = (stream: string): string => `raw.${quoteIdentifier(stream)}`;

/** The columns of a table of this database, in order; empty where there is no such table. */
export async function tableColumns(
  session: SqlSession,
  schema: string,
  table: string,
): Promise<{ name: string; type: string }[]> {
  const rows = await session.rows(
    `SELECT column_name, data_type FROM duckdb_columns()
     WHERE database_name = current_database() AND schema_name = ${quoteLiteral(schema)}
       AND lower(table_name) = lower(${quoteLiteral(table)}) ORDER BY column_index`,
  );
  return rows.map((row) => ({ name: String(row["column_name"]), type: String(row["data_type"]) }));
}
