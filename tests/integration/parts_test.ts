import { deepEqual, equal } from "node:assert/strict";
import { acquirePostgres } from "../support/postgres.ts";
import { Served, step } from "../support/served_project.ts";

Deno.test("a large table of PostgreSQL is read in parts, its NULLs included", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe(
    "CREATE TABLE orders AS SELECT CASE WHEN g % 10 > 0 THEN g END AS id, 'order ' || g AS t FROM generate_series(1, 5000) AS g",
  );
  await using shop = await Served.start({
    "connectors.yaml": `pg: { type: postgres, url: "${database.url}", ssl: disable, max_connections: 3 }\n`,
    "pipelines/shop.yaml": `
resources: { threads: 3 }
extract: { orders: { connector: pg, stream: orders, partition: { column: id, size: 700 } } }
`,
  });
  const run = await shop.succeed("shop");
  equal(step(run, "extract:orders").rows, 5_000);
  const [row] = await shop.warehouse(
    "shop",
    "SELECT count(*)::INTEGER, count(id)::INTEGER, count(DISTINCT t)::INTEGER, sum(id)::INTEGER FROM raw.orders",
  );
  deepEqual(row?.map(Number), [5_000, 4_500, 5_000, 11_250_000]);
});
