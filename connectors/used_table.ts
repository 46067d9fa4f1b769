import type { ConnectorUse } from "../contract/connector/connector.ts";

/** The table, as it is written, that a stream or a load of a database names; undefined for a query and for discovery. */
export function usedTable(
  use: ConnectorUse<{ readonly stream?: string | undefined }, { readonly table: string }>,
): string | undefined {
  if (use.kind === "destination") return use.target.table;
  return use.kind === "source" ? use.stream.stream : undefined;
}
