import { equal, match } from "node:assert/strict";
import { startPostgresWithTls } from "../../support/postgres.ts";
import { TestProject } from "../../support/test_project.ts";

/** Checks and runs of a whole pipeline, in processes that may do what the connector's `access` says and no more. */

const server = await startPostgresWithTls();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const project = (database: string, connector: string) =>
  TestProject.create({
    "connectors.yaml": connector,
    "pipelines/shop.yaml": `
extract:
  orders: { connector: shop, stream: orders }
load:
  doubled: { connector: shop, table: "doubled_${database}" }
`,
    "transforms/shop/doubled.sql": "SELECT id, total * 2 AS twice FROM raw.orders\n",
  });

async function runs(connectorOf: (database: string) => string): Promise<void> {
  await using database = await server.createDatabase();
  await database.sql.unsafe(
    "CREATE TABLE orders (id integer, total money); INSERT INTO orders VALUES (1, 1.25), (2, 2)",
  );
  await using shop = await project(database.name, connectorOf(database.name));
  const check = await shop.sluice("check");
  equal(check.code, 0, check.stdout + check.stderr);
  match(check.stdout + check.stderr, /no errors/);
  const run = await shop.sluice("run", ["shop"]);
  equal(run.code, 0, run.stdout + run.stderr);
  const rows = await database.sql.unsafe(
    `SELECT id, twice::text FROM "doubled_${database.name}" ORDER BY id`,
  );
  equal(JSON.stringify(rows), '[{"id":1,"twice":"2.50"},{"id":2,"twice":"4.00"}]');
}

Deno.test("a pipeline is checked and run over a Unix socket", async () => {
  await runs((database) =>
    `shop: { type: postgres, host: "${server.folder}", port: ${server.port}, user: "${server.user}", ` +
    `password: "${server.password}", database: "${database}" }\n`
  );
});

Deno.test("a pipeline is checked and run over TLS with an authority of its own and channel binding", async () => {
  await runs((database) => {
    using closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const url =
      `postgres://${server.user}:${server.password}@localhost:${closed.addr.port},localhost:${server.port}` +
      `/${database}?sslmode=verify-full&channel_binding=require&target_session_attrs=read-write`;
    return `shop: { type: postgres, url: "${url}", ssl_ca: "${server.authority}" }\n`;
  });
});
