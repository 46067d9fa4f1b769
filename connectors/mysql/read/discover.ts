import type { DiscoveredStream } from "../../../contract/connector/source.ts";
import { toAppError } from "../../../contract/errors.ts";
import { toMysqlError } from "../errors.ts";
import type { SessionPool } from "../session_pool.ts";
import type { Session } from "../session/session.ts";
import { showTable, type TableName, textLiteral, writeTableName } from "../table_name.ts";
import { isSystemDatabase } from "./missing_table.ts";
import type { ReadContext } from "./plan.ts";

/** Tables that are asked for at a time: an answer of bounded size, whatever the server has. */
const PAGE = 200;

/**
 * The tables and views that the user may read, by database and name; not the servers' own, and not
 * ours. Rows are the engine's estimate.
 */
export async function* discoverStreams(
  pool: SessionPool,
  context: ReadContext,
  signal: AbortSignal,
): AsyncGenerator<DiscoveredStream, void, undefined> {
  await using lease = await pool.lease(signal);
  const { session } = lease;
  try {
    for (const database of await databasesOf(session)) {
      const tables = await tablesOf(session, database);
      for (let at = 0; at < tables.length; at += PAGE) {
        yield* await describeTables(session, database, tables.slice(at, at + PAGE));
      }
    }
  } catch (error) {
    if (signal.aborted) throw toAppError(signal.reason);
    throw toMysqlError(`Cannot discover the streams of ${context.name}`, error);
  }
}

async function databasesOf(session: Session): Promise<string[]> {
  const { rows } = await session.query("SELECT schema_name FROM information_schema.schemata ORDER BY 1");
  return rows.map(([name]) => name ?? "").filter((name) => !isSystemDatabase(name));
}

interface ListedTable {
  readonly table: string;
  readonly kind: "table" | "view";
  readonly rows: number | null;
  readonly sizeBytes: number | null;
}

async function tablesOf(session: Session, database: string): Promise<ListedTable[]> {
  const { rows } = await session.query(
    `SELECT table_name, table_type, table_rows, data_length + index_length FROM information_schema.tables
      WHERE table_schema = ${textLiteral(database)} AND table_type <> 'SEQUENCE'
        AND LEFT(table_name, 7) <> '_sluice' ORDER BY 1`,
  );
  return rows.map(([table, type, count, size]) => {
    const kind = type?.includes("VIEW") === true ? "view" : "table";
    return { table: table ?? "", kind, rows: numberOf(count), sizeBytes: numberOf(size) };
  });
}

async function describeTables(
  session: Session,
  database: string,
  tables: readonly ListedTable[],
): Promise<DiscoveredStream[]> {
  const among = `table_schema = ${textLiteral(database)} AND table_name IN (${
    tables.map(({ table }) => textLiteral(table)).join(", ")
  })`;
  const columns = await session.query(
    `SELECT table_name, column_name, column_type, is_nullable FROM information_schema.columns
      WHERE ${among} AND extra NOT LIKE '%INVISIBLE%' ORDER BY table_name, ordinal_position`,
  );
  const keys = await session.query(
    `SELECT table_name, column_name FROM information_schema.statistics
      WHERE ${among} AND index_name = 'PRIMARY' ORDER BY table_name, seq_in_index`,
  );
  const columnsByTable = Map.groupBy(columns.rows, ([table]) => table);
  const keysByTable = Map.groupBy(keys.rows, ([table]) => table);
  return tables.flatMap(({ table, ...facts }) => {
    const found = (columnsByTable.get(table) ?? []).map(([, column, type, nullable]) => ({
      name: column ?? "",
      type: type ?? "",
      nullable: nullable === "YES",
    }));
    // A user who may do something with a table, but read none of its columns.
    if (found.length === 0) return [];
    const name: TableName = { database, table };
    const primaryKey = (keysByTable.get(table) ?? []).map(([, column]) => column ?? "");
    return [{
      address: { stream: writeTableName(name) },
      name: showTable(name),
      columns: found,
      primaryKey,
      ...facts,
    }];
  });
}

const numberOf = (text: string | null | undefined): number | null =>
  text === null || text === undefined ? null : Number(text);
