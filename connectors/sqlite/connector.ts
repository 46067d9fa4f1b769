import type {
  Access,
  Connection,
  Connector,
  ConnectorContext,
  ConnectorPlace,
  ConnectorUse,
  TableUse,
} from "../../contract/connector/connector.ts";
import {
  databaseFileAccess,
  type DatabaseFileConfig,
  databaseFileSchema,
  databasePath,
} from "../database_file.ts";
import { loadSchema, type SqliteStream, type SqliteTarget, streamSchema } from "./options.ts";

/** SQLite files, also those of libSQL: tables, views and queries as sources, tables as destinations. */

export const sqlite = {
  name: "sqlite",
  description: "SQLite and libSQL database files.",
  configSchema: databaseFileSchema,
  streamSchema,
  loadSchema,
  loadModes: ["replace", "append", "merge", "delete_insert"],
  // SQLite has one writer at a time.
  loadsAtOnce: 1,
  secrets: () => [],
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
  const tables = tablesOf(use).map(({ action, table }) => ({ action, database, table: table.toLowerCase() }));
  return { ...databaseFileAccess(config, use, place, ["-wal", "-shm", "-journal"]), tables };
}

function tablesOf(use: ConnectorUse<SqliteStream, SqliteTarget>): Pick<TableUse, "action" | "table">[] {
  if (use.kind === "destination") return [{ action: "write", table: use.target.table }];
  const { stream } = use.kind === "source" ? use.stream : {};
  if (stream === undefined) return [];
  // A table may have a dot in its name.
  return [stream, stream.replace(/^main\./i, "")].map((table) => ({ action: "read", table }));
}

/** The driver is for the run's process; the server wants the schemas only. */
async function open(config: DatabaseFileConfig, context: ConnectorContext): Promise<Connection> {
  const { SqliteConnection } = await import("./connection.ts");
  return new SqliteConnection(config, context);
}
