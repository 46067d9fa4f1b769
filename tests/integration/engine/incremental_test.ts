import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import type postgres from "postgres";
import { destinationRows } from "../../support/destination_rows.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { queryFiles, Served, step } from "../../support/served_project.ts";

/** What several runs leave: cursors, merges, contracts, and each way to load. */

const ORDERS = "SELECT id, coalesce(amount::VARCHAR, '-') FROM raw.orders ORDER BY ALL";

const csvStream = (more: string) =>
  `extract:\n  orders: { connector: files, path: data/orders.csv, update_key: updated_at, ${more} }\n`;

Deno.test("an incremental stream takes new and changed rows, ties at the cursor and rows without one; older rows that come late wait for a full refresh", async () => {
  await using shop = await Served.start({
    "data/orders.csv": `id,amount,updated_at
1,10,2024-01-01 00:00:00
2,20,2024-01-02 00:00:00.000001
3,30,2024-01-02 00:00:00.000001
4,40,
`,
    "pipelines/shop.yaml": csvStream("mode: incremental, primary_key: [id]"),
  });
  equal(step(await shop.succeed("shop"), "extract:orders").rows, 4);
  await shop.project.write({
    "data/orders.csv": `id,amount,updated_at
1,11,2024-01-01 00:00:00
2,21,2024-01-02 00:00:00.000001
3,30,2024-01-02 00:00:00.000001
4,41,
5,50,2024-01-03 00:00:00
6,60,2024-01-02 00:00:00.000001
7,70,2024-01-01 12:00:00
8,80,
2,22,2024-01-02 00:00:00.000002
`,
  });
  // Ids 1 and 7 are before the cursor.
  equal(step(await shop.succeed("shop"), "extract:orders").rows, 7);
  const expected = [["1", "10"], ["2", "22"], ["3", "30"], ["4", "41"], ["5", "50"], ["6", "60"], [
    "8",
    "80",
  ]];
  deepEqual(await shop.warehouse("shop", ORDERS), expected);
  await shop.succeed("shop");
  deepEqual(await shop.warehouse("shop", ORDERS), expected, "nothing new changes nothing");
  deepEqual(await shop.warehouse("shop", `SELECT state->'cursor'->>'value' FROM _sluice.states`), [[
    "2024-01-03 00:00:00",
  ]]);
  await shop.succeed("shop", { full_refresh: true });
  deepEqual(await shop.warehouse("shop", ORDERS), [
    ["1", "11"],
    ["2", "22"],
    ["3", "30"],
    ["4", "41"],
    ["5", "50"],
    ["6", "60"],
    ["7", "70"],
    ["8", "80"],
  ]);
});

Deno.test("an append stream adds each row once, equal rows at the cursor and rows without one as often as they are there; without an update_key it adds everything", async () => {
  await using shop = await Served.start({
    "data/orders.csv": `id,amount,updated_at
1,10,2024-01-01
2,20,2024-01-02
2,20,2024-01-02
3,30,
`,
    "pipelines/shop.yaml": csvStream("mode: append"),
    "pipelines/all.yaml": "extract:\n  orders: { connector: files, path: data/orders.csv, mode: append }\n",
  });
  await shop.succeed("shop");
  await shop.succeed("all");
  await shop.project.write({
    "data/orders.csv": `id,amount,updated_at
1,10,2024-01-01
2,20,2024-01-02
2,20,2024-01-02
2,20,2024-01-02
2,21,2024-01-03
3,30,
3,30,
9,90,2024-01-01
`,
  });
  await shop.succeed("shop");
  const expected = [["1", "10"], ["2", "20"], ["2", "20"], ["2", "20"], ["2", "21"], ["3", "30"], [
    "3",
    "30",
  ]];
  deepEqual(await shop.warehouse("shop", ORDERS), expected);
  await shop.succeed("shop");
  deepEqual(await shop.warehouse("shop", ORDERS), expected);
  await shop.succeed("all");
  deepEqual(await shop.warehouse("all", "SELECT count(*) FROM raw.orders"), [["12"]]);
});

