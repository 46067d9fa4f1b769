import { dirname, resolve } from "node:path";
import * as v from "valibot";
import type {
  Access,
  Connection,
  Connector,
  ConnectorContext,
  ConnectorPlace,
  ConnectorUse,
  TableUse,
} from "../../contract/connector.ts";
import { type DuckdbStream, type DuckdbTarget, loadSchema, streamSchema } from "./options.ts";
import { parseTableName, quoteTable } from "./table_name.ts";

/** DuckDB files of others: tables, views and queries as sources, tables as destinations. */

const configSchema = v.strictObject({
  path: v.pipe(
    v.string(),
    v.nonEmpty("expected the path of a file"),
    v.description("The database file, relative to the project; a load makes it where it does not exist."),
  ),
});
export type DuckdbConfig = v.InferOutput<typeof configSchema>;

export const duckdb = {
  name: "duckdb",
  description: "DuckDB database files.",
  configSchema,
  streamSchema,
  loadSchema,
  loadModes: ["replace", "append", "merge"],
  // Two loads at a time would meet in the file's ledger.
  loadsAtOnce: 1,
  secrets: () => [],
  access,
  open,
} satisfies Connector<DuckdbConfig, DuckdbStream, DuckdbTarget>;

/** The write-ahead log lies beside the file. */
function access(
  config: DuckdbConfig,
  use: ConnectorUse<DuckdbStream, DuckdbTarget>,
  place: ConnectorPlace,
): Access {
  const path = resolve(place.projectDir, config.path);
  const files = [path, `${path}.wal`];
  const tables = tablesOf(use, path);
  if (use.kind !== "destination") return { hosts: [], read: files, write: [], tables };
  const folder = dirname(path);
  // The folder may have to be made; the project's own is there.
  const write = folder === resolve(place.projectDir) ? files : [folder];
  return { hosts: [], read: write, write, tables };
}

function tablesOf(use: ConnectorUse<DuckdbStream, DuckdbTarget>, database: string): TableUse[] {
  const name = use.kind === "destination"
    ? use.target.table
    : use.kind === "source"
    ? use.stream.stream
    : undefined;
  const action = use.kind === "destination" ? "write" : "read";
  try {
    if (name === undefined) return [];
    return [{ action, database, table: quoteTable(parseTableName(name)).toLowerCase() }];
  } catch {
    // What is wrong with the name is said where it is used.
    return [];
  }
}

/** What reads and writes is for the run's process; the server wants the schemas only. */
async function open(config: DuckdbConfig, context: ConnectorContext): Promise<Connection> {
  const { createConnection } = await import("./connection.ts");
  return createConnection(config, context);
}
