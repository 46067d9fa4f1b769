import { deepEqual, equal } from "node:assert/strict";
import { inspectTable } from "../../../connectors/mysql/changes/followed_table.ts";
import { comparePlaces } from "../../../connectors/mysql/changes/log/place.ts";
import { logStatus } from "../../../connectors/mysql/changes/log/server.ts";
import { takeSnapshot } from "../../../connectors/mysql/changes/snapshot.ts";
import { SessionPool } from "../../../connectors/mysql/session_pool.ts";
import { connectorContext, never } from "../../support/connections.ts";
import { streamSchema } from "../../../connectors/mysql/options.ts";
import * as v from "valibot";
import { acquireMariadb } from "../../support/mariadb.ts";
import { sessionOptions } from "../../support/mysql_session.ts";

/** The rows of a table and the place in the log that they belong to, by both ways: MySQL's runs here, too. */

const server = await acquireMariadb();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

for (const way of ["view", "lock"] as const) {
  Deno.test(`a snapshot has what was committed before its place, and nothing else: ${way}`, async () => {
    await using database = await server.createDatabase();
    await database.run("CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1)");
    await using pool = new SessionPool(
      sessionOptions(database.url),
      "the tests' server",
      connectorContext("/nowhere").budget,
    );
    const context = { name: "shop", defaultDatabase: database.name };
    await using lease = await pool.lease(never());
    const { session } = lease;
    const address = v.parse(streamSchema, { stream: "orders" });
    const request = { name: "orders", address };
    const table = await inspectTable(session, request, context);
    // One that is at the table when the snapshot begins.
    const writer = await database.pool.getConnection();
    await writer.query("START TRANSACTION");
    await writer.query("INSERT INTO orders VALUES (2)");
    const taken = takeSnapshot(pool, session, table, context, never(), way);
    if (way === "lock") {
      // Whoever waits for the lock waits for that transaction.
      for (let waiting = 0; waiting === 0;) {
        waiting = (await database.run(
          "SELECT id FROM information_schema.processlist WHERE info LIKE 'LOCK TABLES%' AND state LIKE 'Waiting%'",
        )).length;
      }
    } else await taken;
    await writer.query("COMMIT");
    const [after] = await database.run("SHOW MASTER STATUS");
    writer.release();
    const snapshot = await taken;
    await database.run("INSERT INTO orders VALUES (3)");
    const ids: number[] = [];
    for await (const batch of snapshot.rows()) ids.push(...batch.getChild("id") ?? []);
    deepEqual(ids, way === "lock" ? [1, 2] : [1]);
    const committed = { file: String(after?.["File"]), offset: Number(after?.["Position"]) };
    equal(comparePlaces(snapshot.place, committed) >= 0, way === "lock");
    equal(comparePlaces(snapshot.place, (await logStatus(session, "")).end) < 0, true);
  });
}
