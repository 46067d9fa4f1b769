import { deepEqual, equal, match } from "node:assert/strict";
import { acquireMariadb } from "../../support/mariadb.ts";
import { Served, step } from "../../support/served_project.ts";

const server = await acquireMariadb();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const project = (url: string, pipeline: string) => ({
  "connectors.yaml": `db: { type: mysql, url: "${url}", ssl: disable, max_connections: 3 }\n`,
  "pipelines/shop.yaml": `resources: { threads: 3 }\n${pipeline}\n`,
});

Deno.test("a large table of MariaDB is read in parts, its NULLs and zero dates included", async () => {
  await using database = await server.createDatabase();
  await database.run(
    `SET sql_mode = ''; CREATE TABLE orders (id INT, t VARCHAR(20), d DATE NOT NULL, KEY (id), KEY (d));
     INSERT INTO orders SELECT IF(seq % 10 > 0, seq, NULL), CONCAT('order ', seq), IF(seq % 9 > 0, DATE '2024-01-01' + INTERVAL seq % 300 DAY, 0) FROM seq_1_to_5000`,
  );
  await using shop = await Served.start(project(
    database.url,
    `extract:
  by_id: { connector: db, stream: orders, partition: { column: id, size: 700 }, options: { zero_dates: "null" } }
  by_day: { connector: db, stream: orders, partition: { column: d, size: 700 }, options: { zero_dates: "null" } }`,
  ));
  const run = await shop.succeed("shop");
  equal(step(run, "extract:by_id").rows, 5_000);
  equal(step(run, "extract:by_day").rows, 5_000);
  for (const table of ["by_id", "by_day"]) {
    const [row] = await shop.warehouse(
      "shop",
      `SELECT count(*)::INTEGER, count(id)::INTEGER, count(DISTINCT t)::INTEGER, sum(id)::INTEGER, count(d)::INTEGER FROM raw.${table}`,
    );
    deepEqual(row?.map(Number), [5_000, 4_500, 5_000, 11_250_000, 4_445], table);
  }
});

Deno.test("an incremental stream takes ties, NULLs and changes, once each, and a range again", async () => {
  await using database = await server.createDatabase();
  await database.run(
    `CREATE TABLE orders (id BIGINT UNSIGNED PRIMARY KEY, v INT, at TIMESTAMP(6) NULL, KEY (at));
     SET time_zone = '+00:00';
     INSERT INTO orders VALUES (1, 1, '2024-01-01 00:00:00.000001'), (2, 1, '2024-01-01 00:00:00.000002'), (18446744073709551615, 1, NULL)`,
  );
  await using shop = await Served.start(project(
    database.url,
    `extract: { orders: { connector: db, stream: orders, mode: incremental, primary_key: [id], update_key: at } }`,
  ));
  const rows = async () =>
    (await shop.warehouse("shop", "SELECT id::VARCHAR, v FROM raw.orders ORDER BY id")).map((row) =>
      row.join(" ")
    );
  await shop.succeed("shop");
  deepEqual(await rows(), ["1 1", "2 1", "18446744073709551615 1"]);
  await database.run(
    `SET time_zone = '+00:00'; INSERT INTO orders VALUES (3, 2, '2024-01-01 00:00:00.000002'), (4, 2, '2024-02-01 00:00:00'), (5, 2, NULL);
     UPDATE orders SET v = 2 WHERE at IS NULL; UPDATE orders SET v = 9 WHERE id = 1`,
  );
  await shop.succeed("shop");
  // The first row changed without its update_key, so it is as it was.
  deepEqual(await rows(), ["1 1", "2 1", "3 2", "4 2", "5 2", "18446744073709551615 2"]);
});

Deno.test("a value that does not fit fails the step with table, row and column, and keeps what was there", async () => {
  await using database = await server.createDatabase();
  await database.run(
    "SET sql_mode = ''; CREATE TABLE t (id INT, d DATE); INSERT INTO t VALUES (1, '2024-01-01')",
  );
  await using shop = await Served.start(
    project(database.url, `extract: { t: { connector: db, stream: t } }`),
  );
  await shop.succeed("shop");
  await database.run("SET sql_mode = ''; INSERT INTO t VALUES (2, '0000-00-00')");
  const run = await shop.runToEnd("shop");
  equal(run.state, "failed");
  match(
    step(run, "extract:t").error?.message ?? "",
    /Cannot read t from db row 2: column "d" is "0000-00-00", a date that is in no calendar/,
  );
  deepEqual(await shop.warehouse("shop", "SELECT count(*)::INTEGER FROM raw.t"), [[1]]);
});
