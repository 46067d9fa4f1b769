import type { ConnectorUse, DatasetName, TableUse } from "../../contract/connector/connector.ts";
import type { SqliteStream, SqliteTarget } from "./options.ts";
import { usedTable } from "../used_table.ts";

/** The tables that a stream or a load names, as SQLite compares names. */
export function namedTables(use: ConnectorUse<SqliteStream, SqliteTarget>, database: string): TableUse[] {
  const named = ({ action, table }: Pick<TableUse, "action" | "table">) => ({
    action,
    database,
    table: table.toLowerCase(),
  });
  if (use.kind === "destination") return [named({ action: "write", table: use.target.table })];
  const { stream } = use.kind === "source" ? use.stream : {};
  if (stream === undefined) return [];
  // A table may have a dot in its name.
  return [stream, stream.replace(/^main\./i, "")].map((table) => named({ action: "read", table }));
}

/** The table that a stream or a load names, in the database of this address; undefined for a query. */
export function tableDataset(
  namespace: string,
  use: ConnectorUse<SqliteStream, SqliteTarget>,
): DatasetName | undefined {
  const named = usedTable(use);
  return named === undefined ? undefined : { namespace, name: named.replace(/^main\./i, "") };
}
