import { equal, match, ok } from "node:assert/strict";
import { FollowedProject } from "../../support/followed_project.ts";
import { delayedServer } from "../../support/delayed_server.ts";
import { startPostgresWithTls } from "../../support/postgres.ts";

/** Servers that cannot be followed yet, and what happens to one while it is followed. */

const ORDERS = { orders: { stream: "orders", mode: "cdc" } };

Deno.test("a server that does not log logically is refused, with what to set", async () => {
  await using server = await startPostgresWithTls({ settings: { wal_level: "replica" } });
  await using database = await server.createDatabase();
  await database.sql`CREATE TABLE orders (id int PRIMARY KEY)`;
  await using project = await FollowedProject.create(database.url);
  const { error } = await project.attempt(ORDERS);
  match(String(error), /wal_level is replica; run ALTER SYSTEM SET wal_level = logical; and restart it/);
});

Deno.test("a user who may not replicate, or publish, is told what to grant; no slot left, what to raise", async () => {
  await using server = await startPostgresWithTls({ settings: { max_replication_slots: 1 } });
  await using database = await server.createDatabase();
  const { sql } = database;
  await sql.unsafe(`CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1);
    CREATE ROLE reader LOGIN PASSWORD 'secret'; GRANT SELECT ON orders TO reader`);
  const url = new URL(database.url);
  [url.username, url.password] = ["reader", "secret"];
  await using project = await FollowedProject.create(url.href);
  match(
    String((await project.attempt(ORDERS)).error),
    /its user may not replicate; run ALTER ROLE … REPLICATION/,
  );
  await sql`ALTER ROLE reader REPLICATION`;
  const refused = String((await project.attempt(ORDERS)).error);
  match(
    refused,
    /let who owns the tables run CREATE PUBLICATION .* FOR TABLE "public"\."orders".*publication: name/,
  );
  await sql`CREATE PUBLICATION theirs FOR TABLE orders`;
  await sql`SELECT pg_create_logical_replication_slot('other', 'pgoutput')`;
  const orders = { ...ORDERS.orders, options: { publication: "theirs" } };
  const full = String((await project.attempt({ orders })).error);
  match(full, /no replication slot left; raise max_replication_slots/);
  await sql`SELECT pg_drop_replication_slot('other')`;
  await project.run({ orders });
  await sql`INSERT INTO orders VALUES (2)`;
  await project.run({ orders });
  await project.equalsSource({ orders });
});

Deno.test("what a slot keeps is told beyond max_retained_wal; a slot that lost its log says how to begin anew", async () => {
  await using server = await startPostgresWithTls({
    settings: { max_slot_wal_keep_size: "32MB", max_wal_size: "32MB", min_wal_size: "32MB" },
  });
  await using database = await server.createDatabase();
  const { sql } = database;
  await sql.unsafe("CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'a')");
  await using project = await FollowedProject.create(database.url);
  const orders = { ...ORDERS.orders, options: { max_retained_wal: "1MB" } };
  await project.run({ orders });
  const log = async (megabytes: number) => {
    for (let i = 0; i < megabytes; i += 1) {
      await sql`SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000))`;
    }
  };
  await log(5);
  const warned = await project.run({ orders });
  match(
    warned.log.join("\n"),
    /warn: The slot sluice_p_shop_\w+ made the server keep [5-9]\.\d+ MB of its log, more than max_retained_wal \(1MB\)/,
  );
  await log(100);
  await sql`SELECT pg_switch_wal()`;
  await sql`CHECKPOINT`;
  const lost = await project.attempt({ orders });
  match(String(lost.error), /the server has removed its log behind the slot .*run once with --full-refresh/);
  await project.run({ orders }, { fullRefresh: true });
  await sql`INSERT INTO orders VALUES (2, 'b')`;
  await project.run({ orders });
  await project.equalsSource({ orders });
});

Deno.test("changes are followed over 20 ms of latency, a large transaction in pieces that wait in the warehouse", async () => {
  await using server = await startPostgresWithTls();
  await using database = await server.createDatabase();
  const { sql } = database;
  await sql.unsafe(`CREATE TABLE orders (id int PRIMARY KEY, note text);
    INSERT INTO orders SELECT i, 'note ' || i FROM generate_series(1, 60000) i`);
  await using far = delayedServer({ host: server.host, port: server.port }, 10);
  const url = new URL(database.url);
  url.port = String(far.port);
  await using project = await FollowedProject.create(url.href);
  await project.run(ORDERS);
  await sql.unsafe("UPDATE orders SET note = note || '!'; DELETE FROM orders WHERE id % 3 = 0");
  const run = await project.run(ORDERS);
  equal(run.steps.get("extract:orders")?.rows, 80_000);
  await project.equalsSource(ORDERS);
});

Deno.test("a connection that is cut while changes are followed fails as unavailable; the next attempt has it all", async () => {
  await using server = await startPostgresWithTls();
  await using database = await server.createDatabase();
  const { sql } = database;
  await sql.unsafe(`CREATE TABLE orders (id int PRIMARY KEY, note text);
    INSERT INTO orders SELECT i, repeat('x', 100) FROM generate_series(1, 50000) i`);
  await using project = await FollowedProject.create(database.url);
  await project.run(ORDERS);
  await sql`UPDATE orders SET note = note || '!'`;
  // Ends every sender as soon as it streams.
  let isDone = false;
  const cutting = (async () => {
    while (!isDone) {
      const cut =
        await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE state = 'streaming'`;
      if (cut.length > 0) return;
    }
  })();
  const failed = await project.attempt(ORDERS);
  isDone = true;
  await cutting;
  ok(
    failed.error instanceof Error && "code" in failed.error && failed.error.code === "unavailable",
    String(failed.error),
  );
  await project.run(ORDERS);
  await project.equalsSource(ORDERS);
});
