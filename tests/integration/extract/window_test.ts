import { deepEqual, equal, match } from "node:assert/strict";
import { acquirePostgres } from "../../support/postgres.ts";
import { Served, step } from "../../support/served_project.ts";

const INCREMENTAL = "mode: incremental, primary_key: [id], update_key: changed";

Deno.test("a retry reads the window that its run's first attempt has closed, and the next run what came since", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe(`CREATE TABLE orders (id int PRIMARY KEY, changed timestamptz, amount int);
    INSERT INTO orders VALUES (1, '2026-01-01Z', 1), (2, '2026-01-02Z', 2), (3, 'infinity', 3), (4, NULL, 4);`);
  await using served = await Served.start({
    "connectors.yaml": `pg: { type: postgres, url: "${database.url}", ssl: disable }\n`,
    "pipelines/shop.yaml": `
extract:
  orders: { connector: pg, stream: orders, where: "amount / (amount - 5) IS NOT NULL", ${INCREMENTAL} }
`,
  });
  // The fifth row fails the read after the window was closed.
  await database.sql.unsafe("INSERT INTO orders VALUES (5, '2026-01-03Z', 5)");
  const failed = await served.runToEnd("shop");
  equal(failed.state, "failed");
  await database.sql.unsafe(`UPDATE orders SET amount = 50 WHERE id = 5;
    INSERT INTO orders VALUES (6, '2026-01-03Z', 6), (7, '2026-01-04Z', 7);`);
  await served.server.call("POST", `/api/runs/${failed.id}/retry`);
  const retried = await served.server.ended(failed.id, 60_000);
  equal(retried.state, "succeeded", JSON.stringify(retried.error));
  const ids = async () =>
    (await served.warehouse("shop", "SELECT id FROM raw.orders ORDER BY id")).flat().join(" ");
  equal(await ids(), "1 2 3 4 5 6", "row 7 came after the run had begun");
  const next = await served.succeed("shop");
  equal(await ids(), "1 2 3 4 5 6 7");
  equal(step(next, "extract:orders").rows, 5, "3 and 4 come again, and 5 and 6, which share the cursor");
});

Deno.test("a range is read again and merged, and the cursor stays where it is", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe(`CREATE TABLE orders (id int PRIMARY KEY, changed timestamp, amount int);
    INSERT INTO orders SELECT g, '2026-01-01'::timestamp + (g - 1) * interval '1 day', g FROM generate_series(1, 10) g;`);
  const csv = "id,changed,amount\n1,5,old\n2,6,b\n1,9,new\n";
  await using served = await Served.start({
    "connectors.yaml":
      `files: { type: file }\npg: { type: postgres, url: "${database.url}", ssl: disable }\n`,
    "log.csv": csv,
    "pipelines/shop.yaml": `
extract:
  orders: { connector: pg, stream: orders, ${INCREMENTAL} }
  events: { connector: pg, stream: orders, mode: append, update_key: changed }
`,
    "pipelines/log.yaml": `extract: { log: { connector: files, path: log.csv, ${INCREMENTAL} } }\n`,
    "pipelines/plain.yaml": "extract: { log: { connector: files, path: log.csv } }\n",
    "transforms/shop/seen.sql": `/* @sluice
materialized: incremental
primary_key: [id]
*/
SELECT id, changed, amount FROM raw.orders
WHERE changed >= coalesce(getvariable('window_start'), '-infinity'::TIMESTAMPTZ)::TIMESTAMP
`,
  });
  await served.succeed("shop");
  // Changed without their update_key.
  await database.sql.unsafe("UPDATE orders SET amount = -amount WHERE id IN (2, 3, 5, 9)");
  await served.succeed("shop");
  equal((await served.warehouse("shop", "SELECT count(*) FROM raw.orders WHERE amount < 0")).flat()[0], "0");
  const { code, stdout } = await served.project.sluice("run", [
    "shop",
    "--from",
    "2026-01-02",
    "--to",
    "2026-01-05",
    "--json",
  ]);
  equal(code, 0, stdout);
  const [run] = await served.runs("shop");
  deepEqual(run?.range, { from: "2026-01-02", to: "2026-01-05" });
  deepEqual([run?.window_start, run?.window_end, run?.window_given], [
    "2026-01-02T00:00:00.000Z",
    "2026-01-05T00:00:00.000Z",
    true,
  ]);
  const amounts = async (table: string) =>
    (await served.warehouse("shop", `SELECT amount FROM ${table} ORDER BY id, amount`)).flat().join(" ");
  equal(await amounts("raw.orders"), "1 -2 -3 4 5 6 7 8 9 10", "row 5 lies before the range's end");
  equal(await amounts("raw.events"), "1 -2 2 -3 3 4 5 6 7 8 9 10", "what an append stream had not yet");
  equal(await amounts("seen"), "1 -2 -3 4 5 6 7 8 9 10", "models have the range as their window");
  deepEqual(
    await served.warehouse("shop", "SELECT DISTINCT state->'cursor'->>'value' FROM _sluice.states"),
    [["2026-01-10 00:00:00"]],
  );
  const next = await served.succeed("shop");
  equal(step(next, "extract:orders").rows, 1, "from the cursor on");

  await served.succeed("log");
  await served.succeed("log", { from: "5", to: "7" });
  deepEqual(await served.warehouse("log", "SELECT id, changed, amount FROM raw.log ORDER BY id"), [
    ["1", "9", "new"],
    ["2", "6", "b"],
  ]);

  const wrong = await served.runToEnd("log", { from: "2026-01-01", to: "2026-01-02" });
  match(wrong.error?.message ?? "", /2026-01-01 is no BIGINT, as changed is/);
  match(
    (await served.runToEnd("log", { from: "9", to: "9" })).error?.message ?? "",
    /it ends before it begins/,
  );
  const refused = async (pipeline: string, body: unknown) => {
    const response = await served.server.request("POST", `/api/pipelines/${pipeline}/runs`, { body });
    return [response.status, await response.text()].join(" ");
  };
  match(await refused("plain", { from: "1", to: "2" }), /400 .*none keeps its rows and has an update_key/);
  match(await refused("log", { from: "1" }), /400 .*from and to go together/);
  match(await refused("log", { from: "1", to: "2", full_refresh: true }), /400 .*not both/);
});
