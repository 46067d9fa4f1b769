import { DuckDBInstance } from "@duckdb/node-api";
import { deepEqual, equal, fail, match } from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type {
  LoadSummary,
  LoadVerification,
  Verdict,
  Verification,
} from "../../../contract/loads/verification.ts";
import { acquirePostgres } from "../../support/postgres.ts";
import { PATIENCE_MS, Served } from "../../support/served_project.ts";
import { waitFor } from "../../support/sluice_server.ts";

const MODEL = "SELECT range AS id, 'n' || range AS name, (range / 4)::DECIMAL(9,2) AS price FROM range(5)\n";

/** A pipeline that loads one table of five rows, each load being named by its connector. */
const filesOf = (connectors: string, loads: readonly string[], model = MODEL) => ({
  "connectors.yaml": connectors,
  "pipelines/shop.yaml": `load:\n  t:\n${loads.map((load) => `    - ${load}\n`).join("")}`,
  "transforms/shop/t.sql": model,
});

const PATH = "/api/pipelines/shop/verification";

/** Starts a verification and waits for its end. */
async function verify({ server }: Served, load?: string): Promise<Verification> {
  const started: Verification = await server.call("POST", PATH, load === undefined ? {} : { load });
  equal(started.state, "running");
  const ended = await waitFor(async () => {
    const now: Verification = await server.call("GET", PATH);
    return now.state === "running" ? undefined : now;
  }, PATIENCE_MS);
  return ended ?? fail("the verification did not end");
}

const verdictsOf = ({ loads }: Verification): Record<string, Verdict> =>
  Object.fromEntries(loads.map(({ load, verdict }) => [load.slice("load:t→".length), verdict]));

const found = ({ loads }: Verification, name: string): LoadVerification => {
  const one = loads.find(({ load }) => load === `load:t→${name}`);
  return one ?? fail(`${name}: ${JSON.stringify(loads)}`);
};

