import { DuckDBInstance } from "@duckdb/node-api";
import Database from "libsql";
import { join } from "node:path";

/**
 * All rows of the SQLite and Parquet files below a folder, sorted, as text that two runs can be
 * compared by: table or dataset → rows. Tables of ours (`_sluice…`) are left out.
 */
export async function destinationRows(folder: string): Promise<Record<string, string[]>> {
  const rows: Record<string, string[]> = {};
  for await (const entry of Deno.readDir(folder)) {
    // What the file connector keeps beside its targets.
    if (entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    if (/\.(sqlite|db)$/.test(entry.name)) Object.assign(rows, sqliteRows(path, entry.name));
    else if (entry.isDirectory) rows[entry.name] = await parquetRows(`${path}/**/*.parquet`);
    else if (entry.name.endsWith(".parquet")) rows[entry.name] = await parquetRows(path);
  }
  return rows;
}

function sqliteRows(path: string, name: string): Record<string, string[]> {
  const database = new Database(path);
  try {
    const tables: unknown[] = database.prepare(
      `SELECT name FROM sqlite_master
       WHERE type = 'table' AND name NOT LIKE '\\_sluice%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'`,
    ).raw().all();
    return Object.fromEntries(
      tables.flat().map((table) => {
        const found: unknown[] = database.prepare(`SELECT * FROM "${String(table).replaceAll('"', '""')}"`)
          .all();
        return [`${name} ${table}`, found.map((row) => JSON.stringify(row)).sort()];
      }),
    );
  } finally {
    database.close();
  }
}

async function parquetRows(glob: string): Promise<string[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    const result = await connection.runAndReadAll(
      `SELECT CAST(r AS VARCHAR) AS line FROM read_parquet('${glob}', hive_partitioning = true) AS r ORDER BY line`,
    );
    return result.getRows().map(([line]) => String(line));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
