import { deepEqual, equal, match } from "node:assert/strict";
import { acquirePostgres } from "../../support/postgres.ts";
import { DatabaseSync } from "node:sqlite";
import type { Verification } from "../../../contract/loads/verification.ts";
import type { Table } from "../../../contract/table.ts";
import { Served, states } from "../../support/served_project.ts";

Deno.test("a wildcard is a stream for each table, with its keys, exceptions, loads and contract", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe(`CREATE SCHEMA shop; CREATE SCHEMA other;
    CREATE TABLE shop.orders (id int PRIMARY KEY, changed int, email text);
    INSERT INTO shop.orders VALUES (1, 1, 'ann@example.org'), (2, 2, 'bo@example.org');
    CREATE TABLE shop."Order Lines" (a int, b int, changed int, PRIMARY KEY (a, b));
    INSERT INTO shop."Order Lines" VALUES (1, 1, 1), (1, 2, 1);
    CREATE TABLE shop.plain (x text); INSERT INTO shop.plain VALUES ('p');
    CREATE TABLE shop.audit_log (x text); CREATE TABLE other.things (id int);
    CREATE VIEW shop.seen AS SELECT 1 AS one;`);
  const pipeline = (tables: string) =>
    `extract:
  shop: { connector: pg, stream: shop.*, except: [audit_*], mode: incremental, update_key: changed,
    mask: { email: redact }, contract: { tables: ${tables} } }
load:
  shop: { connector: lite, table: "copy_{stream}" }
`;
  await using served = await Served.start({
    "connectors.yaml": `lite: { type: sqlite, path: out/lite.sqlite }\n` +
      `pg: { type: postgres, url: "${database.url}", ssl: disable }\n`,
    "pipelines/p.yaml": pipeline("evolve"),
    "transforms/p/emails.sql": "SELECT id, email FROM raw.orders\n",
  });
  const first = await served.succeed("p");
  deepEqual(states(first), {
    "extract:Order_Lines": "succeeded",
    "extract:orders": "succeeded",
    "extract:plain": "succeeded",
    "model:emails": "succeeded",
    "load:Order_Lines→lite": "succeeded",
    "load:orders→lite": "succeeded",
    "load:plain→lite": "succeeded",
  });
  deepEqual(await served.warehouse("p", "SELECT DISTINCT email FROM emails"), [["[redacted]"]]);
  await database.sql.unsafe(`UPDATE shop.orders SET changed = 5, email = 'x' WHERE id = 1;
    INSERT INTO shop."Order Lines" VALUES (2, 1, 7); INSERT INTO shop.plain VALUES ('q');
    CREATE TABLE shop.later (id int PRIMARY KEY, changed int); INSERT INTO shop.later VALUES (1, 1);`);
  const second = await served.succeed("p");
  const rows = (stream: string) => second.steps.find(({ name }) => name === `extract:${stream}`)?.rows;
  deepEqual(
    ["orders", "Order_Lines", "plain", "later"].map(rows),
    [2, 3, 2, 1],
    "one by one as its keys allow",
  );
  const tables = await served.server.call<Table[]>("GET", "/api/pipelines/p/tables");
  deepEqual(tables.map(({ name, row_count }) => [name, row_count]).toSorted(), [
    ["emails", 2],
    ["raw.Order_Lines", 3],
    ["raw.later", 1],
    ["raw.orders", 2],
    ["raw.plain", 2],
  ]);
  await database.sql.unsafe(
    "CREATE TABLE shop.newest (id int PRIMARY KEY, changed int); DROP TABLE shop.later",
  );
  const write = async (contract: string) => {
    await Deno.writeTextFile(`${served.project.projectDir}/pipelines/p.yaml`, pipeline(contract));
    await served.server.call("POST", "/api/apply");
  };
  await write("freeze");
  const frozen = await served.runToEnd("p");
  match(
    frozen.error?.message ?? "",
    /there are new tables \(shop\.newest\), and its contract freezes tables/,
  );
  await write("discard_row");
  const discarded = await served.runToEnd("p");
  equal(discarded.state, "succeeded", JSON.stringify(discarded.error));
  equal(discarded.steps.find(({ name }) => name === "extract:newest")?.state ?? "skipped", "skipped");
  const logs = await served.server.call<{ message: string }[]>("GET", `/api/runs/${discarded.id}/logs`);
  const told = logs.map(({ message }) => message).join("\n");
  match(told, /new tables are left out, as the contract says: shop\.newest/);
  match(told, /the table shop\.later is gone at the source; its raw table stays/);
});

Deno.test("check tells of a wildcard that means no table, and refuses except without one", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe("CREATE TABLE t (id int)");
  await using served = await Served.start({
    "connectors.yaml": `pg: { type: postgres, url: "${database.url}", ssl: disable }\n`,
    "pipelines/none.yaml": "extract: { all: { connector: pg, stream: nothing.* } }\n",
    "pipelines/wrong.yaml": "extract: { one: { connector: pg, stream: t, except: [u] } }\n",
  });
  const { stdout, stderr } = await served.project.sluice("check");
  match(stdout + stderr, /no table is like nothing\.\* \(there are public\.t\)/);
  match(stdout + stderr, /except needs a wildcard/);
});

Deno.test("each stream of a wildcard goes into a file, a folder or a table of its own, and is verified there", async () => {
  const path = await Deno.makeTempFile({ prefix: "sluice-wild-" });
  {
    using database = new DatabaseSync(path);
    database.exec(`CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1), (2);
      CREATE TABLE items (id INTEGER PRIMARY KEY); INSERT INTO items VALUES (7);`);
  }
  await using served = await Served.start({
    "connectors.yaml": `shop: { type: sqlite, path: shop.db }\nfiles: { type: file }\nlake: { type: file }\n`,
    "shop.db": await Deno.readFile(path),
    "pipelines/p.yaml": `extract: { shop: { connector: shop, stream: "*" } }
load:
  shop:
    - { connector: files, path: "out/csv/{stream}.csv" }
    - { connector: lake, path: "out/lake/{stream}/", mode: append }
`,
  });
  await Deno.remove(path);
  await served.succeed("p");
  const read = (name: string) => Deno.readTextFile(`${served.project.projectDir}/out/${name}`);
  deepEqual([await read("csv/orders.csv"), await read("csv/items.csv")], ["id\n1\n2\n", "id\n7\n"]);
  await Deno.writeTextFile(`${served.project.projectDir}/out/csv/items.csv`, "id\n8\n");
  const { code, stdout } = await served.project.sluice("verify", ["p", "--json"]);
  equal(code, 1);
  const verification: Verification = JSON.parse(stdout);
  deepEqual(verification.loads.map(({ load, verdict }) => [load, verdict]).toSorted(), [
    ["load:items→files", "differs"],
    ["load:items→lake", "same"],
    ["load:orders→files", "same"],
    ["load:orders→lake", "same"],
  ]);
  // What lies outside of the folder is not the load's.
  await served.project.write({
    "pipelines/p.yaml": `extract: { shop: { connector: shop, stream: "*" } }
load: { shop: [{ connector: files, path: "{stream}.csv" }, { connector: lake, path: out/all.parquet }] }
`,
  });
  const { stdout: faults } = await served.project.sluice("check");
  match(faults, /"shop" stands for several streams.*put \{stream\} into path/);
});
