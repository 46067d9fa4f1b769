import { writeArrow } from "../../../connectors/files/arrow/arrow_write.ts";
import type { FileWriter } from "../../../connectors/locations/location.ts";
import type { SnapshotRead } from "../../../contract/jobs/reader_job.ts";
import { parquetRelation } from "../../../contract/snapshots/parquet.ts";
import { findColumn, quoteIdentifier } from "../../../contract/sql.ts";
import type { Database } from "../../duckdb/database.ts";
import { copyRows } from "../../duckdb/from/copy.ts";
import { exportRows } from "../../duckdb/from/export.ts";
import { withTextNumbers } from "../../duckdb/from/held_columns.ts";
import { writeParquet } from "../../duckdb/from/parquet_file.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { ROW, snapshotColumns, snapshotSql } from "./snapshot_sql.ts";

/** What a read has written. */
export interface SnapshotPage {
  readonly rows: number;
  /** Where the next page begins, as a cursor has it; null where none follows. */
  readonly next: number | null;
}

/**
 * Writes the rows that the query asks for to a file in its format. Rows without an order come in that of the snapshot.
 * Throws `invalid` for values that are none of their columns' types, and for what the format cannot hold.
 */
export async function readSnapshot(
  database: Database,
  { path, outputPath, key, query, columns: own }: SnapshotRead,
  signal: AbortSignal,
): Promise<SnapshotPage> {
  await using session = await database.session();
  using _interrupt = session.interruptOn(signal);
  // Each row has its place in the file, from 0.
  const relation = parquetRelation(path, key, `${ROW} = true`);
  const held = (await session.describe(`SELECT * FROM ${relation}`)).filter(({ name }) => name !== ROW);
  const columns = snapshotColumns(held, own);
  // One row more says whether there is another page.
  const more = query.limit === undefined ? query : { ...query, limit: query.limit + 1 };
  const sql = await snapshotSql(session, relation, more, columns);
  const wanted = (query.columns ?? columns.map(({ name }) => name))
    .map((name) => quoteIdentifier(findColumn(columns, name)?.name ?? name)).join(", ");
  if (query.limit === undefined) {
    const rows = await write(session, `SELECT ${wanted} FROM (\n${sql}\n)`, outputPath, query, signal);
    return { rows, next: null };
  }
  // A page is small: it is kept to be looked at twice.
  await session.run(`CREATE OR REPLACE TEMP TABLE page AS ${sql}`);
  try {
    const page = `SELECT * FROM page LIMIT ${query.limit}`;
    const rows = await write(session, `SELECT ${wanted} FROM (${page})`, outputPath, query, signal);
    const [found] = await session.rows(
      `SELECT (SELECT count(*) FROM page) AS n, (SELECT ${ROW} FROM page LIMIT 1 OFFSET ${
        query.limit - 1
      }) AS last`,
    );
    if (Number(found?.["n"]) <= query.limit) return { rows, next: null };
    return { rows, next: query.order.length > 0 ? query.offset + query.limit : Number(found?.["last"]) };
  } finally {
    await session.run("DROP TABLE IF EXISTS page");
  }
}

async function write(
  session: DuckSession,
  sql: string,
  path: string,
  { format, numbers }: SnapshotRead["query"],
  signal: AbortSignal,
): Promise<number> {
  switch (format) {
    case "json":
    case "ndjson": {
      const rows = numbers === "text" ? await withTextNumbers(session, sql) : sql;
      const copied = await copyRows(session, rows, path, {
        format: "json",
        options: { array: format === "json" },
      });
      return copied.rows;
    }
    case "csv":
      return (await copyRows(session, sql, path, { format: "csv", options: { header: true } })).rows;
    case "parquet":
      return await writeParquet(session, sql, path);
    case "arrow": {
      const { schema, batches } = await exportRows(session, sql, { signal });
      await using file = await fileWriter(path);
      return await writeArrow(file, schema, batches, { isStream: true, compression: "none" }, signal);
    }
  }
}

async function fileWriter(path: string): Promise<FileWriter> {
  const file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o600 });
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    },
    commit: () => Promise.resolve(),
    [Symbol.asyncDispose]() {
      file.close();
      return Promise.resolve();
    },
  };
}
