import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { SqlError, type SqlSession } from "../../../../contract/sql.ts";
import { materialize, relationKind } from "../../../../sql/build/materialize.ts";
import { model, withSession } from "../fixtures.ts";

const INCREMENTAL = "/* @sluice\nmaterialized: incremental\nprimary_key: [id]\nupdate_key: ts\n*/\n";
const VIEW = "/* @sluice\nmaterialized: view\n*/\n";

/** Builds the model as a run does: in a transaction. */
const build = (session: SqlSession, sql: string, { fullRefresh = false, name = "m" } = {}) =>
  session.transaction(() => materialize(session, model(name, sql), { fullRefresh }));

const all = async (session: SqlSession, sql: string) =>
  (await session.rows(sql)).map((row) => Object.values(row));

Deno.test("materialize() builds a table from a file with header, comments and terminator", async () => {
  await withSession(async (session) => {
    const sql = "/* @sluice\ntags: [a]\n*/\n-- first\nSELECT unnest([1, 2]) AS id; -- last";
    const built = await build(session, sql);
    assert.deepEqual(built, { rows: 2, sql: `CREATE OR REPLACE TABLE main."m" AS\n${sql}` });
    assert.equal((await build(session, "SELECT 3 AS other")).rows, 1);
    assert.deepEqual(await session.rows("FROM m"), [{ other: 3 }]);
  });
});

Deno.test("relationKind() tells a table, a view, and what DuckDB itself calls so", async () => {
  await withSession(async (session) => {
    await session.run(`CREATE TABLE "Größe ""x""" (id INTEGER); CREATE VIEW v AS SELECT 1 AS rowid`);
    assert.equal(await relationKind(session, 'größe "X"'), "table");
    assert.equal(await relationKind(session, "V"), "view");
    assert.equal(await relationKind(session, "other"), undefined);
    assert.equal(await relationKind(session, "duckdb_views"), undefined);
    await session.run("CREATE VIEW main.duckdb_views AS SELECT 1 AS id");
    assert.equal(await relationKind(session, "duckdb_views"), "view");
  });
});

Deno.test("materialize() makes a view that follows its tables", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE t AS SELECT 1 AS id");
    assert.equal((await build(session, `${VIEW}FROM t;`)).rows, null);
    await session.run("INSERT INTO t VALUES (2)");
    assert.deepEqual(await all(session, "SELECT count(*) FROM m"), [[2]]);
  });
});

Deno.test("materialize() turns tables, views and incremental tables into each other", async () => {
  await withSession(async (session) => {
    const kinds = async () =>
      (await all(session, "SELECT table_type FROM information_schema.tables WHERE table_name = 'm'")).flat();
    const table = "SELECT 1 AS id, DATE '2024-01-01' AS ts";
    for (
      const [sql, kind] of [
        [VIEW + table, "VIEW"],
        [table, "BASE TABLE"],
        [INCREMENTAL + table, "BASE TABLE"],
        [VIEW + table, "VIEW"],
        [INCREMENTAL + table, "BASE TABLE"],
        [table, "BASE TABLE"],
      ] as const
    ) {
      await build(session, sql);
      assert.deepEqual(await kinds(), [kind]);
    }
  });
});

Deno.test("materialize() leaves what was there where the SQL fails, and names file and line", async () => {
  await withSession(async (session) => {
    await build(session, "SELECT 1 AS id");
    for (const header of ["", VIEW, INCREMENTAL]) {
      const sql = `${header}SELECT 2 AS id, 1 AS ts,\n  'é', nope\nFROM m AS é`;
      const line = sql.slice(0, sql.indexOf("nope")).split("\n").length;
      await assert.rejects(build(session, sql.replace("FROM m", "FROM (SELECT 1 AS x)")), (error) => {
        assert.ok(error instanceof SqlError);
        assert.equal(error.code, "invalid");
        assert.equal(error.type, "Binder");
        const text =
          `Cannot build the model m: transforms/shop/m.sql:${line}:8: column "nope" does not exist`;
        assert.ok(error.message.startsWith(text), error.message);
        assert.deepEqual(error.faults[0]?.line, line);
        return true;
      });
      assert.deepEqual(await session.rows("FROM m"), [{ id: 1 }]);
    }
    await assert.rejects(
      build(session, "SELECT\n  CAST(x AS INTEGER) AS id FROM (VALUES ('1'), ('b')) AS t(x)"),
      {
        message: /m\.sql:2:3: Could not convert string 'b' to INT32/,
        code: "invalid",
      },
    );
    assert.deepEqual(await session.rows("FROM m"), [{ id: 1 }]);
  });
});

/** A source with one row a version; the model reads what is not older than the cursor. */
const SOURCE = `CREATE TABLE source (id INTEGER, ts DATE, v VARCHAR);
INSERT INTO source VALUES (1, '2024-01-01', 'a'), (2, '2024-01-02', 'b')`;
const SINCE = `${INCREMENTAL}SELECT id, ts, v FROM source
WHERE getvariable('cursor') IS NULL OR ts >= getvariable('cursor')`;

