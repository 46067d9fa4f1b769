import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { FollowedProject } from "../../support/followed_project.ts";
import { acquireMariadb, type MariadbDatabase } from "../../support/mariadb.ts";

/** Tables of a real MariaDB, followed by its binary log: raw holds what the source holds, run for run. */

const server = await acquireMariadb();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const READ_AGAIN = /info: Reads the whole table: /;
const ORDERS = { orders: { stream: "orders", mode: "cdc" } };

async function withDatabase(
  work: (database: MariadbDatabase, project: FollowedProject) => Promise<void>,
): Promise<void> {
  await using database = await server.createDatabase();
  await using project = await FollowedProject.create(database.url);
  await work(database, project);
}

Deno.test("a snapshot comes first, then inserts, updates, deletes and truncates of each run", () =>
  withDatabase(async (database, project) => {
    await database.run(`
      CREATE TABLE orders (id int PRIMARY KEY, name text, at timestamp(6) NULL);
      INSERT INTO orders SELECT seq, concat('row ', seq), now(6) FROM seq_1_to_1000`);
    const first = await project.run(ORDERS);
    equal(first.steps.get("extract:orders")?.rows, 1000);
    await project.equalsSource(ORDERS);
    const idle = await project.run(ORDERS);
    equal(idle.steps.get("extract:orders")?.rows, 0);
    await database.run(`
      INSERT INTO orders VALUES (2000, 'new', now(6));
      UPDATE orders SET name = 'changed' WHERE id <= 10;
      UPDATE orders SET id = id + 5000 WHERE id BETWEEN 20 AND 30;
      DELETE FROM orders WHERE id BETWEEN 40 AND 50;
      BEGIN; INSERT INTO orders VALUES (9999, 'never', now(6)); ROLLBACK;
      BEGIN; INSERT INTO orders VALUES (9998, 'kept', now(6)); SAVEPOINT a;
      INSERT INTO orders VALUES (9999, 'never', now(6)); ROLLBACK TO a; COMMIT`);
    const second = await project.run(ORDERS);
    equal(second.steps.get("extract:orders")?.rows, 1 + 10 + 22 + 11 + 1);
    await project.equalsSource(ORDERS);
    await database.run(`
      INSERT INTO orders VALUES (3000, 'gone', now(6)); TRUNCATE orders;
      INSERT INTO orders VALUES (1, 'after', now(6))`);
    await project.run(ORDERS);
    deepEqual(await project.rows("SELECT id, name FROM raw.orders"), [{ id: 1, name: "after" }]);
    await project.equalsSource(ORDERS);
    await database.run(`ALTER TABLE orders ADD COLUMN n int; TRUNCATE orders;
      INSERT INTO orders VALUES (2, 'emptied', now(6), 3)`);
    await project.run(ORDERS);
    await project.equalsSource(ORDERS, "emptied right behind a change of columns");
  }));

Deno.test("a history has a row for every change, with what was done, where and when", () =>
  withDatabase(async (database, project) => {
    const orders = { ...ORDERS.orders, history: true };
    await database.run(
      "CREATE TABLE orders (id int PRIMARY KEY, name text); INSERT INTO orders VALUES (1, 'one')",
    );
    await project.run({ orders });
    await database.run(`INSERT INTO orders VALUES (2, 'two'); UPDATE orders SET name = 'uno' WHERE id = 1;
      UPDATE orders SET id = 3 WHERE id = 2; DELETE FROM orders WHERE id = 1`);
    await project.run({ orders });
    await database.run("TRUNCATE orders");
    await project.run({ orders });
    deepEqual(
      (await project.rows(
        `SELECT _sluice_sequence AS n, _sluice_operation AS what, id, name,
                _sluice_committed_at BETWEEN now() - INTERVAL 5 MINUTE AND now() + INTERVAL 1 MINUTE AS at,
                regexp_matches(_sluice_position, '^binlog\\.[0-9]+:[0-9]+$') AS position
         FROM raw.orders ORDER BY 1`,
      )).map(({ n, what, id, name, at, position }) => [n, what, id, name, at, position]),
      [
        [1, "snapshot", 1, "one", null, false],
        [2, "insert", 2, "two", true, true],
        [3, "update", 1, "uno", true, true],
        [4, "delete", 2, "two", true, true],
        [5, "insert", 3, "two", true, true],
        [6, "delete", 1, "uno", true, true],
        [7, "truncate", null, null, true, true],
      ],
    );
  }));

