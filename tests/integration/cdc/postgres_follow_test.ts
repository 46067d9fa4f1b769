import { deepEqual, equal, match } from "node:assert/strict";
import { FollowedProject } from "../../support/followed_project.ts";
import { acquirePostgres, type TestDatabase } from "../../support/postgres.ts";

/** Tables of a real PostgreSQL, followed by its log: raw holds what the source holds, run for run. */

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const ORDERS = { orders: { stream: "orders", mode: "cdc" } };

async function withDatabase(
  work: (database: TestDatabase, project: FollowedProject) => Promise<void>,
): Promise<void> {
  await using database = await server.createDatabase();
  await using project = await FollowedProject.create(database.url);
  await work(database, project);
}

Deno.test("a snapshot comes first, then inserts, updates, deletes and truncates of each run", () =>
  withDatabase(async ({ sql }, project) => {
    await sql.unsafe(`
      CREATE TABLE orders (id int PRIMARY KEY, name text, at timestamptz);
      INSERT INTO orders SELECT i, 'row ' || i, now() FROM generate_series(1, 1000) i`);
    const first = await project.run(ORDERS);
    equal(first.steps.get("extract:orders")?.rows, 1000);
    await project.equalsSource(ORDERS);
    const idle = await project.run(ORDERS);
    equal(idle.steps.get("extract:orders")?.rows, 0);
    await sql.unsafe(`
      INSERT INTO orders VALUES (2000, 'new', now());
      UPDATE orders SET name = 'changed' WHERE id <= 10;
      UPDATE orders SET id = id + 5000 WHERE id BETWEEN 20 AND 30;
      DELETE FROM orders WHERE id BETWEEN 40 AND 50`);
    await sql.begin(async (sql) => {
      await sql`INSERT INTO orders VALUES (9999, 'never', now())`;
      throw new Error("rolled back");
    }).catch(() => {});
    const second = await project.run(ORDERS);
    equal(second.steps.get("extract:orders")?.rows, 1 + 10 + 22 + 11);
    await project.equalsSource(ORDERS);
    await sql.unsafe(
      `INSERT INTO orders VALUES (3000, 'gone', now()); TRUNCATE orders; INSERT INTO orders VALUES (1, 'after', now())`,
    );
    await project.run(ORDERS);
    deepEqual(await project.rows("SELECT id, name FROM raw.orders"), [{ id: 1, name: "after" }]);
    await project.equalsSource(ORDERS);
    await sql.unsafe(
      `ALTER TABLE orders ADD COLUMN n int; TRUNCATE orders; INSERT INTO orders VALUES (2, 'emptied', now(), 3)`,
    );
    await project.run(ORDERS);
    await project.equalsSource(ORDERS, "emptied right behind a change of columns");
  }));

const slotsOf = async ({ sql }: TestDatabase): Promise<string[]> =>
  (await sql`SELECT slot_name FROM pg_replication_slots WHERE database = current_database() ORDER BY 1`)
    .map((row) => String(row["slot_name"]));

Deno.test("values that a change left alone are kept: large ones, also of a row whose key changes", () =>
  withDatabase(async ({ sql }, project) => {
    const big = "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 300))";
    await sql.unsafe(`
      CREATE TABLE orders (id int PRIMARY KEY, name text, big text, doc jsonb);
      INSERT INTO orders SELECT i, 'a', ${big} || i, jsonb_build_object('x', ${big}) FROM generate_series(1, 20) i`);
    await project.run(ORDERS);
    await sql.unsafe(`
      UPDATE orders SET name = 'b' WHERE id <= 5;
      UPDATE orders SET id = id + 100 WHERE id IN (1, 2, 6);
      UPDATE orders SET id = id + 100, name = 'c' WHERE id = 101;
      INSERT INTO orders SELECT 50, 'new', ${big}, NULL;
      UPDATE orders SET name = 'newer' WHERE id = 50;
      UPDATE orders SET id = 51 WHERE id = 50;
      DELETE FROM orders WHERE id = 3;
      INSERT INTO orders SELECT 3, 'again', ${big}, NULL;
      UPDATE orders SET name = 'and again' WHERE id = 3`);
    await project.run(ORDERS);
    await project.equalsSource(ORDERS);
  }));

