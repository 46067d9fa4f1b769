import type { RecordBatch } from "apache-arrow";
import { type Database, openDatabase } from "../../../../engine/duckdb/database.ts";
import { exportRows } from "../../../../engine/duckdb/from/export.ts";
import type { DuckSession } from "../../../../engine/duckdb/session.ts";
import type { StringWay } from "../../../../engine/duckdb/string_cell.ts";

/** Holds the database file of its first argument until its standard input ends. */
export const CHILD_PROGRAM = new URL("./hold_database.ts", import.meta.url).pathname;

export const STRING_WAYS: readonly StringWay[] = ["bulk", "single"];

export async function tempFolder() {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "sluice-duckdb-" }));
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Runs `work` with a session of an empty in-memory database. */
export async function withSession<T>(
  work: (session: DuckSession, database: Database) => Promise<T>,
): Promise<T> {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  return await work(session, database);
}

export async function* streamOf(...batches: RecordBatch[]): AsyncGenerator<RecordBatch> {
  for (const batch of batches) {
    await Promise.resolve();
    yield batch;
  }
}

/** All batches of a query. */
export async function exportAll(
  session: DuckSession,
  sql: string,
  options: Parameters<typeof exportRows>[2] = {},
): Promise<RecordBatch[]> {
  const found: RecordBatch[] = [];
  for await (const batch of (await exportRows(session, sql, options)).batches) found.push(batch);
  return found;
}
