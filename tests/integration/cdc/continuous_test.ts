import { deepEqual, equal, ok } from "node:assert/strict";
import { acquireMariadb } from "../../support/mariadb.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { PATIENCE_MS, Served } from "../../support/served_project.ts";
import { waitFor } from "../../support/sluice_server.ts";

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());
const mariadb = await acquireMariadb();
Deno.test.afterAll(() => mariadb[Symbol.asyncDispose]());

Deno.test("a continuous pipeline follows MariaDB's log in processes with their own rights", async () => {
  await using database = await mariadb.createDatabase();
  await database.run(
    "CREATE TABLE orders (id int PRIMARY KEY, name text); INSERT INTO orders VALUES (1, 'one')",
  );
  const until = async (expected: string) => {
    const names = async () =>
      (await database.run("SELECT name FROM copied ORDER BY id").catch(() => [])).map(({ name }) => name)
        .join();
    ok(
      await waitFor(async () => await names() === expected ? true : undefined, PATIENCE_MS),
      `expected ${expected}, there is ${await names()}`,
    );
  };
  await using served = await Served.start({
    "connectors.yaml": 'shop: { type: mysql, url: "${env:SHOP_URL}", ssl: disable }\n',
    "pipelines/live.yaml": `
schedule: continuous
extract:
  orders: { connector: shop, stream: orders, mode: cdc }
load:
  orders: { connector: shop, table: copied }
`,
  }, { SHOP_URL: database.url });
  await until("one");
  await database.run("INSERT INTO orders VALUES (2, 'two'); UPDATE orders SET name = 'uno' WHERE id = 1");
  await until("uno,two");
  await database.run("DELETE FROM orders WHERE id = 1");
  await until("two");
  const runs = await served.runs("live");
  ok(runs.length >= 3 && runs.every(({ trigger, state }) => trigger === "schedule" && state !== "failed"));
});

Deno.test("a continuous pipeline brings changes on by itself, run after run", async () => {
  await using database = await server.createDatabase();
  const { sql } = database;
  await sql.unsafe(
    "CREATE TABLE orders (id int PRIMARY KEY, name text); INSERT INTO orders VALUES (1, 'one')",
  );
  const names = async () =>
    (await sql`SELECT name FROM copied ORDER BY id`.catch(() => [])).map((row) => String(row["name"]));
  const until = async (expected: readonly string[]) => {
    const isThere = async () => (await names()).join() === expected.join() ? true : undefined;
    ok(
      await waitFor(isThere, PATIENCE_MS),
      `expected ${expected.join()}, there is ${(await names()).join()}`,
    );
  };
  await using served = await Served.start({
    "connectors.yaml": 'shop: { type: postgres, url: "${env:SHOP_URL}", ssl: disable }\n',
    "pipelines/live.yaml": `
schedule: continuous
extract:
  orders: { connector: shop, stream: orders, mode: cdc }
load:
  orders: { connector: shop, table: copied }
`,
  }, { SHOP_URL: database.url });
  await until(["one"]);
  await sql.unsafe("INSERT INTO orders VALUES (2, 'two'); UPDATE orders SET name = 'uno' WHERE id = 1");
  await until(["uno", "two"]);
  await sql`DELETE FROM orders WHERE id = 1`;
  await until(["two"]);
  const { schedule, next_run_at } = await served.server.call<
    { schedule: { words: string; next: unknown[] }; next_run_at: string | null }
  >("GET", "/api/pipelines/live");
  equal(schedule.words, "continuously");
  deepEqual([schedule.next, next_run_at], [[], null]);
  const runs = await served.runs("live");
  ok(runs.length >= 3 && runs.every(({ trigger, state }) => trigger === "schedule" && state !== "failed"));
});
