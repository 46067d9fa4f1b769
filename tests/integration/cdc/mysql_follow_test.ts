import { deepEqual, equal, match } from "node:assert/strict";
import { FollowedProject } from "../../support/followed_project.ts";
import { acquireMariadb, type MariadbDatabase } from "../../support/mariadb.ts";

/** Tables of a real MariaDB, followed by its binary log: raw holds what the source holds, run for run. */

const server = await acquireMariadb();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

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
  }));
