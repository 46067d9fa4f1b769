import assert from "node:assert/strict";
import { join } from "node:path";
import type { CopyOptions } from "../../../../../contract/connector.ts";
import { copyStatement } from "../../../../../engine/duckdb/from/copy.ts";
import { openDatabase } from "../../../../../engine/duckdb/database.ts";
import type { DuckSession } from "../../../../../engine/duckdb/session.ts";
import { tempFolder } from "../fixtures.ts";

async function withFolder(work: (session: DuckSession, folder: string) => Promise<void>): Promise<void> {
  await using folder = await tempFolder();
  const path = join(folder.path, "it's a folder");
  await Deno.mkdir(path);
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [path] });
  await using session = await database.session();
  await work(session, path);
}

const copy = (session: DuckSession, sql: string, path: string, options: CopyOptions) =>
  session.run(copyStatement(sql, path, options));

Deno.test("copyStatement() writes each format with its options to a path with quotes", async () => {
  await withFolder(async (session, folder) => {
    const sql = "SELECT 1 AS a, 'it''s' AS b -- a comment";
    await copy(session, sql, join(folder, "x.csv"), {
      format: "csv",
      options: { header: true, delimiter: "'" },
    });
    assert.equal(await Deno.readTextFile(join(folder, "x.csv")), "a'b\n1'\"it's\"\n");
    await copy(session, sql, join(folder, "x.json"), { format: "json" });
    assert.deepEqual(JSON.parse(await Deno.readTextFile(join(folder, "x.json"))), { a: 1, b: "it's" });
    await copy(session, sql, join(folder, "x.parquet"), {
      format: "parquet",
      options: { compression: "zstd", row_group_size: 5_000 },
      casts: { a: "DECIMAL(9,2)" },
    });
    const rows = await session.rows(`FROM '${folder.replaceAll("'", "''")}/x.parquet'`);
    assert.deepEqual(rows, [{ a: "1.00", b: "it's" }]);
  });
});

Deno.test("copyStatement() partitions by columns of any name", async () => {
  await withFolder(async (session, folder) => {
    const target = join(folder, "out");
    await copy(session, `SELECT i, i % 2 AS "a ""b""" FROM range(4) t(i)`, target, {
      format: "parquet",
      partitionBy: ['a "b"'],
    });
    assert.equal([...Deno.readDirSync(target)].length, 2);
  });
});

Deno.test("copyStatement() keeps existing rows whose key is not among the new ones, by name of column", async () => {
  await withFolder(async (session, folder) => {
    const target = join(folder, "merged.csv");
    await copy(session, "SELECT 'new' AS v, 1 AS id, NULL AS k UNION ALL SELECT 'null', NULL, NULL", target, {
      format: "csv",
      existing: {
        relation: "(FROM (VALUES (1, 'old', 0), (2, 'kept', 7), (NULL, 'replaced', 0)) AS o(id, v, gone))",
        primaryKey: ["id"],
      },
    });
    assert.deepEqual((await Deno.readTextFile(target)).trim().split("\n").sort(), [
      "kept,2,,7",
      "new,1,,",
      "null,,,",
      "v,id,k,gone",
    ]);
  });
});

Deno.test("copyStatement() refuses an option that would end the list, and a merge without a key", () => {
  assert.throws(
    () => copyStatement("SELECT 1", "/x", { format: "csv", options: { "header, format": true } }),
    { code: "invalid" },
  );
  assert.throws(
    () => copyStatement("SELECT 1", "/x", { format: "csv", existing: { relation: "t", primaryKey: [] } }),
    { code: "invalid" },
  );
});
