import { parse as parsePath } from "node:path";
import type {
  Access,
  Connection,
  Connector,
  ConnectorContext,
  ConnectorPlace,
  ConnectorUse,
  DatasetName,
  TableUse,
} from "../../contract/connector/connector.ts";
import {
  databaseFileAccess,
  type DatabaseFileConfig,
  databaseFileSchema,
  databasePath,
} from "../database_file.ts";
import { type DuckdbStream, type DuckdbTarget, loadSchema, streamSchema } from "./options.ts";
import { parseTableName, quoteTable } from "./table_name.ts";
import { usedTable } from "../used_table.ts";

/** DuckDB files of others: tables, views and queries as sources, tables as destinations. */

export const duckdb = {
  name: "duckdb",
  description: "DuckDB database files.",
  configSchema: databaseFileSchema,
  streamSchema,
  loadSchema,
  apartBy: "schema",
  loadModes: ["replace", "append", "merge", "delete_insert", "scd2"],
  readBack: ({ table }) => ({ stream: { stream: table } }),
  // Two loads at a time would meet in the file's ledger.
  loadsAtOnce: 1,
  secrets: () => [],
  dataset,
  access,
  open,
} satisfies Connector<DatabaseFileConfig, DuckdbStream, DuckdbTarget>;

/** As dbt names what is in such a file: by the catalogue, which has the file's name, schema and table. */
function dataset(
  config: DatabaseFileConfig,
  use: ConnectorUse<DuckdbStream, DuckdbTarget>,
  place: ConnectorPlace,
): DatasetName | undefined {
  const named = usedTable(use);
  if (named === undefined) return undefined;
  const path = databasePath(config, place);
  const { schema, table } = parseTableName(named);
  return { namespace: `duckdb://${path}`, name: `${parsePath(path).name}.${schema}.${table}` };
}

/** The write-ahead log lies beside the file. */
function access(
  config: DatabaseFileConfig,
  use: ConnectorUse<DuckdbStream, DuckdbTarget>,
  place: ConnectorPlace,
): Access {
  const tables = tablesOf(use, databasePath(config, place));
  return { ...databaseFileAccess(config, use, place, [".wal"]), tables };
}

function tablesOf(use: ConnectorUse<DuckdbStream, DuckdbTarget>, database: string): TableUse[] {
  const name = usedTable(use);
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
async function open(config: DatabaseFileConfig, context: ConnectorContext): Promise<Connection> {
  const { createConnection } = await import("./connection.ts");
  return createConnection(config, context);
}
