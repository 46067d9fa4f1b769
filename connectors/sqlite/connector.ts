import * as v from "valibot";
import { dirname, resolve } from "node:path";
import type {
  Access,
  Connection,
  Connector,
  ConnectorContext,
  ConnectorPlace,
  ConnectorUse,
  TableUse,
} from "../../contract/connector.ts";
import { loadSchema, type SqliteStream, type SqliteTarget, streamSchema } from "./options.ts";

/** SQLite files, also those of libSQL: tables, views and queries as sources, tables as destinations. */

const configSchema = v.strictObject({
  path: v.pipe(
    v.string(),
    v.nonEmpty("expected the path of a file"),
    v.description("The database file, relative to the project; a load makes it where it does not exist."),
  ),
});
export type SqliteConfig = v.InferOutput<typeof configSchema>;

export const sqlite = {
  name: "sqlite",
  description: "SQLite and libSQL database files.",
  configSchema,
  streamSchema,
  loadSchema,
  loadModes: ["replace", "append", "merge"],
  // SQLite has one writer at a time.
  loadsAtOnce: 1,
  secrets: () => [],
  access,
  open,
} satisfies Connector<SqliteConfig, SqliteStream, SqliteTarget>;

/** The journal and the shared memory of a database lie beside it. */
function access(
  config: SqliteConfig,
  use: ConnectorUse<SqliteStream, SqliteTarget>,
  place: ConnectorPlace,
): Access {
  const path = resolve(place.projectDir, config.path);
  const folder = dirname(path);
  const files = ["", "-wal", "-shm", "-journal"].map((suffix) => `${path}${suffix}`);
  const tables = tablesOf(use).map((table) => ({
    ...table,
    database: path,
    table: table.table.toLowerCase(),
  }));
  if (use.kind !== "destination") return { hosts: [], read: files, write: [], tables };
  // The folder may have to be made; the project's own is there.
  const write = folder === resolve(place.projectDir) ? files : [folder];
  return { hosts: [], read: write, write, tables };
}

function tablesOf(use: ConnectorUse<SqliteStream, SqliteTarget>): Pick<TableUse, "action" | "table">[] {
  if (use.kind === "destination") return [{ action: "write", table: use.target.table }];
  const { stream } = use.kind === "source" ? use.stream : {};
  if (stream === undefined) return [];
  // A table may have a dot in its name.
  return [stream, stream.replace(/^main\./i, "")].map((table) => ({ action: "read", table }));
}

/** The driver is for the run's process; the server wants the schemas only. */
async function open(config: SqliteConfig, context: ConnectorContext): Promise<Connection> {
  const { SqliteConnection } = await import("./connection.ts");
  return new SqliteConnection(config, context);
}
