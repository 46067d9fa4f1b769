import { quoteIdentifier, quoteLiteral, type SqlSession } from "../../../contract/sql.ts";
import { modelTable } from "../../../sql/language/model.ts";

/**
 * Tables of models that go on with their rows, as they were before the last run of a pipeline that keeps its inputs:
 * what a replay of the run begins with. Each is written in the transaction that builds its model.
 */

const PREFIX = "before ";

/** Quoted. */
export const tableBefore = (model: string): string => `_sluice.${quoteIdentifier(PREFIX + model)}`;

/** Called before the first rows of this run go into the model's table. */
export async function keepTableBefore(session: SqlSession, model: string): Promise<void> {
  await session.run(`CREATE OR REPLACE TABLE ${tableBefore(model)} AS SELECT * FROM ${modelTable(model)}`);
}

/** Those of models that are not among the names any more. */
export async function dropTablesBefore(session: SqlSession, but: Iterable<string>): Promise<void> {
  const rows = await session.rows(
    `SELECT table_name AS name FROM duckdb_tables() WHERE database_name = current_database()
       AND schema_name = '_sluice' AND starts_with(table_name, ${quoteLiteral(PREFIX)})`,
  );
  const kept = new Set([...but].map((model) => PREFIX + model));
  for (const { name } of rows) {
    if (!kept.has(String(name))) await session.run(`DROP TABLE _sluice.${quoteIdentifier(String(name))}`);
  }
}
