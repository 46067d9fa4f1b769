import { deepEqual, equal, rejects } from "node:assert/strict";
import type { SqlSession } from "../../../../contract/sql.ts";
import { materialize } from "../../../../sql/build/materialize.ts";
import { randomFrom } from "../../../support/random.ts";
import { model, withSession } from "../fixtures.ts";

/** Histories of random rows, against a few lines that say what should be there. */

const HEADER = "materialized: scd2\nprimary_key: [id]\n";
const sqlOf = (header: string, query = "FROM source") => `/* @sluice\n${HEADER}${header}*/\n${query}`;

const build = (session: SqlSession, sql: string, atMs: number, fullRefresh = false) =>
  session.transaction(() =>
    materialize(session, model("m", sql), { fullRefresh, window: { startMs: null, endMs: atMs } })
  );

const rowsOf = async (session: SqlSession, sql: string) =>
  (await session.rows(sql)).map((row) => JSON.stringify(Object.values(row))).sort();

/** Versions as `[id, value, from, to, current]`, times in milliseconds. */
const versions = (session: SqlSession, value = "v") =>
  rowsOf(
    session,
    `SELECT id, ${value} AS v, epoch_ms(valid_from)::BIGINT, epoch_ms(valid_to)::BIGINT, is_current FROM m`,
  );

/** What is never true of a history. */
async function requireSound(session: SqlSession): Promise<void> {
  deepEqual(
    await session.rows(
      `SELECT 'overlapping' AS fault, a.id FROM m AS a JOIN m AS b ON a.id = b.id
         AND (a.valid_from, coalesce(a.valid_to, 'infinity')) < (b.valid_from, coalesce(b.valid_to, 'infinity'))
         AND b.valid_from < coalesce(a.valid_to, 'infinity')
       UNION ALL SELECT 'two current', id FROM m WHERE is_current GROUP BY id HAVING count(*) > 1
       UNION ALL SELECT 'empty', id FROM m WHERE valid_from >= valid_to OR valid_from IS NULL
       UNION ALL SELECT 'wrong mark', id FROM m WHERE is_current <> (valid_to IS NULL)
       UNION ALL SELECT 'twice', id FROM m GROUP BY id, valid_from HAVING count(*) > 1`,
    ),
    [],
  );
}

