import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { quoteLiteral, type SqlSession } from "../../../../contract/sql.ts";
import type { BuildWindow } from "../../../../sql/build/batches.ts";
import { materialize } from "../../../../sql/build/materialize.ts";
import { randomFrom } from "../../../support/random.ts";
import { model, withSession } from "../fixtures.ts";

/** What each strategy makes of random rows, against a few lines that say what should be there. */

const header = (text: string) => `/* @sluice\nmaterialized: incremental\n${text}\n*/\n`;

const build = (session: SqlSession, sql: string, window?: BuildWindow, fullRefresh = false) =>
  session.transaction(() =>
    materialize(session, model("m", sql), { fullRefresh, ...(window === undefined ? {} : { window }) })
  );

const rowsOf = async (session: SqlSession, sql: string) =>
  (await session.rows(sql)).map((row) => JSON.stringify(Object.values(row))).sort();

const DAY_MS = 86_400_000;
const WINDOWED = "ts >= getvariable('window_start') AND ts < getvariable('window_end')";

for (const type of ["DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ"]) {
  Deno.test(`delete_insert replaces the rows of its window by a ${type}, and no others`, async () => {
    await withSession(async (session) => {
      const random = randomFrom(type.length);
      const stepMs = type === "DATE" ? DAY_MS : 1_000;
      const where = type.includes("_") ? WINDOWED.replaceAll("ts ", "ts::TIMESTAMP ") : WINDOWED;
      const sql = `${header("strategy: delete_insert\nupdate_key: ts")}SELECT * FROM source WHERE ${where}`;
      let stored: [at: number, x: number][] = [];
      for (let round = 0; round < 12; round++) {
        const source = Array.from(
          { length: 40 },
          (_, x): [number, number] => [Math.floor(random() * 20) * stepMs, x + 100 * round],
        );
        const startMs = round === 0 ? null : Math.floor(random() * 20) * stepMs;
        const endMs = (startMs ?? 0) + Math.floor(random() * 8) * stepMs;
        const isIn = ([at]: [number, number]) => (startMs === null || at >= startMs) && at < endMs;
        const values = source.map(([at, x]) => `(CAST(make_timestamp(${at}000) AS ${type}), ${x})`);
        await session.run(
          `CREATE OR REPLACE TABLE source AS SELECT * FROM (VALUES ${values.join(", ")}) AS t(ts, x)`,
        );
        const built = await build(session, sql, { startMs, endMs });
        equal(built.rows, source.filter(isIn).length);
        stored = [...stored.filter((row) => !isIn(row)), ...source.filter(isIn)];
        deepEqual(
          await rowsOf(session, `SELECT epoch_ms(ts::TIMESTAMP)::BIGINT AS ts, x FROM m`),
          stored.map((row) => JSON.stringify(row)).sort(),
          `round ${round}`,
        );
      }
    });
  });
}

Deno.test("a row that lies outside of its window, or has no time, stops the build and is shown", async () => {
  await withSession(async (session) => {
    const sql = (rows: string) =>
      `${header("strategy: delete_insert\nupdate_key: ts")}SELECT * FROM (VALUES ${rows}) t(ts, x)`;
    const window = { startMs: 0, endMs: DAY_MS };
    await build(session, sql("(TIMESTAMP '1970-01-01', 1)"), window);
    for (
      const outside of [
        "TIMESTAMP '1970-01-02'",
        "TIMESTAMP '1969-12-31 23:59:59.999999'",
        "NULL",
        "'infinity'",
      ]
    ) {
      for (const fullRefresh of [false, true]) {
        await rejects(
          build(session, sql(`(TIMESTAMP '1970-01-01', 2), (${outside}, 3)`), window, fullRefresh),
          {
            code: "invalid",
            message:
              /m\.sql:4:13: 1 row of m lies outside of the window from 1970-01-01T00:00:00Z until 1970-01-02T00:00:00Z that the query was run for, as ts = /,
          },
        );
      }
    }
    deepEqual(await rowsOf(session, "SELECT x FROM m"), ["[1]"]);
    await rejects(
      build(session, sql("(1, 1)"), window, true),
      /needs a DATE or TIMESTAMP|column ts|INTEGER/,
    );
  });
});

/** Values of partitions with their text; NULL and nested ones among them. */
const PARTITIONS = ["NULL", "1", "2", "3"];