Deno.test("materialize() merges incremental rows by key and reads from the cursor on", async () => {
  await withSession(async (session) => {
    await session.run(SOURCE);
    assert.equal((await build(session, SINCE)).rows, 2);
    await session.run(
      "DELETE FROM source WHERE id = 1; INSERT INTO source VALUES (3, '2024-01-02', 'c'), (4, '2023-01-01', 'late')",
    );
    await session.run("UPDATE source SET v = 'B' WHERE id = 2");
    const second = await build(session, SINCE);
    assert.equal(second.rows, 2, "2 and 3; the late row is before the cursor");
    assert.deepEqual(await all(session, "SELECT id, v FROM m ORDER BY id"), [[1, "a"], [2, "B"], [3, "c"]]);
    assert.match(second.sql, /TEMP TABLE[\s\S]*DELETE FROM main\."m"[\s\S]*INSERT INTO main\."m" BY NAME/);
    assert.equal((await build(session, SINCE)).rows, 2, "the same again changes nothing");
    assert.deepEqual(await all(session, "SELECT id, v FROM m ORDER BY id"), [[1, "a"], [2, "B"], [3, "c"]]);
    assert.equal((await build(session, SINCE, { fullRefresh: true })).rows, 3, "2, 3 and 4");
    assert.deepEqual(
      await all(session, "SELECT getvariable('cursor') IS NULL, count(*) FROM duckdb_tables()"),
      [[true, 2]],
    );
  });
});

Deno.test("materialize() gives the cursor the type of the update_key", async () => {
  await withSession(async (session) => {
    const sql = (at: string) =>
      `${INCREMENTAL}SELECT 1 AS id, ${at} AS ts, typeof(getvariable('cursor')) AS type, getvariable('cursor')::VARCHAR AS value`;
    for (
      const [at, type, value] of [
        [
          "TIMESTAMPTZ '2024-01-01 00:00:00.123456Z'",
          "TIMESTAMP WITH TIME ZONE",
          "2024-01-01 00:00:00.123456+00",
        ],
        ["9007199254740993", "BIGINT", "9007199254740993"],
        ["1.10::DECIMAL(38,20)", "DECIMAL(38,20)", "1.10000000000000000000"],
        ["'x''y'", "VARCHAR", "x'y"],
      ] as const
    ) {
      await build(session, sql(at), { fullRefresh: true });
      assert.deepEqual(await all(session, "SELECT type, value FROM m"), [[type, null]], "the first time");
      await build(session, sql(at));
      assert.deepEqual(await all(session, "SELECT type, value FROM m"), [[type, value]]);
    }
    const typed =
      `${INCREMENTAL}SELECT 1 AS id, coalesce(getvariable('cursor') + INTERVAL 1 DAY, TIMESTAMP '2024-01-01') AS ts`;
    await build(session, typed, { fullRefresh: true });
    await build(session, typed);
    assert.deepEqual(await all(session, "SELECT ts FROM m"), [["2024-01-02 00:00:00"]]);
  });
});

Deno.test("materialize() goes on where the first rows are none", async () => {
  await withSession(async (session) => {
    await session.run(SOURCE.split(";")[0] ?? "");
    assert.equal((await build(session, SINCE)).rows, 0);
    assert.equal((await build(session, SINCE)).rows, 0);
    await session.run("INSERT INTO source VALUES (1, '2024-01-01', 'a')");
    assert.equal((await build(session, SINCE)).rows, 1);
  });
});

Deno.test("materialize() merges keys of several columns with names of every kind", async () => {
  await withSession(async (session) => {
    const sql = (value: string) =>
      `/* @sluice\nmaterialized: incremental\nprimary_key: ["a\\"b", Größe, SELECT]\n*/
SELECT 1 AS "a""b", 'x' AS "Größe", DATE '2024-01-01' AS "select", ${value} AS "from"`;
    await build(session, sql("1"), { name: "order" });
    await build(session, sql("2"), { name: "order" });
    assert.deepEqual(await session.rows('FROM "order"'), [{
      'a"b': 1,
      "Größe": "x",
      select: "2024-01-01",
      from: 2,
    }]);
  });
});

const KEYS: Readonly<Record<string, readonly [rows: string, message: RegExp]>> = {
  "comes twice": [
    "(2, 'x'), (2, 'y')",
    /m\.sql:3:14: the key \(id\) of m comes more than once, as id = 2, rows = 2$/,
  ],
  "is NULL": ["(2, 'x'), (NULL, 'y')", /m\.sql:3:14: the key \(id\) of m is NULL in 1 row, as id = NULL$/],
};