Deno.test("a history has a row for every change, with what was done, where and when", () =>
  withDatabase(async ({ sql }, project) => {
    const orders = { ...ORDERS.orders, history: true };
    await sql.unsafe(
      "CREATE TABLE orders (id int PRIMARY KEY, name text); INSERT INTO orders VALUES (1, 'one')",
    );
    await project.run({ orders });
    await sql`INSERT INTO orders VALUES (2, 'two')`;
    await sql`UPDATE orders SET name = 'uno' WHERE id = 1`;
    await sql`UPDATE orders SET id = 3 WHERE id = 2`;
    await sql`DELETE FROM orders WHERE id = 1`;
    await project.run({ orders });
    await sql`TRUNCATE orders`;
    await project.run({ orders });
    deepEqual(
      (await project.rows(
        `SELECT _sluice_sequence AS n, _sluice_operation AS what, id, name,
                _sluice_committed_at BETWEEN now() - INTERVAL 5 MINUTE AND now() AS at,
                regexp_matches(_sluice_position, '^[0-9A-F]+/[0-9A-F]+$') AS position
         FROM raw.orders ORDER BY 1`,
      )).map(({ n, what, id, name, at, position }) => [n, what, id, name, at, position]),
      [
        [1, "snapshot", 1, "one", null, false],
        [2, "insert", 2, "two", true, true],
        [3, "update", 1, "uno", true, true],
        [4, "delete", 2, null, true, true],
        [5, "insert", 3, "two", true, true],
        [6, "delete", 1, null, true, true],
        [7, "truncate", null, null, true, true],
      ],
    );
  }));

Deno.test("columns that are left out, renamed or masked are so in changes too", () =>
  withDatabase(async ({ sql }, project) => {
    await sql.unsafe(`
      CREATE TABLE orders (id int PRIMARY KEY, email text, secret text, twice int GENERATED ALWAYS AS (id * 2) STORED);
      INSERT INTO orders (id, email, secret) VALUES (1, 'a@b.c', 'x')`);
    const orders = {
      ...ORDERS.orders,
      exclude: ["secret"],
      rename: { id: "order_id" },
      mask: { email: "last4" },
      primary_key: ["order_id"],
    };
    const first = await project.run({ orders });
    match(first.log.join("\n"), /warn: orders: twice is generated and not in the log/);
    await sql`INSERT INTO orders (id, email, secret) VALUES (2, 'd@e.fgh', 'y')`;
    await sql`UPDATE orders SET id = 5 WHERE id = 1`;
    await project.run({ orders });
    deepEqual(await project.rows("SELECT * FROM raw.orders ORDER BY 1"), [
      { order_id: 2, email: "****.fgh" },
      { order_id: 5, email: "****@b.c" },
    ]);
  }));

Deno.test("streams of one connector share a slot; one that comes later begins with a snapshot of its own", () =>
  withDatabase(async (database, project) => {
    const { sql } = database;
    await sql.unsafe(`
      CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE items (id int PRIMARY KEY);
      INSERT INTO orders VALUES (1); INSERT INTO items VALUES (1)`);
    await project.run(ORDERS);
    await sql`INSERT INTO orders VALUES (2)`;
    await sql`INSERT INTO items VALUES (2)`;
    const both = { ...ORDERS, items: { stream: "items", mode: "cdc" } };
    const second = await project.run(both);
    equal(second.steps.get("extract:orders")?.rows, 1);
    equal(second.steps.get("extract:items")?.rows, 2);
    await project.equalsSource(both);
    const slots = await slotsOf(database);
    equal(slots.length, 1);
    match(slots[0] ?? "", /^sluice_p_shop_[0-9a-f]{8}$/);
    // A stream that is not run keeps its place: what it has not seen stays in the log.
    await sql`INSERT INTO items VALUES (3)`;
    await sql`INSERT INTO orders VALUES (3)`;
    const only = await project.run(both, { select: "raw.orders" });
    equal(only.steps.get("extract:orders")?.rows, 1);
    const rest = await project.run(both);
    equal(rest.steps.get("extract:items")?.rows, 1);
    await project.equalsSource(both);
  }));

Deno.test("what is followed no more is let go: slot and publication", () =>
  withDatabase(async (database, project) => {
    const { sql } = database;
    await sql.unsafe("CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1)");
    await project.run(ORDERS);
    equal((await slotsOf(database)).length, 1);
    const run = await project.run({ orders: { stream: "orders", mode: "full" } });
    match(run.log.join("\n"), /info: shop is followed no more/);
    deepEqual(await slotsOf(database), []);
    deepEqual((await sql`SELECT pubname FROM pg_publication`).map((row) => row["pubname"]), []);
    // And taken up again.
    await project.run(ORDERS);
    await sql`INSERT INTO orders VALUES (2)`;
    await project.run(ORDERS);
    await project.equalsSource(ORDERS);
  }));