for (
  const [what, partitionBy, value] of [
    ["a column", "p", (p: string) => p],
    ["an expression", '["p % 2", "x IS NULL"]', (p: string) => p],
    ["a nested column", "p", (p: string) => (p === "NULL" ? "NULL" : `{'a': ${p}, 'b': [${p}, NULL]}`)],
    ["floats", "p", (p: string) => (p === "1" ? "'NaN'::DOUBLE" : `${p}::DOUBLE`)],
  ] as const
) {
  for (const strategy of ["delete_insert", "insert_overwrite"]) {
    Deno.test(`${strategy} replaces the partitions that occur by ${what}, NULL among them`, async () => {
      await withSession(async (session) => {
        const random = randomFrom(what.length);
        const sql = `${header(`strategy: ${strategy}\npartition_by: ${partitionBy}`)}FROM source`;
        const partitionOf = ([p]: [string, number]) =>
          what !== "an expression" ? p : p === "NULL" ? p : String(Number(p) % 2);
        let stored: [string, number][] = [];
        for (let round = 0; round < 10; round++) {
          const source = Array.from({ length: Math.floor(random() * 4) }, (_, x): [string, number] => [
            PARTITIONS[Math.floor(random() * 4)] ?? "1",
            x + 100 * round,
          ]);
          const values = source.map(([p, x]) =>
            `SELECT ${value(p)} AS p, ${x} AS x, ${quoteLiteral(p)} AS t`
          );
          const empty = `SELECT ${value("1")} AS p, 0 AS x, '' AS t WHERE false`;
          await session.run(`CREATE OR REPLACE TABLE source AS ${[...values, empty].join(" UNION ALL ")}`);
          await build(session, sql);
          const replaced = new Set(source.map(partitionOf));
          stored = [...stored.filter((row) => !replaced.has(partitionOf(row))), ...source];
          deepEqual(
            await rowsOf(session, "SELECT t, x FROM m"),
            stored.map((row) => JSON.stringify(row)).sort(),
            `round ${round}`,
          );
        }
      });
    });
  }
}

Deno.test("append adds the rows as they are, and a key that is declared has to hold over all of them", async () => {
  await withSession(async (session) => {
    const sql = (values: string, key = "") =>
      `${header(`strategy: append${key}`)}SELECT * FROM (VALUES ${values}) t(id, x)`;
    for (let round = 1; round <= 3; round++) await build(session, sql("(1, 'a'), (1, 'a'), (NULL, 'b')"));
    deepEqual(await rowsOf(session, "SELECT id, x, count(*) AS n FROM m GROUP BY ALL"), [
      '[1,"a",6]',
      '[null,"b",3]',
    ]);
    const key = "\nprimary_key: [id]";
    await build(session, sql("(1, 'a'), (2, 'b')", key), undefined, true);
    await build(session, sql("(3, 'c')", key));
    await rejects(build(session, sql("(4, 'd'), (2, 'e')", key)), {
      message:
        /the key \(id\) of m comes more than once with the rows that its table keeps, as id = 2, rows = 2/,
    });
    deepEqual(await rowsOf(session, "FROM m"), ['[1,"a"]', '[2,"b"]', '[3,"c"]']);
  });
});

Deno.test("delete_insert refuses a key that has moved out of its window", async () => {
  await withSession(async (session) => {
    const sql = `${
      header("strategy: delete_insert\nupdate_key: ts\nprimary_key: [id]")
    }FROM source WHERE ${WINDOWED}`;
    await session.run("CREATE TABLE source AS SELECT 1 AS id, DATE '1970-01-01' AS ts");
    await build(session, sql, { startMs: 0, endMs: DAY_MS });
    await session.run("UPDATE source SET ts = DATE '1970-01-02'");
    await rejects(
      build(session, sql, { startMs: DAY_MS, endMs: 2 * DAY_MS }),
      /comes more than once with the rows/,
    );
    await build(session, sql, { startMs: 0, endMs: 2 * DAY_MS });
    deepEqual(await rowsOf(session, "FROM m"), ['[1,"1970-01-02"]']);
  });
});

