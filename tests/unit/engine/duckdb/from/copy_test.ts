import assert from "node:assert/strict";
import { join } from "node:path";
import type { CopyOptions } from "../../../../../contract/connector/destination.ts";
import { quoteLiteral } from "../../../../../contract/sql.ts";
import { copyRows } from "../../../../../engine/duckdb/from/copy.ts";
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
  copyRows(session, sql, path, options);

Deno.test("copyRows() writes each format with its options to a path with quotes", async () => {
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

Deno.test("copyRows() partitions by columns of any name", async () => {
  await withFolder(async (session, folder) => {
    const target = join(folder, "out");
    await copy(session, `SELECT i, i % 2 AS "a ""b""" FROM range(4) t(i)`, target, {
      format: "parquet",
      partitionBy: ['a "b"'],
    });
    assert.equal([...Deno.readDirSync(target)].length, 2);
  });
});

const merge = { action: 'Cannot merge "t"', primaryKey: ["id"] };

Deno.test("copyRows() keeps existing rows of other keys, and columns that the new rows lack", async () => {
  await withFolder(async (session, folder) => {
    const target = join(folder, "merged.csv");
    const { rows } = await copy(
      session,
      "SELECT 'new' AS v, 1 AS id, NULL AS k UNION ALL SELECT 'more', 9, 3",
      target,
      {
        format: "csv",
        merge,
        existing: {
          relation: "(FROM (VALUES (1, 'old', 5), (2, 'kept', 7), (NULL, 'none', 0)) AS o(id, v, gone))",
        },
      },
    );
    assert.equal(rows, 4);
    assert.deepEqual((await Deno.readTextFile(target)).trim().split("\n").sort(), [
      "kept,2,,7",
      "more,9,3,",
      "new,1,,5",
      "none,,,0",
      "v,id,k,gone",
    ]);
  });
});

Deno.test("copyRows() returns how many rows it wrote, into one file or partitions", async () => {
  await withFolder(async (session, folder) => {
    const sql = "SELECT i, i % 3 AS p FROM range(5000) t(i)";
    const written = async (text: string, path: string, options: CopyOptions) =>
      (await copy(session, text, join(folder, path), options)).rows;
    assert.equal(await written(sql, "x.parquet", { format: "parquet" }), 5_000);
    assert.equal(await written(sql, "x", { format: "csv", partitionBy: ["p"] }), 5_000);
    assert.equal(await written(`${sql} LIMIT 0`, "y.csv", { format: "csv" }), 0);
  });
});

Deno.test("copyRows() refuses to merge keys that are NULL, come twice, or are there twice", async () => {
  await withFolder(async (session, folder) => {
    const path = join(folder, "x.csv");
    const refused = (sql: string, relation?: string) =>
      copy(session, sql, path, {
        format: "csv",
        merge,
        ...(relation === undefined ? {} : { existing: { relation } }),
      });
    await assert.rejects(refused("FROM (VALUES (1), (NULL), (NULL)) AS t(id)"), {
      code: "invalid",
      message: 'Cannot merge "t": the key (id) is NULL in 2 of the rows',
    });
    await assert.rejects(refused("FROM (VALUES (1), (7), (7)) AS t(id)"), {
      code: "invalid",
      message:
        'Cannot merge "t": the key (id) = (7) comes 2 times in the rows, and primary_key says that each comes once',
    });
    await assert.rejects(refused("SELECT 7 AS id", "(FROM (VALUES ('7'), ('07')) AS t(id))"), {
      code: "conflict",
    });
    await assert.rejects(refused("SELECT 7 AS id", "(FROM (VALUES (7)) AS t(other))"), { code: "conflict" });
    assert.equal(await Deno.lstat(path).then(() => true, () => false), false);
  });
});

Deno.test("copyRows() refuses an option that would end the list, and a merge without a key", async () => {
  await withFolder(async (session) => {
    await assert.rejects(
      copy(session, "SELECT 1", "/x", { format: "csv", options: { "header, format": true } }),
      {
        code: "invalid",
      },
    );
    await assert.rejects(
      copy(session, "SELECT 1", "/x", { format: "csv", merge: { ...merge, primaryKey: [] } }),
      { code: "invalid" },
    );
  });
});

Deno.test("copyRows() refuses a merge of types that have none in common which holds all values", async () => {
  await withFolder(async (session, folder) => {
    const path = join(folder, "x.parquet");
    const merged = (fresh: string, held: string) =>
      copy(session, `SELECT 1 AS id, ${fresh} AS v`, path, {
        format: "parquet",
        merge,
        existing: { relation: `(SELECT 2 AS id, ${held} AS v)` },
      });
    for (
      const [fresh, held] of [
        ["0.5::DOUBLE", "9007199254740993::BIGINT"],
        ["9007199254740993::BIGINT", "0.5::DOUBLE"],
        ["0.5::FLOAT", "16777217::INTEGER"],
        ["1::DOUBLE", "1234567890.1234567890::DECIMAL(30,10)"],
      ] as const
    ) {
      await assert.rejects(merged(fresh, held), {
        code: "invalid",
        message: /^Cannot merge "t": column "v" would be \w+ with the new rows/,
      });
    }
    await merged("0.5::DOUBLE", "3::BIGINT");
    assert.deepEqual(await session.rows(`SELECT v FROM ${quoteLiteral(path)} ORDER BY id`), [{ v: 0.5 }, {
      v: 3,
    }]);
  });
});