Deno.test("a slot that is gone, or was used by others, is told; --full-refresh begins anew", () =>
  withDatabase(async (database, project) => {
    const { sql } = database;
    await sql.unsafe("CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1)");
    await project.run(ORDERS);
    const [slot = ""] = await slotsOf(database);
    await sql`SELECT pg_drop_replication_slot(${slot})`;
    await sql`INSERT INTO orders VALUES (2)`;
    const gone = await project.attempt(ORDERS);
    match(String(gone.error), /there is no slot "sluice_p_shop_\w+" any more.*--full-refresh/);
    await project.run(ORDERS, { fullRefresh: true });
    await project.equalsSource(ORDERS);
    await sql.begin((sql) => [sql`SET LOCAL synchronous_commit = on`, sql`INSERT INTO orders VALUES (3)`]);
    await sql`SELECT pg_replication_slot_advance(${slot}, pg_current_wal_lsn())`;
    const used = await project.attempt(ORDERS);
    match(String(used.error), /somebody else has used it.*--full-refresh/);
    await project.run(ORDERS, { fullRefresh: true });
    await project.equalsSource(ORDERS);
  }));

Deno.test("a slot and a publication that are given are used as they are", () =>
  withDatabase(async (database, project) => {
    const { sql } = database;
    await sql.unsafe(`CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE items (id int PRIMARY KEY);
      CREATE PUBLICATION theirs FOR TABLE items`);
    await sql`SELECT pg_create_logical_replication_slot('theirs_too', 'pgoutput')`;
    const orders = { ...ORDERS.orders, options: { slot: "theirs_too", publication: "theirs" } };
    const missing = await project.attempt({ orders });
    match(
      String(missing.error),
      /publication "theirs" does not have public\.orders; run ALTER PUBLICATION "theirs" ADD TABLE "public"\."orders";/,
    );
    await sql`ALTER PUBLICATION theirs ADD TABLE orders`;
    await project.run({ orders });
    await sql`INSERT INTO orders VALUES (1)`;
    await project.run({ orders });
    await project.equalsSource({ orders });
    deepEqual(await slotsOf(database), ["theirs_too"]);
  }));

Deno.test("tables that cannot be followed are refused before anything is made, with what helps", () =>
  withDatabase(async (database, project) => {
    const { sql } = database;
    await sql.unsafe(`
      CREATE TABLE keyless (id int);
      CREATE TABLE silent (id int PRIMARY KEY); ALTER TABLE silent REPLICA IDENTITY NOTHING;
      CREATE VIEW looks AS SELECT 1 AS id;
      CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
      CREATE TABLE other_key (id int PRIMARY KEY, code text);
      CREATE TABLE whole (id int); ALTER TABLE whole REPLICA IDENTITY FULL`);
    for (
      const [own, expected] of [
        [
          { stream: "keyless" },
          /has no replica identity.*ALTER TABLE "public"\."keyless" ADD PRIMARY KEY.*REPLICA IDENTITY FULL;/,
        ],
        [{ stream: "silent" }, /run ALTER TABLE "public"\."silent" REPLICA IDENTITY DEFAULT;/],
        [{ stream: "looks" }, /it is a view/],
        [{ stream: "unlogged" }, /it is an unlogged table/],
        [
          { stream: "other_key", primary_key: ["code"] },
          /primary_key "code" is not in what the log has.*REPLICA IDENTITY FULL/,
        ],
        [{ stream: "whole" }, /name the columns that tell rows apart/],
        [{ stream: "nowhere" }, /there is no table public\.nowhere/],
        [{ query: "SELECT 1" }, /only tables have a log of changes/],
      ] as const
    ) {
      const { error } = await project.attempt({ s: { ...own, mode: "cdc" } });
      match(String(error), expected);
    }
    deepEqual(await slotsOf(database), []);
    deepEqual((await sql`SELECT pubname FROM pg_publication`).map((row) => row["pubname"]), []);
  }));

Deno.test("columns that the contract freezes fail the run, also where the table would be read again", () =>
  withDatabase(async ({ sql }, project) => {
    const orders = { ...ORDERS.orders, contract: { columns: "freeze", types: "freeze" } };
    await sql.unsafe("CREATE TABLE orders (id int PRIMARY KEY, n int); INSERT INTO orders VALUES (1, 1)");
    await project.run({ orders });
    await sql`ALTER TABLE orders ADD COLUMN extra text DEFAULT 'filled'`;
    match(String((await project.attempt({ orders })).error), /new: extra.*its contract freezes columns/);
    await sql`ALTER TABLE orders DROP COLUMN extra`;
    await sql`ALTER TABLE orders ALTER COLUMN n TYPE bigint`;
    match(
      String((await project.attempt({ orders })).error),
      /"n" was INTEGER and is now BIGINT.*freezes types/,
    );
    await project.run({ orders }, { fullRefresh: true });
    await project.equalsSource({ orders });
  }));
