import type { DiscoveredStream } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteLiteral } from "../../../contract/sql.ts";
import type { SqliteReader } from "../database.ts";

/** The database's tables and views, without SQLite's and our own. `skipped` hears of what cannot be described. */
export async function* discoverStreams(
  database: SqliteReader,
  skipped: (message: string) => void,
): AsyncGenerator<DiscoveredStream> {
  const rowCounts = await estimates(database);
  const tables = await database.all(
    "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') " +
      "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_sluice%' ESCAPE '\\' ORDER BY name",
  );
  for (const [name, type] of tables) {
    const table = String(name);
    try {
      const columns = await database.all(
        `SELECT name, type, "notnull", pk FROM pragma_table_xinfo(${quoteLiteral(table)}) WHERE hidden <> 1`,
      );
      yield {
        address: { stream: table },
        name: table,
        kind: type === "view" ? "view" : "table",
        columns: columns.map(([column, declared, isRequired]) => ({
          name: String(column),
          type: String(declared),
          nullable: isRequired === 0n,
        })),
        primaryKey: columns.filter(([, , , key]) => key !== 0n)
          .sort(([, , , a], [, , , b]) => Number(a) - Number(b)).map(([column]) => String(column)),
        rows: rowCounts.get(table) ?? null,
        sizeBytes: null,
      };
    } catch (error) {
      // A view of a table that is gone.
      if (!(error instanceof AppError) || error.code === "unavailable") throw error;
      skipped(`${type} "${table}" cannot be used: ${error.message}`);
    }
  }
}

/** What the last ANALYZE counted. */
async function estimates(database: SqliteReader): Promise<Map<string, number>> {
  const [hasStatistics] = await database.all("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'");
  if (hasStatistics === undefined) return new Map();
  const rows = await database.all("SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY tbl");
  return new Map(rows.map(([table, count]) => [String(table), Number(count)]));
}