Deno.test("merge finds rows by keys of any type, to the microsecond, the NaN and the element", async () => {
  for (
    const [one, other] of [
      ["TIMESTAMPTZ '2026-01-01 00:00:00.000001+00'", "TIMESTAMPTZ '2026-01-01 00:00:00.000002+00'"],
      ["{'a': 1, 'b': [1, NULL]}", "{'a': 1, 'b': [1, 2]}"],
      ["'NaN'::DOUBLE", "1e308"],
      ["'a'::BLOB", "'A'::BLOB"],
      [
        "170141183460469231731687303715884105727::HUGEINT",
        "170141183460469231731687303715884105726::HUGEINT",
      ],
    ]
  ) {
    await withSession(async (session) => {
      const sql = (values: string) =>
        `${header("primary_key: [id, x]")}SELECT id, 'x' AS x, v FROM (VALUES ${values}) t(id, v)`;
      await build(session, sql(`(${one}, 1), (${other}, 1)`));
      const built = await build(session, sql(`(${other}, 2)`));
      equal(built.rows, 1);
      deepEqual(await rowsOf(session, `SELECT v, id = ${other} AS b FROM m`), ["[1,false]", "[2,true]"]);
    });
  }
});

const COLUMNS = "primary_key: [id]\non_schema_change: ";

Deno.test("on_schema_change says which columns may come and go", async () => {
  const first = "SELECT 1 AS id, 'a' AS gone";
  const then = "SELECT 2 AS id, 'b' AS fresh";
  const cases = {
    fail: null,
    ignore: [['[1,"a"]', "[2,null]"], { ignored: ["fresh"], gone: ["gone"], added: [] }],
    append_new_columns: [['[1,"a",null]', '[2,null,"b"]'], { ignored: [], gone: ["gone"], added: ["fresh"] }],
    sync_all_columns: [["[1,null]", '[2,"b"]'], {
      ignored: [],
      gone: [],
      added: ["fresh"],
      dropped: ["gone"],
    }],
  } as const;
  for (const [way, expected] of Object.entries(cases)) {
    await withSession(async (session) => {
      await build(session, `${header(COLUMNS + way)}${first}`);
      const second = build(session, `${header(COLUMNS + way)}${then}`);
      if (expected === null) {
        await rejects(second, {
          message:
            /m\.sql:4:19: its table has no fresh, and the query has no gone, and on_schema_change: fail lets no column come or go/,
        });
        deepEqual(await rowsOf(session, "FROM m"), ['[1,"a"]']);
        return;
      }
      const built = await second;
      const [rows, columns] = expected;
      deepEqual(await rowsOf(session, "FROM m"), [...rows], way);
      for (const [key, names] of Object.entries(columns)) {
        deepEqual(new Map(Object.entries(built)).get(key), names, `${way} ${key}`);
      }
    });
  }
});

Deno.test("sync_all_columns changes a type where each stored value stays the same, and only there", async () => {
  for (
    const [from, to, message] of [
      ["1::INTEGER", "2::BIGINT", null],
      ["1::BIGINT", "'x'", null],
      ["9007199254740993::BIGINT", "0.5::DOUBLE", /does not hold v = "9007199254740993" as it is/],
      [
        "'007'",
        "7",
        /column v is VARCHAR in its table and INTEGER in the query now, which does not hold v = "007"/,
      ],
      ["DATE '2026-01-01'", "TIMESTAMP '2026-01-01 10:00:00'", null],
      ["TIMESTAMP '2026-01-01 10:00:00'", "DATE '2026-01-01'", /does not hold/],
      ["[1::INTEGER, NULL]", "[2::BIGINT]", null],
      ["NULL::VARCHAR", "7", null],
    ] as const
  ) {
    await withSession(async (session) => {
      const sql = (id: number, v: string) =>
        `${header(`${COLUMNS}sync_all_columns`)}SELECT ${id} AS id, ${v} AS v`;
      await build(session, sql(1, from));
      const before = await rowsOf(session, "FROM m");
      if (message === null) {
        await build(session, sql(2, to));
        const [row] = await session.rows(
          `SELECT CAST(v AS VARCHAR) IS NOT DISTINCT FROM CAST(${from} AS VARCHAR)
          OR v::VARCHAR = CAST(CAST(${from} AS TIMESTAMP) AS VARCHAR) AS same FROM m WHERE id = 1`,
        ).catch(() =>
          session.rows(
            `SELECT CAST(v AS VARCHAR) IS NOT DISTINCT FROM CAST(${from} AS VARCHAR) AS same FROM m WHERE id = 1`,
          )
        );
        equal(row?.["same"], true, `${from} to ${to}`);
        return;
      }
      await rejects(build(session, sql(2, to)), (error: Error) => {
        match(error.message, message);
        return true;
      });
      deepEqual(await rowsOf(session, "FROM m"), before);
    });
  }
});