for (const [what, [rows, message]] of Object.entries(KEYS)) {
  Deno.test(`materialize() changes nothing where a key ${what}`, async () => {
    await withSession(async (session) => {
      const header = "/* @sluice\nmaterialized: incremental\nprimary_key: [id]\n*/\n";
      const bad = `${header}SELECT * FROM (VALUES ${rows}) AS t(id, v)`;
      const refused = (error: unknown) => {
        assert.ok(error instanceof AppError);
        assert.equal(error.code, "invalid");
        assert.match(error.message, message);
        return true;
      };
      await assert.rejects(build(session, bad), refused);
      assert.deepEqual(await all(session, "SELECT count(*) FROM duckdb_tables()"), [[0]]);
      await build(session, `${header}SELECT 2 AS id, 'old' AS v`);
      await assert.rejects(build(session, bad), refused);
      await assert.rejects(build(session, bad, { fullRefresh: true }), refused);
      assert.deepEqual(await session.rows("FROM m"), [{ id: 2, v: "old" }]);
    });
  });
}

Deno.test("materialize() adds new columns and leaves those empty that are gone", async () => {
  await withSession(async (session) => {
    const sql = (select: string) =>
      `/* @sluice\nmaterialized: incremental\nprimary_key: [id]\n*/\nSELECT ${select}`;
    await build(session, sql("unnest([1, 2]) AS id, 'old' AS a, 'old' AS b"));
    await build(session, sql("2 AS ID, {x: [1.5]} AS \"new one\", 'new' AS b, 7 AS c"));
    assert.deepEqual(
      await session.rows('SELECT * REPLACE ("new one"::VARCHAR AS "new one") FROM m ORDER BY id'),
      [
        { id: 1, a: "old", b: "old", "new one": null, c: null },
        { id: 2, a: null, b: "new", "new one": "{'x': [1.5]}", c: 7 },
      ],
    );
  });
});

Deno.test("materialize() refuses a column of another type and tells the way out", async () => {
  await withSession(async (session) => {
    const sql = (at: string) => `${INCREMENTAL}SELECT 1 AS id, ${at} AS ts, 1 AS v`;
    await build(session, sql("DATE '2024-01-01'"));
    await assert.rejects(build(session, sql("TIMESTAMP '2024-01-01'")), {
      code: "invalid",
      message: "Cannot merge the model m: column ts is DATE in its table and TIMESTAMP in the query now; " +
        "cast it, or run with --full-refresh to build the table anew; or `on_schema_change: sync_all_columns` " +
        "changes it where each value stays the same",
    });
    assert.deepEqual(await session.rows("FROM m"), [{ id: 1, ts: "2024-01-01", v: 1 }]);
    await build(session, sql("TIMESTAMP '2024-01-01'"), { fullRefresh: true });
  });
});

Deno.test("materialize() refuses a primary_key that the query does not have", async () => {
  await withSession(async (session) => {
    const sql = "/* @sluice\nmaterialized: incremental\nprimary_key: [dya]\n*/\nSELECT 1 AS day";
    await assert.rejects(build(session, sql), {
      message:
        "Cannot build the model m: transforms/shop/m.sql:3:14: primary_key: the query has no column dya " +
        "(did you mean day?)",
    });
  });
});

Deno.test("materialize() lets an incremental model read the rows that it has", async () => {
  await withSession(async (session) => {
    const sql = `/* @sluice
materialized: incremental
primary_key: [n]
update_key: n
columns: {n: {type: BIGINT}, total: {type: HUGEINT}}
*/
SELECT coalesce(getvariable('cursor'), 0) + 1 AS n, (SELECT count(*)::HUGEINT FROM m) AS total`;
    await build(session, sql);
    await build(session, sql);
    assert.deepEqual(await all(session, "FROM m ORDER BY n"), [[1, 0], [2, 1]]);
    await build(session, sql, { fullRefresh: true });
    assert.deepEqual(await all(session, "FROM m"), [[1, 0]]);
  });
});

Deno.test("materialize() leaves no cursor behind for the next model, not even after a failure", async () => {
  await withSession(async (session) => {
    await session.run(SOURCE);
    await build(session, SINCE);
    await assert.rejects(
      build(session, `${INCREMENTAL}SELECT CAST('x' || id AS INTEGER) AS id, ts FROM source`),
    );
    await build(session, "SELECT typeof(getvariable('cursor')) AS type", { name: "other" });
    assert.deepEqual(await session.rows("FROM other"), [{ type: '"NULL"' }]);
  });
});

Deno.test("materialize() merges 200,000 rows into 200,000", async () => {
  await withSession(async (session) => {
    const sql = (from: number) =>
      `/* @sluice\nmaterialized: incremental\nprimary_key: [id]\n*/\nSELECT range AS id, ${from} AS v FROM range(${from}, ${
        from + 200_000
      })`;
    await build(session, sql(0));
    assert.equal((await build(session, sql(100_000))).rows, 200_000);
    assert.deepEqual(await all(session, "SELECT v, count(*) FROM m GROUP BY v ORDER BY v"), [[0, 100_000], [
      100_000,
      200_000,
    ]]);
  });
});