async function inDuckdb(path: string, sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  try {
    await connection.run(sql);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

Deno.test("sluice verify tells targets that hold what was loaded from those that do not, and from those nobody can tell", async () => {
  await using served = await Served.start(filesOf(
    `lite: { type: sqlite, path: lite.db }
lake: { type: duckdb, path: lake.duckdb }
parquet: { type: file }
csv: { type: file }
book: { type: file }
more: { type: sqlite, path: more.db }
`,
    [
      "{ connector: lite, table: t, mode: merge, primary_key: [id] }",
      "{ connector: lake, table: t }",
      "{ connector: parquet, path: out/t.parquet }",
      "{ connector: csv, path: out/t.csv }",
      "{ connector: book, path: out/t.xlsx }",
      "{ connector: more, table: t, mode: append }",
    ],
  ));
  const { project } = served;
  const early = await served.server.call("POST", PATH, {}, [400]);
  match(JSON.stringify(early), /it has never run/);
  await served.succeed("shop");
  const first = await verify(served);
  const same = { lite: "same", lake: "same", parquet: "same", csv: "same", more: "same" };
  deepEqual(verdictsOf(first), { ...same, book: "not_verifiable" });
  deepEqual([first.ok, first.state], [true, "done"]);
  for (const name of ["lite", "lake", "parquet", "csv"]) {
    const { receipt, expected_hash, found_hash, ...one } = found(first, name);
    deepEqual([one.expected_rows, one.found_rows, receipt?.rows], [5, 5, 5], name);
    deepEqual([expected_hash, found_hash], [receipt?.hash, receipt?.hash], name);
    deepEqual([one.against_receipt, one.against_warehouse], ["same", "same"], name);
  }
  match(found(first, "book").message, /cannot be read back exactly: a workbook/);

  const path = (name: string) => join(project.projectDir, name);
  {
    using lite = new DatabaseSync(path("lite.db"));
    lite.exec("UPDATE t SET name = 'x' WHERE id = 3; INSERT INTO t VALUES (9, 'other', 1)");
    using more = new DatabaseSync(path("more.db"));
    more.exec("DELETE FROM t WHERE id = 2");
  }
  await inDuckdb(path("lake.duckdb"), "INSERT INTO t VALUES (77, 'extra', 0)");
  const parquet = path("out/t.parquet");
  await inDuckdb(
    ":memory:",
    `CREATE TABLE t AS FROM '${parquet}' WHERE id <> 4; COPY t TO '${parquet}' (FORMAT parquet)`,
  );
  const csv = await Deno.readTextFile(path("out/t.csv"));
  await Deno.writeTextFile(path("out/t.csv"), csv.replace("0.50", "0.504"));
  const spoiled = await verify(served);
  deepEqual(verdictsOf(spoiled), {
    lite: "differs",
    lake: "differs",
    parquet: "differs",
    csv: "differs",
    book: "not_verifiable",
    more: "differs",
  });
  equal(spoiled.ok, false);
  match(
    found(spoiled, "lite").message,
    /1 rows are not there as they were sent, .*'id': 3.*differ in "name"/,
  );
  match(found(spoiled, "lite").notes.join(), /1 other rows of the target are not this load's/);
  match(found(spoiled, "lake").message, /: 1 other rows are, as .*77/);
  match(found(spoiled, "parquet").message, /: 1 rows are not there as they were sent, as .*4/);
  match(found(spoiled, "more").message, /: 1 rows are not there/);
  const told = await project.sluice("verify", ["shop", "t->lite"]);
  equal(told.code, 1);
  match(told.stdout, /^LOAD +VERDICT +EXPECTED +FOUND +HASH.*\nt→lite +differs +5 +5 +differs /);
  const wrong = await project.sluice("verify", ["shop", "t->lits"]);
  deepEqual([wrong.code, /has no load "t->lits".*t→lite/.test(wrong.stderr)], [2, true], wrong.stderr);
  // What nobody can tell is no success.
  equal((await verify(served, "t->book")).ok, false);

  await served.succeed("shop");
  deepEqual(verdictsOf(await verify(served)), { ...same, book: "not_verifiable" });
});

Deno.test("nobody can tell of rows that are kept nowhere", async () => {
  await using served = await Served.start({
    "connectors.yaml": "files: { type: file }\n",
    "in.csv": "id,name\n1,a\n2,b\n",
    "pipelines/shop.yaml": `extract: { t: { connector: files, path: in.csv, store: false } }
load: { t: { connector: files, path: out/t.arrow } }
`,
  });
  await served.succeed("shop");
  const { ok, loads } = await verify(served);
  equal(ok, false);
  deepEqual(loads.map(({ verdict, receipt }) => [verdict, receipt?.rows]), [["not_verifiable", 2]]);
  match(loads[0]?.message ?? "", /are not kept \(store: false\)/);
});

Deno.test("sluice verify holds a target against the receipt where the warehouse has changed since, and against nothing where it cannot", async () => {
  await using served = await Served.start(filesOf(
    "lite: { type: sqlite, path: lite.db }\nlake: { type: duckdb, path: lake.duckdb }\n",
    [
      "{ connector: lite, table: t, mode: merge, primary_key: [id] }",
      "{ connector: lake, table: t }",
    ],
  ));
  const { project } = served;
  await served.succeed("shop");
  await inDuckdb(
    join(project.dataDir, "warehouse", "shop.duckdb"),
    "UPDATE main.t SET name = 'new' WHERE id = 1",
  );
  const changed = await verify(served);
  deepEqual(verdictsOf(changed), { lite: "not_verifiable", lake: "same" });
  match(found(changed, "lite").message, /changed since the load.*run the pipeline, then verify/);
  deepEqual(
    [found(changed, "lake").against_receipt, found(changed, "lake").against_warehouse],
    ["same", "differs"],
  );
  await inDuckdb(join(project.projectDir, "lake.duckdb"), "UPDATE t SET price = 7 WHERE id = 4");
  const both = await verify(served, "t->lake");
  deepEqual(verdictsOf(both), { lake: "differs" });
  match(found(both, "lake").message, /5 rows are not those that the last load sent: their hash is another/);

  await project.write(
    filesOf(
      "lite: { type: sqlite, path: lite.db }\nlake: { type: duckdb, path: lake.duckdb }\n",
      ["{ connector: lite, table: u, mode: merge, primary_key: [id] }", "{ connector: lake, table: t }"],
    ),
  );
  await served.server.call("POST", "/api/apply");
  match(found(await verify(served, "t->lite"), "lite").message, /was changed since the last load/);
});

Deno.test("sluice verify knows what a load is about in each mode, and the rows of a view as its run saw them", async () => {
  const view =
    `/* @sluice\nmaterialized: view\n*/\nSELECT id, name, getvariable('run_start') AS seen FROM t\n`;
  await using served = await Served.start({
    ...filesOf("lite: { type: sqlite, path: lite.db }\n", []),
    "pipelines/shop.yaml": `load:
  t:
    - { connector: lite, table: changed, mode: merge, primary_key: [id], deletes: hard, changed_only: true }
    - { connector: lite, table: parts, mode: delete_insert, partition_by: [name] }
    - { connector: lite, table: history, mode: scd2, primary_key: [id] }
  seen: { connector: lite, table: seen }
`,
    "transforms/shop/seen.sql": view,
  });
  const verdicts = async () => (await verify(served)).loads.map(({ verdict }) => verdict);
  await served.succeed("shop");
  await served.project.write({ "transforms/shop/t.sql": MODEL.replace("'n' || range", "'n' || range % 3") });
  await served.server.call("POST", "/api/apply");
  await served.succeed("shop");
  deepEqual(await verdicts(), ["same", "same", "same", "same"]);
  {
    using lite = new DatabaseSync(join(served.project.projectDir, "lite.db"));
    lite.exec(`INSERT INTO changed VALUES (99, 'x', 0); DELETE FROM parts WHERE id = 4;
      UPDATE history SET name = 'x' WHERE id = 3 AND is_current; UPDATE seen SET seen = '2020-01-01 00:00:00+00'`);
  }
  deepEqual(await verdicts(), ["differs", "differs", "differs", "differs"]);
});

Deno.test("a verification is started over the API, followed and kept; the receipts are beside it", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await using served = await Served.start(filesOf(
    `shop: { type: postgres, url: "${database.url}" }\n`,
    ["{ connector: shop, table: public.t, verify: true }"],
  ));
  const none: Verification = await served.server.call("GET", PATH);
  deepEqual([none.state, none.loads], ["none", []]);
  await served.server.call("POST", PATH, {}, [400]);
  const { id, steps } = await served.succeed("shop");
  equal(steps.find(({ kind }) => kind === "load")?.verified, true);
  match(
    (await served.project.sluice("show", [id])).stdout,
    /LOAD +SENT .*\nt→shop +5 +5 +0 +0 +[0-9a-f]{32} +\d{4}-/,
  );

  const first = await verify(served, "t");
  deepEqual([first.state, first.ok, verdictsOf(first)], ["done", true, { shop: "same" }]);
  await database.sql`UPDATE t SET price = price + 1 WHERE id = 2`;
  await database.sql`DELETE FROM t WHERE id = 0`;
  const second = await verify(served, "t");
  deepEqual([second.ok, verdictsOf(second)], [false, { shop: "differs" }]);
  match(second.loads[0]?.message ?? "", /2 rows are not there as they were sent.*1 other rows are/);

  const cli = await served.project.sluice("verify", ["shop", "--json"]);
  deepEqual([cli.code, verdictsOf(JSON.parse(cli.stdout))], [1, { shop: "differs" }]);
  const [load, ...more]: LoadSummary[] = await served.server.call("GET", "/api/pipelines/shop/loads");
  deepEqual(more, []);
  deepEqual([load?.load, load?.table, load?.target, load?.receipt?.run], [
    "load:t→shop",
    "t",
    "public.t",
    id,
  ]);
  deepEqual([load?.receipt?.rows, load?.receipt?.inserted, load?.receipt?.verified], [5, 5, true]);
  equal(load?.verification?.verdict, "differs");
  await served.restart();
  const kept: Verification = await served.server.call("GET", PATH);
  deepEqual(kept.loads, JSON.parse(cli.stdout).loads);
  await served.server.call("DELETE", PATH, undefined, [409]);
});
