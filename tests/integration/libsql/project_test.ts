import { deepStrictEqual, equal, match, ok } from "node:assert/strict";
import { makeTokenKeys, startSqld } from "../../support/sqld.ts";
import { TestProject } from "../../support/test_project.ts";

const PIPELINE = `
extract:
  orders: { connector: app, stream: orders, mode: incremental, update_key: updated_at, primary_key: [id] }
load:
  totals: { connector: app, table: totals, mode: merge, primary_key: [customer] }
  orders: { connector: app, table: copies, mode: replace }
`;
const MODEL = "SELECT customer, sum(amount) AS total FROM raw.orders GROUP BY customer\n";

Deno.test("a project reads a libSQL database and loads into it, with a token from the environment", async () => {
  const keys = await makeTokenKeys();
  await using server = await startSqld({ tokenKey: keys.publicKey });
  const token = await keys.sign({ a: "rw" });
  const query = (...statements: string[]) => server.queryWith(token, ...statements);
  await query(
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, amount DECIMAL(10,2), updated_at TIMESTAMP)",
    "INSERT INTO orders VALUES (1, 'ann', 1.5, '2024-01-01 10:00:00'), (2, 'bob', 2.25, '2024-01-02 10:00:00')",
  );
  await using project = await TestProject.create({
    "connectors.yaml": `app: { type: libsql, url: "${server.url}", auth_token: "\${env:APP_TOKEN}" }\n`,
    "pipelines/shop.yaml": PIPELINE,
    "transforms/shop/totals.sql": MODEL,
  });
  const sluice = async (code: number, command: string, ...args: string[]) => {
    const outcome = await project.sluice(command, args, { APP_TOKEN: token });
    const said = outcome.stdout + outcome.stderr;
    equal(outcome.code, code, said);
    ok(!said.includes(token), "the token is in what was said");
    return said;
  };
  await sluice(0, "check");
  match(await sluice(0, "connectors", "discover", "app"), /orders[\s\S]*updated_at/);
  await sluice(0, "run", "shop");
  deepStrictEqual(await query("SELECT * FROM totals ORDER BY 1"), [["ann", "1.50"], ["bob", "2.25"]]);
  await query(
    "UPDATE orders SET amount = 3, updated_at = '2024-01-03 10:00:00' WHERE id = 1",
    "INSERT INTO orders VALUES (3, 'cid', 9, '2024-01-03 10:00:00')",
  );
  await sluice(0, "run", "shop");
  deepStrictEqual(await query("SELECT * FROM totals ORDER BY 1"), [["ann", "3.00"], ["bob", "2.25"], [
    "cid",
    "9.00",
  ]]);
  deepStrictEqual(await query("SELECT count(*), sum(amount) FROM copies"), [["3", "14.25"]]);
  await project.write({
    "pipelines/loop.yaml": PIPELINE.replace("table: copies", "table: Orders").replace("totals:", "totals2:"),
  });
  match(await sluice(2, "check"), /orders/i);
  const denied = await project.sluice("run", ["shop"], { APP_TOKEN: await keys.sign({ a: "ro" }) });
  equal(denied.code, 1);
  match(denied.stdout + denied.stderr, /Cannot merge into totals of app|Cannot load into copies of app/);
});