Deno.test("contract columns: evolve adds new columns and leaves missing ones NULL; freeze fails and changes nothing", async () => {
  const frozen = "contract: { columns: freeze }";
  await using shop = await Served.start({
    "data/orders.csv": "id,amount,updated_at\n1,10,2024-01-01\n",
    "pipelines/evolves.yaml": csvStream("mode: incremental, primary_key: [id]"),
    "pipelines/freezes.yaml": csvStream(`mode: incremental, primary_key: [id], ${frozen}`),
  });
  await shop.succeed("evolves");
  await shop.succeed("freezes");
  await shop.project.write({
    "data/orders.csv": 'id,Amount,updated_at,"no""te"\n1,10,2024-01-01,\n2,20,2024-01-02,new\n',
  });
  await shop.succeed("evolves");
  const refused = await shop.runToEnd("freezes");
  equal(refused.state, "failed");
  match(refused.error?.message ?? "", /extract:orders: Stream "orders" has other columns.*new: no"te/);
  deepEqual(await shop.warehouse("freezes", ORDERS), [["1", "10"]]);
  deepEqual(await shop.warehouse("freezes", `SELECT state->'cursor'->>'value' FROM _sluice.states`), [[
    "2024-01-01",
  ]]);

  await shop.project.write({ "data/orders.csv": "updated_at,id\n2024-01-03,3\n" });
  await shop.succeed("evolves");
  deepEqual(
    await shop.warehouse(
      "evolves",
      `SELECT id, coalesce(amount::VARCHAR, '-'), coalesce("no""te", '-') FROM raw.orders ORDER BY id`,
    ),
    [["1", "10", "-"], ["2", "20", "new"], ["3", "-", "-"]],
  );
  match((await shop.runToEnd("freezes")).error?.message ?? "", /gone: amount/);
  await shop.project.write({ "data/orders.csv": "amount,id,updated_at\n30,3,2024-01-03\n" });
  await shop.succeed("freezes");
  deepEqual(await shop.warehouse("freezes", ORDERS), [["1", "10"], ["3", "30"]]);
});

Deno.test("contract types: freeze refuses a wider type and changes nothing; evolve widens and keeps every value", async () => {
  await using shop = await Served.start({
    "data/orders.csv": "id,amount,updated_at\n1,9007199254740993,2024-01-01\n",
    "pipelines/evolves.yaml": csvStream("mode: incremental, primary_key: [id]"),
    "pipelines/freezes.yaml": csvStream("mode: incremental, primary_key: [id], contract: { types: freeze }"),
  });
  await shop.succeed("evolves");
  await shop.succeed("freezes");
  await shop.project.write({ "data/orders.csv": "id,amount,updated_at\n2,many,2024-01-02\n" });
  const refused = await shop.runToEnd("freezes");
  equal(refused.state, "failed");
  match(refused.error?.message ?? "", /column "amount" was BIGINT and is now VARCHAR.*freezes types/);
  await shop.succeed("evolves");
  deepEqual(await shop.warehouse("freezes", ORDERS), [["1", "9007199254740993"]]);
  deepEqual(await shop.warehouse("evolves", ORDERS), [["1", "9007199254740993"], ["2", "many"]]);
  await shop.project.write({ "data/orders.csv": "id,amount,updated_at\n3,30,2024-01-03\n" });
  await shop.succeed("freezes");
  await shop.succeed("evolves");
  deepEqual(await shop.warehouse("freezes", ORDERS), [["1", "9007199254740993"], ["3", "30"]]);
  deepEqual(await shop.warehouse("evolves", ORDERS), [["1", "9007199254740993"], ["2", "many"], ["3", "30"]]);
});

Deno.test("an incremental model counts late rows within the days that its query looks back, and no others", async () => {
  await using shop = await Served.start({
    "data/orders.csv": "id,day\n1,2024-01-01\n2,2024-01-04\n3,2024-01-05\n",
    "pipelines/shop.yaml": "extract: { orders: { connector: files, path: data/orders.csv } }\n",
    "transforms/shop/days.sql": `/* @sluice
materialized: incremental
primary_key: [day]
update_key: day
*/
SELECT day, count(*) AS n FROM raw.orders
WHERE getvariable('cursor') IS NULL OR day >= getvariable('cursor') - INTERVAL 1 DAY
GROUP BY day
`,
  });
  await shop.succeed("shop");
  await shop.project.write({
    "data/orders.csv":
      "id,day\n1,2024-01-01\n2,2024-01-04\n3,2024-01-05\n4,2024-01-04\n5,2024-01-01\n6,2024-01-06\n7,2024-01-02\n",
  });
  await shop.succeed("shop");
  deepEqual(await shop.warehouse("shop", "SELECT day::DATE, n FROM days ORDER BY day"), [
    ["2024-01-01", "1"],
    ["2024-01-04", "2"],
    ["2024-01-05", "1"],
    ["2024-01-06", "1"],
  ]);
});

/** The source's rows as every destination must hold them: id, amount, note and round as text. */
type Row = readonly string[];

const sorted = (rows: Iterable<Row>): Row[] =>
  [...rows].toSorted((a, b) => Number(a[0]) - Number(b[0]) || Number(a[3]) - Number(b[3]));

async function query(sql: postgres.Sql, statement: string): Promise<Row[]> {
  const rows: Record<string, unknown>[] = await sql.unsafe(statement);
  return rows.map((row) => Object.values(row).map(String));
}

const sourceRows = (sql: postgres.Sql, where = ""): Promise<Row[]> =>
  postgresRows(sql, `shop.orders ${where}`);

const FOUR_COLUMNS = `id::text AS a, amount::text AS b, coalesce(note, '-') AS c, round::text AS d`;

const postgresRows = async (sql: postgres.Sql, table: string): Promise<Row[]> =>
  sorted(await query(sql, `SELECT ${FOUR_COLUMNS} FROM ${table}`));

async function parquetRows(folder: string): Promise<Row[]> {
  return sorted(await queryFiles(`SELECT ${FOUR_COLUMNS} FROM read_parquet('${folder}/*.parquet')`));
}

function sqliteRows(lines: readonly string[] | undefined): Row[] {
  return sorted((lines ?? []).map((line) => {
    const row: { id: number; amount: number | string; note: string | null; round: number } = JSON.parse(line);
    return [String(row.id), Number(row.amount).toFixed(2), row.note ?? "-", String(row.round)];
  }));
}

Deno.test("PostgreSQL to SQLite, PostgreSQL and Parquet: after each run, append, merge and replace hold exactly the right rows", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  const { sql } = database;
  await sql.unsafe(`
    CREATE SCHEMA shop; CREATE SCHEMA "Out ""quoted""";
    CREATE TABLE shop.orders (
      id int PRIMARY KEY, amount numeric(12, 2) NOT NULL, note text, round int NOT NULL, updated_at timestamptz
    )`);
  const targets = (mode: string, more = "") => `
    - { connector: lite, table: ${mode}, mode: ${mode}${more} }
    - { connector: shop, table: '"Out ""quoted""".${mode}', mode: ${mode}${more} }
    - { connector: files, path: out/${mode}/, mode: ${mode}${more} }`;
  await using shop = await Served.start({
    "connectors.yaml": `files: { type: file }
lite: { type: sqlite, path: out/lite.sqlite }
shop: { type: postgres, url: "\${secret:SHOP_URL}" }
`,
    "pipelines/shop.yaml": `
extract:
  orders:
    connector: shop
    stream: shop.orders
    mode: incremental
    primary_key: [id]
    update_key: updated_at
load:
  now:${targets("merge", ", primary_key: [id]")}${targets("replace")}
  delta:${targets("append")}
`,
    "transforms/shop/now.sql": "SELECT id, amount, note, round FROM raw.orders\n",
    "transforms/shop/delta.sql":
      "SELECT id, amount, note, round FROM raw.orders WHERE round = (SELECT max(round) FROM raw.orders)\n",
    "transforms/shop/days.sql": `/* @sluice
materialized: incremental
primary_key: [day]
update_key: day
*/
SELECT updated_at::DATE AS day, count(*) AS n, sum(amount) AS amount FROM raw.orders
WHERE updated_at IS NOT NULL
  AND (getvariable('cursor') IS NULL OR updated_at::DATE >= getvariable('cursor') - INTERVAL 1 DAY)
GROUP BY day
`,
  }, { SHOP_URL: database.url });
  /** Every kind of change, at moments that hold microseconds. */
  const change = (round: number) => {
    const at = (day: number) => `timestamptz '2024-01-${10 + day} 12:00:00.123456+02'`;
    return sql.unsafe(`
      INSERT INTO shop.orders
        SELECT ${round} * 100 + i, i * 1.11, 'n ' || i || ' ☃ ''"', ${round}, ${
      at(round)
    } FROM generate_series(1, 7) AS i;
      -- The same moment as the greatest of the round before, and none.
      INSERT INTO shop.orders VALUES (${round} * 100 + 8, 8.80, NULL, ${round}, ${at(round - 1)});
      INSERT INTO shop.orders VALUES (${round} * 100 + 9, -0.01, '', ${round}, NULL);
      UPDATE shop.orders SET amount = amount + 1000, round = ${round}, updated_at = ${at(round)}
        WHERE round < ${round} AND id % 3 = 0;
      UPDATE shop.orders SET note = 'changed', round = ${round} WHERE updated_at IS NULL AND id < ${round} * 100`);
  };
  const deltas: Row[] = [];
  for (let round = 1; round <= 4; round += 1) {
    await change(round);
    deltas.push(...await sourceRows(sql, `WHERE round = ${round}`));
    const run = await shop.succeed("shop");
    const now = await sourceRows(sql);
    equal(run.rows_loaded, 6 * now.length + 3 * (await sourceRows(sql, `WHERE round = ${round}`)).length);
    const files = await destinationRows(join(shop.project.projectDir, "out"));
    for (const [mode, expected] of [["merge", now], ["replace", now], ["append", sorted(deltas)]] as const) {
      deepEqual(sqliteRows(files[`lite.sqlite ${mode}`]), expected, `round ${round}, SQLite ${mode}`);
      deepEqual(
        await postgresRows(sql, `"Out ""quoted""".${mode}`),
        expected,
        `round ${round}, PostgreSQL ${mode}`,
      );
      const folder = join(shop.project.projectDir, "out", mode);
      deepEqual(await parquetRows(folder), expected, `round ${round}, Parquet ${mode}`);
    }
    const days = await query(
      sql,
      `SELECT (updated_at AT TIME ZONE 'UTC')::date::text AS a, count(*)::text AS b, sum(amount)::text AS c
       FROM shop.orders WHERE updated_at IS NOT NULL GROUP BY 1 ORDER BY 1`,
    );
    const built = await shop.warehouse("shop", "SELECT day, n, amount FROM days ORDER BY day");
    deepEqual(
      built.slice(-2),
      days.slice(-2),
      `round ${round}, the days that are looked at`,
    );
  }
});