/** Values that DuckDB mostly takes for the same, or that are nothing, or many. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  VARCHAR: ["NULL", "'a'", "'A'", "'a '", "''"],
  DOUBLE: ["NULL", "0.0", "'-0.0'", "'NaN'", "1e300"],
  INTERVAL: ["NULL", "INTERVAL '30 days'", "INTERVAL '1 month'", "INTERVAL '720 hours'"],
  "STRUCT(a INTEGER, b VARCHAR[])": [
    "NULL",
    "{'a': NULL, 'b': NULL}",
    "{'a': 1, 'b': ['x', NULL]}",
    "{'a': 1, 'b': ['x']}",
  ],
  "TIMESTAMP WITH TIME ZONE": ["NULL", "'2026-01-01 00:00:00.000001+00'", "'2026-01-01 00:00:00+00'"],
};

for (const deletes of ["ignore", "soft"] as const) {
  for (const [type, values] of Object.entries(VALUES)) {
    Deno.test(`scd2 keeps how each ${type} was, with deletes: ${deletes}`, async () => {
      await withSession(async (session) => {
        const random = randomFrom(type.length);
        const pick = (count: number) => Math.floor(random() * count);
        const source = new Map<number, number>();
        const expected = new Map<number, { value: number; fromMs: number; toMs: number | null }[]>();
        let atMs = 1_000;
        for (let round = 0; round < 8; round++) {
          atMs += pick(3);
          for (let edit = 0; edit < 4; edit++) {
            if (random() < 0.3) source.delete(pick(5));
            else source.set(pick(5), pick(values.length));
          }
          const rows = [...source].map(([id, value]) =>
            `SELECT ${id} AS id, CAST(${values[value]} AS ${type}) AS v, ${value} AS n`
          );
          const empty = `SELECT 0 AS id, CAST(NULL AS ${type}) AS v, 0 AS n WHERE false`;
          await session.run(`CREATE OR REPLACE TABLE source AS ${[...rows, empty].join(" UNION ALL ")}`);
          for (let id = 0; id < 5; id++) {
            const known = expected.get(id) ?? [];
            expected.set(id, known);
            const current = known.find(({ toMs }) => toMs === null);
            const value = source.get(id);
            if (value === current?.value || (value === undefined && deletes === "ignore")) continue;
            if (current?.fromMs === atMs) known.pop();
            else if (current !== undefined) current.toMs = atMs;
            if (value !== undefined) known.push({ value, fromMs: atMs, toMs: null });
          }
          const sql = sqlOf(`deletes: ${deletes}\n`, "SELECT id, v FROM source");
          await build(session, sql, atMs);
          await requireSound(session);
          const shown = [...expected].flatMap(([id, known]) =>
            known.map(({ value, fromMs, toMs }) => JSON.stringify([id, value, fromMs, toMs, toMs === null]))
          );
          const found = `CASE ${
            values.map((value, index) =>
              `WHEN v::VARCHAR IS NOT DISTINCT FROM CAST(${value} AS ${type})::VARCHAR THEN ${index}`
            ).join(" ")
          } END`;
          deepEqual(await versions(session, found), shown.sort(), `round ${round}`);
          equal((await build(session, sql, atMs)).rows, 0, "again");
          deepEqual(await versions(session, found), shown.sort());
        }
      });
    });
  }
}

for (const type of ["DATE", "TIMESTAMP", "TIMESTAMPTZ"]) {
  Deno.test(`scd2 puts rows where their ${type} belongs, in whatever order they come`, async () => {
    const stepMs = type === "DATE" ? 86_400_000 : 1_000;
    for (const seed of type === "DATE" ? [1, 2] : [3]) {
      await withSession(async (session) => {
        const random = randomFrom(seed);
        const events = new Map<string, readonly [id: number, time: number, value: number]>();
        for (let i = 0; i < 60; i++) {
          const [id, time] = [Math.floor(random() * 4), Math.floor(random() * 25)];
          events.set(`${id} ${time}`, [id, time, i]);
        }
        const open = [...events.values()].sort(() => random() - 0.5);
        const sql = sqlOf("update_key: ts\n");
        const arrived: (typeof open)[number][] = [];
        for (let round = 0; open.length > 0; round++) {
          const batch = open.splice(0, 1 + Math.floor(random() * 12));
          arrived.push(...batch);
          const rows = batch.map(([id, time, v]) =>
            `(${id}, CAST(make_timestamp(${time * stepMs}000) AS ${type}), ${v})`
          );
          await session.run(
            `CREATE OR REPLACE TABLE source AS SELECT * FROM (VALUES ${rows.join(", ")}) t(id, ts, v)`,
          );
          const built = await build(session, sql, 1e12 + round);
          equal(built.rows, batch.length);
          await requireSound(session);
          const expected = arrived.map(([id, time, v]) => {
            const later = arrived.filter(([other, t]) => other === id && t > time).map(([, t]) => t * stepMs);
            const toMs = later.length === 0 ? null : Math.min(...later);
            return JSON.stringify([id, v, time * stepMs, toMs, toMs === null]);
          });
          deepEqual(await versions(session), expected.sort(), `round ${round}`);
          equal((await build(session, sql, 1e12 + round)).rows, 0, "again");
          deepEqual(await versions(session), expected.sort());
        }
      });
    }
  });
}

Deno.test("a row that changed without its update_key holds from the run on, and one that came back too", async () => {
  await withSession(async (session) => {
    const sql = sqlOf("update_key: ts\ndeletes: soft\n");
    const source = (rows: string) =>
      session.run(
        `CREATE OR REPLACE TABLE source AS SELECT id, make_timestamp(ts * 1000) AS ts, v FROM (VALUES ${rows}) t(id, ts, v)`,
      );
    await source("(1, 10, 'a'), (2, 10, 'a'), (3, 10, 'a')");
    await build(session, sql, 100);
    await source("(1, 10, 'b'), (2, 10, 'a')");
    await build(session, sql, 200);
    await source("(1, 10, 'b'), (3, 10, 'a')");
    await build(session, sql, 300);
    await source("(1, 10, 'b'), (2, 250, 'c'), (3, 310, 'd')");
    await build(session, sql, 400);
    await requireSound(session);
    deepEqual(await versions(session), [
      '[1,"a",10,200,false]',
      '[1,"b",200,null,true]',
      '[2,"a",10,250,false]',
      '[2,"c",250,300,false]',
      '[2,"c",400,null,true]',
      '[3,"a",10,200,false]',
      '[3,"a",300,310,false]',
      '[3,"d",310,null,true]',
    ]);
  });
});

Deno.test("random edits, removals and late rows leave a sound history with what is there now as current", async () => {
  for (const seed of [4, 5]) {
    await withSession(async (session) => {
      const random = randomFrom(seed);
      const source = new Map<number, [time: number, value: number]>();
      const sql = sqlOf("update_key: ts\ndeletes: soft\n");
      for (let round = 1; round <= 16; round++) {
        const atMs = round * 10;
        for (let edit = 0; edit < 3; edit++) {
          const id = Math.floor(random() * 5);
          const [time = 0] = source.get(id) ?? [];
          if (random() < 0.3) source.delete(id);
          // Some rows are told late, some of a time that is still to come, some without a new time.
          else {source.set(id, [
              Math.max(time, atMs - Math.floor(random() * 40) + (random() < 0.1 ? 40 : 0)),
              round,
            ]);}
        }
        const rows = [...source].map(([id, [time, v]]) =>
          `SELECT ${id} AS id, make_timestamp(${time}000) AS ts, ${v} AS v`
        );
        const empty = "SELECT 0 AS id, make_timestamp(0) AS ts, 0 AS v WHERE false";
        await session.run(`CREATE OR REPLACE TABLE source AS ${[...rows, empty].join(" UNION ALL ")}`);
        await build(session, sql, atMs);
        await requireSound(session);
        deepEqual(
          await rowsOf(session, "SELECT id, v FROM m WHERE is_current AND id IN (SELECT id FROM source)"),
          await rowsOf(session, "SELECT id, v FROM source"),
          `seed ${seed} round ${round}`,
        );
        equal((await build(session, sql, atMs)).rows, 0, "again");
      }
    });
  }
});

Deno.test("scd2 refuses keys that say nothing, times that are none, and names that are taken", async () => {
  await withSession(async (session) => {
    const refused = async (header: string, query: string, message: RegExp) =>
      await rejects(build(session, sqlOf(header, query), 100), (error: Error) => {
        equal(message.test(error.message), true, error.message);
        return true;
      });
    await refused("", "SELECT NULL AS id", /the key \(id\) of m is NULL in 1 row/);
    await refused("", "SELECT 1 AS id FROM range(2)", /the key \(id\) of m comes more than once/);
    await refused(
      "update_key: ts\n",
      "SELECT 1 AS id, NULL::DATE AS ts",
      /the key \(id, ts\) of m is NULL in 1 row/,
    );
    await refused(
      "update_key: ts\n",
      "SELECT 1 AS id, DATE '2026-01-01' AS ts FROM range(2)",
      /comes more than once/,
    );
    await refused(
      "update_key: ts\n",
      "SELECT 1 AS id, 'infinity'::DATE AS ts",
      /cannot hold from id = 1, ts = "infinity" on/,
    );
    await refused(
      "update_key: ts\n",
      "SELECT 1 AS id, 5 AS ts",
      /must be a DATE or TIMESTAMP of at most microseconds, but ts is INTEGER/,
    );
    await refused("update_key: nope\n", "SELECT 1 AS id", /update_key: the query has no column nope/);
    await refused("", "SELECT 1 AS id, 1 AS Valid_To", /the query has a column valid_to, as the history/);
    await build(session, sqlOf("scd2: { valid_to: until }\n", "SELECT 1 AS id, 1 AS valid_to"), 100);
    await refused(
      "",
      "SELECT 1 AS id",
      /the table m is no history, as it has no column valid_to of one/,
    );
  });
});

Deno.test("a history gains and loses columns as on_schema_change says, and their values are compared", async () => {
  await withSession(async (session) => {
    await build(session, sqlOf("", "SELECT 1 AS id, 'a' AS old"), 100);
    await build(
      session,
      sqlOf("on_schema_change: append_new_columns\n", "SELECT 1 AS id, 'a' AS old, NULL AS fresh"),
      200,
    );
    deepEqual(await versions(session, "old"), ['[1,"a",100,null,true]'], "NULL is what it was");
    await build(session, sqlOf("on_schema_change: append_new_columns\n", "SELECT 1 AS id, 5 AS fresh"), 300);
    deepEqual(
      await rowsOf(session, "SELECT old, fresh, is_current FROM m"),
      ['["a",null,false]', "[null,5,true]"].sort(),
    );
    await build(session, sqlOf("on_schema_change: sync_all_columns\n", "SELECT 1 AS id, 6 AS fresh"), 400);
    deepEqual(
      await rowsOf(session, "SELECT * EXCLUDE (valid_from, valid_to) FROM m"),
      ["[1,false,5]", "[1,false,null]", "[1,true,6]"],
    );
    await requireSound(session);
  });
});
