import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { acquirePostgres } from "../../support/postgres.ts";
import { PATIENCE_MS, Served } from "../../support/served_project.ts";
import { waitFor } from "../../support/sluice_server.ts";

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

Deno.test("a pipeline that is removed lets go of its slot and publication", async () => {
  await using database = await server.createDatabase();
  const { sql } = database;
  await sql.unsafe("CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1)");
  const slots = async () =>
    (await sql`SELECT slot_name FROM pg_replication_slots WHERE database = current_database()`).length;
  await using served = await Served.start({
    "connectors.yaml": 'shop: { type: postgres, url: "${env:SHOP_URL}", ssl: disable }\n',
    "pipelines/live.yaml": "extract:\n  orders: { connector: shop, stream: orders, mode: cdc }\n",
  }, { SHOP_URL: database.url });
  await served.succeed("live");
  equal(await slots(), 1);
  await Deno.remove(join(served.project.projectDir, "pipelines", "live.yaml"));
  ok(
    await waitFor(async () => await slots() === 0 ? true : undefined, PATIENCE_MS),
    "the slot is still there",
  );
  const isUnpublished = async () =>
    (await sql`SELECT pubname FROM pg_publication`).length === 0 ? true : undefined;
  ok(await waitFor(isUnpublished, PATIENCE_MS), "the publication is still there");
  // What it had read stays; the process that let go may still have the file.
  const rows = await waitFor(
    () => served.warehouse("live", "SELECT id FROM raw.orders").catch(() => undefined),
    PATIENCE_MS,
  );
  deepEqual(rows, [["1"]]);
});