Deno.test("columns that are left out, renamed or masked are so in changes too; computed ones are not in the log", () =>
  withDatabase(async (database, project) => {
    await database.run(`
      CREATE TABLE orders (id int PRIMARY KEY, email varchar(90), secret text, hidden int INVISIBLE DEFAULT 7,
        twice int GENERATED ALWAYS AS (id * 2) VIRTUAL, thrice int GENERATED ALWAYS AS (id * 3) STORED);
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
    await database.run(`INSERT INTO orders (id, email, secret) VALUES (2, 'd@e.fgh', 'y');
      UPDATE orders SET id = 5 WHERE id = 1`);
    await project.run({ orders });
    deepEqual(await project.rows("SELECT * FROM raw.orders ORDER BY 1"), [
      { order_id: 2, email: "****.fgh", thrice: 6 },
      { order_id: 5, email: "****@b.c", thrice: 15 },
    ]);
    // One more that is left out is so from here on, and nothing is read again for it.
    await database.run("INSERT INTO orders (id, email, secret) VALUES (6, 'g@h.i', 'z')");
    const less = await project.run({ orders: { ...orders, exclude: ["secret", "email"], mask: {} } });
    doesNotMatch(less.log.join("\n"), READ_AGAIN);
    deepEqual(await project.rows("SELECT email FROM raw.orders WHERE order_id = 6"), [{ email: null }]);
    await database.run("CREATE TABLE others LIKE orders; INSERT INTO others (id) VALUES (9)");
    const other = await project.run({ orders: { ...orders, stream: "others" } });
    match(other.log.join("\n"), /Reads the whole table: it is another table than before/);
    deepEqual(await project.rows("SELECT order_id FROM raw.orders"), [{ order_id: 9 }]);
  }));

Deno.test("streams of one connector share the log; one that comes later begins with a snapshot of its own", () =>
  withDatabase(async (database, project) => {
    await database.run(`
      CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE items (id int PRIMARY KEY);
      INSERT INTO orders VALUES (1); INSERT INTO items VALUES (1)`);
    await project.run(ORDERS);
    await database.run("INSERT INTO orders VALUES (2); INSERT INTO items VALUES (2)");
    const both = { ...ORDERS, items: { stream: "items", mode: "cdc" } };
    const second = await project.run(both);
    equal(second.steps.get("extract:orders")?.rows, 1);
    equal(second.steps.get("extract:items")?.rows, 2);
    await project.equalsSource(both);
    // A stream that is not run keeps its place: what it has not seen comes later.
    await database.run("INSERT INTO items VALUES (3); INSERT INTO orders VALUES (3); FLUSH BINARY LOGS");
    const only = await project.run(both, { select: "raw.orders" });
    equal(only.steps.get("extract:orders")?.rows, 1);
    const rest = await project.run(both);
    equal(rest.steps.get("extract:items")?.rows, 1);
    await project.equalsSource(both);
    const released = await project.run({ orders: { stream: "orders", mode: "full" } });
    match(released.log.join("\n"), /info: shop is followed no more/);
  }));

Deno.test("columns that come, go, move or grow are followed in the log; what it does not tell of is read again", () =>
  withDatabase(async (database, project) => {
    await database.run(`
      CREATE TABLE orders (id int PRIMARY KEY, n int, note varchar(10), kind enum('a','b'));
      INSERT INTO orders VALUES (1, 1, 'one', 'a')`);
    await project.run(ORDERS);
    const insert = (id: number) => `INSERT INTO orders (id, n, kind) VALUES (${id}, ${id}, 'b')`;
    let id = 2;
    for (
      const [statement, isReadAgain] of [
        ["ALTER TABLE orders ADD COLUMN extra int NULL", false],
        ["ALTER TABLE orders ADD COLUMN first_one text FIRST, ADD INDEX (n)", false],
        ["ALTER TABLE orders MODIFY n bigint, MODIFY note varchar(300) AFTER id", false],
        ["ALTER TABLE orders MODIFY kind enum('a','b','c')", false],
        ["ALTER TABLE orders DROP COLUMN extra", false],
        ["ALTER TABLE orders ADD INDEX (kind)", false],
        ["CREATE INDEX i ON orders (note)", false],
        ["OPTIMIZE TABLE orders", false],
        ["DROP TABLE IF EXISTS elsewhere, `orders of others`", false],
        ["ALTER TABLE orders ADD COLUMN filled int DEFAULT 5", true],
        ["ALTER TABLE orders CHANGE note remark varchar(300)", true],
        ["ALTER TABLE orders MODIFY kind enum('c','b','a')", true],
        ["ALTER TABLE orders MODIFY n int unsigned", true],
        ["CREATE TABLE other LIKE orders; RENAME TABLE orders TO gone, other TO orders", true],
        ["DROP TABLE orders; CREATE TABLE orders (id int PRIMARY KEY, n int, kind enum('b'))", true],
        [
          "SET SESSION sql_log_bin = 0; ALTER TABLE orders CHANGE n m int; ALTER TABLE orders CHANGE m n bigint; SET SESSION sql_log_bin = 1",
          true,
        ],
      ] as const
    ) {
      await database.run(`${insert(id)}; ${statement}; ${insert(id + 1)}`);
      id += 2;
      const run = await project.run(ORDERS);
      equal(READ_AGAIN.test(run.log.join("\n")), isReadAgain, `${statement}\n${run.log.join("\n")}`);
      // What was followed is compared before the table is read again.
      if (isReadAgain || statement.startsWith("DROP TABLE IF")) await project.equalsSource(ORDERS, statement);
    }
    // Two changes of columns between two runs: what the rows between them hold is not known.
    await database.run(`${insert(id)}; ALTER TABLE orders ADD COLUMN x int NULL; ${insert(id + 1)};
      ALTER TABLE orders ADD COLUMN y int NULL; ${insert(id + 2)}`);
    const twice = await project.run(ORDERS);
    match(twice.log.join("\n"), /Reads the whole table: its columns changed more than once/);
    await project.equalsSource(ORDERS);
  }));

Deno.test("columns that the contract freezes fail the run, also where the table would be read again", () =>
  withDatabase(async (database, project) => {
    const orders = { ...ORDERS.orders, contract: { columns: "freeze", types: "freeze" } };
    await database.run("CREATE TABLE orders (id int PRIMARY KEY, n int); INSERT INTO orders VALUES (1, 1)");
    await project.run({ orders });
    await database.run("ALTER TABLE orders ADD COLUMN extra text DEFAULT 'filled'");
    match(String((await project.attempt({ orders })).error), /new: extra.*its contract freezes columns/);
    await database.run("ALTER TABLE orders DROP COLUMN extra; ALTER TABLE orders MODIFY n bigint");
    match(
      String((await project.attempt({ orders })).error),
      /"n" was INTEGER and is now BIGINT.*freezes types/,
    );
    await project.run({ orders }, { fullRefresh: true });
    await project.equalsSource({ orders });
  }));

Deno.test("tables that cannot be followed are refused, with what helps", () =>
  withDatabase(async (database, project) => {
    await database.run(`
      CREATE TABLE keyless (id int);
      CREATE VIEW looks AS SELECT 1 AS id;
      CREATE TABLE versioned (id int PRIMARY KEY) WITH SYSTEM VERSIONING;
      CREATE TABLE forgetful (id int PRIMARY KEY) ENGINE = MEMORY;
      CREATE TABLE parents (id int PRIMARY KEY);
      CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents (id) ON DELETE CASCADE);
      CREATE TABLE small (id int PRIMARY KEY, body text COMPRESSED)`);
    for (
      const [own, expected] of [
        [{ stream: "keyless" }, /no primary key; name the columns that tell rows apart/],
        [{ stream: "looks" }, /it is a view/],
        [{ stream: "versioned" }, /SYSTEM VERSIONING/],
        [{ stream: "forgetful" }, /MEMORY forgets its rows/],
        [{ stream: "children" }, /ON DELETE CASCADE.*cascades: ignore/],
        [{ stream: "small" }, /"body", which the log has in its compressed form; leave it out with exclude/],
        [{ stream: "nowhere" }, /there is no table \w+\.nowhere/],
        [{ query: "SELECT 1" }, /only tables have a log of changes/],
      ] as const
    ) {
      const { error } = await project.attempt({ s: { ...own, mode: "cdc" } });
      match(String(error), expected);
    }
    const followed = {
      children: { stream: "children", mode: "cdc", options: { cascades: "ignore" } },
      small: { stream: "small", mode: "cdc", exclude: ["body"] },
    };
    await project.run(followed);
    await database.run(`INSERT INTO parents VALUES (1); INSERT INTO children VALUES (1, 1), (2, NULL);
      INSERT INTO small VALUES (1, 'x')`);
    await project.run(followed);
    await project.equalsSource(followed);
  }));
