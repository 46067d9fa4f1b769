import duckdb from "@duckdb/node-bindings";
import type { SqlValue } from "../../contract/sql.ts";
import { readRows } from "./from/row_reader.ts";
import { bindValues } from "./values.ts";

/** Runs one or more statements on a connection; parameters belong to the last one, whose result it returns. */
export async function execute(
  connection: duckdb.Connection,
  sql: string,
  params: readonly SqlValue[],
): Promise<duckdb.Result> {
  if (params.length === 0) return await duckdb.query(connection, sql);
  const { extracted_statements: statements, statement_count: count } = await duckdb.extract_statements(
    connection,
    sql,
  );
  if (count === 0) throw new Error(duckdb.extract_statements_error(statements));
  for (let index = 0; index < count - 1; index++) {
    await executeExtracted(connection, statements, index, []);
  }
  return await executeExtracted(connection, statements, count - 1, params);
}

async function executeExtracted(
  connection: duckdb.Connection,
  statements: duckdb.ExtractedStatements,
  index: number,
  params: readonly SqlValue[],
): Promise<duckdb.Result> {
  const statement = await duckdb.prepare_extracted_statement(connection, statements, index);
  try {
    bindValues(statement, params);
    return await duckdb.execute_prepared(statement);
  } finally {
    duckdb.destroy_prepare_sync(statement);
  }
}

/** DuckDB reports the count of CREATE TABLE AS as a row, and that of other statements as a number. */
export function changedRows(result: duckdb.Result): number {
  const changed = duckdb.rows_changed(result);
  if (changed > 0 || duckdb.result_statement_type(result) !== duckdb.StatementType.CREATE) return changed;
  if (duckdb.column_count(result) !== 1 || duckdb.column_name(result, 0) !== "Count") return changed;
  return Number(readRows(result)[0]?.Count ?? 0);
}
