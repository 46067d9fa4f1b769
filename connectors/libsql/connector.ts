import { SQLITE_TEXT } from "../sql_text.ts";
import type {
  Access,
  Connection,
  Connector,
  ConnectorContext,
  ConnectorUse,
} from "../../contract/connector/connector.ts";
import { loadSchema, type SqliteStream, type SqliteTarget, streamSchema } from "../sqlite/options.ts";
import { plainAddress } from "../network/guarded_fetch.ts";
import { namedTables, tableDataset } from "../sqlite/table_use.ts";
import { configSchema, databaseOf, hostOf, type LibsqlConfig } from "./config.ts";

/** Databases behind a libSQL server, as Turso's: SQLite's tables, types and rules over HTTP. */
export const libsql = {
  name: "libsql",
  description: "libSQL servers, as Turso's: SQLite's tables, views and queries over HTTP.",
  configSchema,
  streamSchema,
  loadSchema,
  sqlText: SQLITE_TEXT,
  apartBy: "table",
  loadModes: ["replace", "append", "merge", "delete_insert", "scd2"],
  readBack: ({ table }) => ({ stream: { stream: table } }),
  // The server has one writer at a time, and takes the transaction from one that another waits for too long.
  loadsAtOnce: 1,
  // Rows are staged before the transaction, so that nobody waits while they are read.
  stagesWhileReading: () => true,
  secrets: ({ authToken }) => authToken === undefined ? [] : [authToken.reveal()],
  dataset: (config, use) => tableDataset(`libsql://${hostOf(config)}`, use),
  access,
  open,
} satisfies Connector<LibsqlConfig, SqliteStream, SqliteTarget>;

function access(config: LibsqlConfig, use: ConnectorUse<SqliteStream, SqliteTarget>): Access {
  const { url, authToken } = config;
  return {
    hosts: [hostOf(config)],
    read: [],
    write: [],
    plain: authToken === undefined ? [] : plainAddress(new URL(url), "tls is false", "leave tls out"),
    tables: namedTables(use, databaseOf(config)),
  };
}

async function open(config: LibsqlConfig, context: ConnectorContext): Promise<Connection> {
  // The server wants the schemas only; the client is for the run's process.
  const { openConnection } = await import("./connection.ts");
  return await openConnection(config, context);
}
