import { deepEqual, equal, match } from "node:assert/strict";
import { FollowedProject } from "../../support/followed_project.ts";
import { acquirePostgres, type TestDatabase } from "../../support/postgres.ts";

/** `public.*` followed: tables come, go and change while runs follow what there is. */

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const ALL = { all: { stream: "public.*", except: ["public.log_*", "public.scratch"], mode: "cdc" } };
const TABLES = `
  CREATE TABLE orders (id int PRIMARY KEY, name text); INSERT INTO orders VALUES (1, 'one');
  CREATE TABLE items (x int, y text, PRIMARY KEY (x, y)); INSERT INTO items VALUES (1, 'a');
  CREATE TABLE log_of_clicks (id int PRIMARY KEY); CREATE TABLE scratch (n int);
  CREATE VIEW seen AS SELECT * FROM orders`;

const followed = (...names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, { stream: `public.${name}`, mode: "cdc" }]));

async function withDatabase(
  work: (database: TestDatabase, project: FollowedProject) => Promise<void>,
): Promise<void> {
  await using database = await server.createDatabase();
  await database.sql.unsafe(TABLES);
  await using project = await FollowedProject.create(database.url);
  await work(database, project);
}

const publishedIn = async ({ sql }: TestDatabase): Promise<string[]> =>
  (await sql`SELECT tablename FROM pg_publication_tables ORDER BY 1`).map((row) => String(row["tablename"]));

Deno.test("tables that appear are read and followed, those that are gone are told, others are left alone", () =>
  withDatabase(async (database, project) => {
    const { sql } = database;
    const first = await project.run(ALL);
    deepEqual([...first.steps.keys()].toSorted(), ["extract:items", "extract:orders"]);
    await project.equalsSource(followed("orders", "items"), "first");
    deepEqual(await publishedIn(database), ["items", "orders"]);
    // The server would refuse this of a published table.
    await sql.unsafe("INSERT INTO scratch VALUES (1); UPDATE scratch SET n = 2");

    await sql.unsafe(`INSERT INTO orders VALUES (2, 'two'); DELETE FROM items;
      CREATE TABLE people (id int PRIMARY KEY); INSERT INTO people VALUES (1); CREATE TABLE log_more (id int PRIMARY KEY)`);
    const second = await project.run(ALL);
    match(second.log.join("\n"), /warn: .*new tables are read from now on: public\.people/);
    match(second.log.join("\n"), /info: Reads the whole table: it was not read before/);
    equal(second.steps.get("extract:people")?.rows, 1);
    equal(second.steps.get("extract:orders")?.rows, 1);
    await project.equalsSource(followed("orders", "items", "people"), "second");

    await sql.unsafe(
      "INSERT INTO people VALUES (2); INSERT INTO items VALUES (2, 'b'); DROP TABLE orders CASCADE",
    );
    const third = await project.run(ALL);
    match(third.log.join("\n"), /warn: .*the table public\.orders is gone at the source/);
    equal(third.steps.has("extract:orders"), false);
    await project.equalsSource(followed("items", "people"), "third");
    // What was there stays.
    equal((await project.rows("SELECT count(*) AS n FROM raw.orders"))[0]?.["n"], 2);
    deepEqual(third.followed.at(-1)?.streams.map(({ stream }) => stream), ["items", "people"]);

    await sql.unsafe(`CREATE TABLE orders (id int PRIMARY KEY, total int); INSERT INTO orders VALUES (7, 70);
      UPDATE items SET y = 'c'`);
    const fourth = await project.run(ALL);
    match(fourth.log.join("\n"), /Reads the whole table: it is another table of the same name/);
    await project.equalsSource(followed("orders", "items", "people"), "fourth");
    equal((await project.rows("SELECT count(*) AS n FROM raw.orders"))[0]?.["n"], 1);
  }));

Deno.test("a table that went by another name for a while, or was left out, is read again: its changes are not in the log", () =>
  withDatabase(async ({ sql }, project) => {
    await project.run(ALL);
    await sql.unsafe("ALTER TABLE orders RENAME TO log_orders; INSERT INTO items VALUES (2, 'b')");
    await project.run(ALL);
    await sql.unsafe("INSERT INTO log_orders VALUES (2, 'two'); INSERT INTO items VALUES (3, 'c')");
    await project.run(ALL);
    await sql.unsafe(
      "UPDATE log_orders SET name = 'uno' WHERE id = 1; ALTER TABLE log_orders RENAME TO orders",
    );
    const back = await project.run(ALL);
    match(back.log.join("\n"), /Reads the whole table: the log has no changes since [0-9A-F/]+ any more/);
    await project.equalsSource(followed("orders", "items"), "back");
    const without = { all: { ...ALL.all, except: [...ALL.all.except, "public.orders"] } };
    await project.run(without);
    await sql.unsafe("DELETE FROM orders WHERE id = 1; INSERT INTO items VALUES (4, 'd')");
    await project.run(without);
    await project.run(ALL);
    await project.equalsSource(followed("orders", "items"), "taken up again");
  }));

Deno.test("where no table is left, the slot stays; the table that comes next is read", () =>
  withDatabase(async ({ sql }, project) => {
    await sql.unsafe("DROP TABLE items");
    await project.run(ALL);
    await sql.unsafe("ALTER TABLE orders RENAME TO log_orders; INSERT INTO log_orders VALUES (2, 'two')");
    await project.run(ALL);
    equal((await sql`SELECT FROM pg_replication_slots WHERE database = current_database()`).length, 1);
    await sql.unsafe("ALTER TABLE log_orders RENAME TO orders; INSERT INTO orders VALUES (3, 'three')");
    const back = await project.run(ALL);
    // The slot has waited: it goes on in the log.
    equal(back.steps.get("extract:orders")?.rows, 2);
    await project.equalsSource(followed("orders"), "back");
    await sql.unsafe("DROP TABLE orders CASCADE");
    await project.run(ALL);
    await sql.unsafe("CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (5)");
    await project.run(ALL);
    await project.equalsSource(followed("orders"), "made anew");
  }));

Deno.test("a table without a key fails its stream alone, and except leaves it out; a contract keeps new tables away", () =>
  withDatabase(async ({ sql }, project) => {
    await sql.unsafe("CREATE TABLE keyless (n int)");
    const { error, steps } = await project.attempt(ALL);
    match(
      String(error),
      /extract:keyless: Cannot follow public\.keyless .*no replica identity.*ADD PRIMARY KEY/,
    );
    equal(steps.get("extract:orders")?.state, "succeeded");
    await sql.unsafe(
      "INSERT INTO keyless VALUES (1); UPDATE keyless SET n = 2; INSERT INTO orders VALUES (2, 'two')",
    );
    const without = { all: { ...ALL.all, except: [...ALL.all.except, "public.keyless"] } };
    await project.run(without);
    await project.equalsSource(followed("orders", "items"), "without it");
    await sql.unsafe("CREATE TABLE people (id int PRIMARY KEY); INSERT INTO orders VALUES (3, 'three')");
    const kept = { all: { ...without.all, contract: { tables: "discard_row" } } };
    const run = await project.run(kept);
    match(run.log.join("\n"), /new tables are left out, as the contract says: public\.people/);
    await project.equalsSource(followed("orders", "items"), "kept away");
  }));
