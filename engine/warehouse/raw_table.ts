import { type Column, quoteIdentifier, quoteLiteral, SqlError, type SqlSession } from "../../contract/sql.ts";

/** Where the rows of streams are in a warehouse, by their quoted names. */

/** The table that models read. */
export const rawTable = (stream: string): string => `raw.${quoteIdentifier(stream)}`;

/**
 * The table that takes its place when it is whole. No stream can have its name: a stream's name has
 * letters, digits and `_` only.
 */
export const nextTableName = (stream: string): string => `${stream} (next)`;
export const nextTable = (stream: string): string => rawTable(nextTableName(stream));

/** New rows of a stream that keeps its old ones, until they are merged; gone again before the commit. */
export const incomingTableName = (stream: string): string => `incoming ${stream}`;
export const incomingTable = (stream: string): string =>
  `_sluice.${quoteIdentifier(incomingTableName(stream))}`;

/** Puts the next table into the place of the stream's table. */
export async function swapInNextTable(session: SqlSession, stream: string): Promise<void> {
  await session.run(
    `DROP TABLE IF EXISTS ${rawTable(stream)};
     ALTER TABLE ${nextTable(stream)} RENAME TO ${quoteIdentifier(stream)}`,
  );
}

/** Of a stream whose rows are not kept, or not any more. */
export async function dropTables(session: SqlSession, stream: string): Promise<void> {
  await session.run(`DROP TABLE IF EXISTS ${rawTable(stream)}; DROP TABLE IF EXISTS ${nextTable(stream)}`);
}

/** The only column of the table of a stream whose source has never had a record to tell its columns by. */
const NO_COLUMNS = "_sluice_no_columns";

/** What such a table is made as, without rows. */
export const TABLE_WITHOUT_COLUMNS = `SELECT NULL::BOOLEAN AS ${quoteIdentifier(NO_COLUMNS)} WHERE false`;

/** Whether the stream has a table with columns of its source's. */
export async function hasColumns(session: SqlSession, stream: string): Promise<boolean> {
  const [first] = await tableColumns(session, "raw", stream);
  return first !== undefined && first.name !== NO_COLUMNS;
}

/** The columns of a table of this database, in order; empty where there is no such table. */
export async function tableColumns(
  session: SqlSession,
  schema: string,
  table: string,
): Promise<{ name: string; type: string }[]> {
  if (schema === "raw") return await rawColumns(session, table);
  const rows = await session.rows(
    `SELECT column_name, data_type FROM duckdb_columns()
     WHERE database_name = current_database() AND schema_name = ${quoteLiteral(schema)}
       AND lower(table_name) = lower(${quoteLiteral(table)}) ORDER BY column_index`,
  );
  return rows.map((row) => ({ name: String(row["column_name"]), type: String(row["data_type"]) }));
}

/**
 * By what is bound and never run: DuckDB makes up its list of columns whole, which takes longer the more tables there are.
 * In raw it has none of its own.
 */
async function rawColumns(session: SqlSession, table: string): Promise<Column[]> {
  try {
    return await session.describe(`SELECT * FROM ${rawTable(table)}`);
  } catch (error) {
    if (error instanceof SqlError && error.type === "Catalog") return [];
    throw error;
  }
}

/** The columns of `raw.<stream>` that hold text, by name. One without a value yet holds nothing. */
export async function textColumns(session: SqlSession, stream: string): Promise<string[]> {
  const columns = await tableColumns(session, "raw", stream);
  const names = columns.filter(({ type }) => type === "VARCHAR").map(({ name }) => name);
  if (names.length === 0) return [];
  const held = names.map((name, i) =>
    `EXISTS (FROM ${rawTable(stream)} WHERE ${quoteIdentifier(name)} IS NOT NULL) AS c${i}`
  );
  const [row] = await session.rows(`SELECT ${held.join(", ")}`);
  return names.filter((_, i) => row?.[`c${i}`] === true);
}
