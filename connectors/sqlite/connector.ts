import { SQLITE_TEXT } from "../sql_text.ts";
import type {
  Access,
  Connection,
  Connector,
  ConnectorContext,
  ConnectorPlace,
  ConnectorUse,
} from "../../contract/connector/connector.ts";
import {
  databaseFileAccess,
  type DatabaseFileConfig,
  databaseFileSchema,
  databasePath,
} from "../database_file.ts";
import { loadSchema, type SqliteStream, type SqliteTarget, streamSchema } from "./options.ts";
import { namedTables, tableDataset } from "./table_use.ts";

/** SQLite files, also those of libSQL: tables, views and queries as sources, tables as destinations. */

export const sqlite = {
  name: "sqlite",
  description: "SQLite and libSQL database files.",
  configSchema: databaseFileSchema,
  streamSchema,
  loadSchema,
  sqlText: SQLITE_TEXT,
  apartBy: "table",
  loadModes: ["replace", "append", "merge", "delete_insert", "scd2"],
  readBack: ({ table }) => ({ stream: { stream: table } }),
  // SQLite has one writer at a time.
  loadsAtOnce: 1,
  secrets: () => [],
  dataset: (config, use, place) => tableDataset(`sqlite://${databasePath(config, place)}`, use),
  access,
  open,
} satisfies Connector<DatabaseFileConfig, SqliteStream, SqliteTarget>;

/** The journal and the shared memory of a database lie beside it. */
function access(
  config: DatabaseFileConfig,
  use: ConnectorUse<SqliteStream, SqliteTarget>,
  place: ConnectorPlace,
): Access {
  const database = databasePath(config, place);
  const tables = namedTables(use, database);
  return { ...databaseFileAccess(config, use, place, ["-wal", "-shm", "-journal"]), tables };
}

/** The driver is for the run's process; the server wants the schemas only. */
async function open(config: DatabaseFileConfig, context: ConnectorContext): Promise<Connection> {
  const { SqliteConnection } = await import("./connection.ts");
  return new SqliteConnection(config, context);
}
