import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import type { CreatedEnvironment, EnvironmentView } from "../../../contract/environments/environment.ts";
import type { ApplyResult, PipelineDetail, PipelineSummary, Run } from "../../../contract/run.ts";
import { commitAll, git } from "../../support/git_repository.ts";
import { acquirePostgres, type TestDatabase } from "../../support/postgres.ts";
import { Served, step } from "../../support/served_project.ts";
import { sluiceArgs } from "../../support/sluice_server.ts";

/** Environments on a real server and a real PostgreSQL: whatever is done in one, production is as it was. */

const PIPELINE = `schedule: { cron: "0 2 1 1 *" }
extract:
  orders: { connector: pg, stream: shop.orders, mode: incremental, primary_key: [id], update_key: id }
load:
  daily:
    - { connector: pg, table: analytics.daily, mode: merge, primary_key: [day], changed_only: true }
    - { connector: files, path: out/daily.csv }
publish: [daily]
`;
const MODEL = "transforms/orders/daily.sql";
const sql = (factor: number) =>
  `SELECT day, sum(amount) * ${factor} AS amount FROM raw.orders GROUP BY day ORDER BY day\n`;

const filesOf = (database: TestDatabase) => ({
  "connectors.yaml": `files: { type: file }\npg: { type: postgres, url: "${database.url}", ssl: disable }\n`,
  "project.yaml": `environments:
  dev: { description: to try things, schema_suffix: _dev }
  bare: {}
`,
  "pipelines/orders.yaml": PIPELINE,
  [MODEL]: sql(1),
});

const SHOP = `CREATE SCHEMA shop;
  CREATE TABLE shop.orders (id int PRIMARY KEY, day date, amount int);
  INSERT INTO shop.orders VALUES (1, '2026-01-01', 5), (2, '2026-01-01', 7), (3, '2026-01-02', 11);`;

Deno.test("whatever is done in an environment, production's warehouse, states, destinations and runs are as they were", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe(SHOP);
  await using served = await Served.start(filesOf(database));
  const { projectDir, dataDir } = served.project;
  const call = <T>(method: string, path: string, body?: unknown, statuses?: number[]) =>
    served.server.call<T>(method, path, body, statuses);
  await git(projectDir, "init", "-q", "-b", "main");
  await commitAll(projectDir, "As it is");
  await git(projectDir, "branch", "feature");
  await served.succeed("orders");

  const rowsOf = async (table: string) =>
    JSON.stringify(await database.sql.unsafe(`SELECT * FROM ${table} ORDER BY 1`));
  const production = async () => {
    const { revision, last_run, faults } = await call<PipelineDetail>("GET", "/api/pipelines/orders");
    const warehouse = join(dataDir, "warehouse", "orders.duckdb");
    return {
      warehouse: (await Deno.readFile(warehouse)).toHex(),
      wal: await Deno.readFile(`${warehouse}.wal`).then((bytes) => bytes.toHex(), () => null),
      published: (await Array.fromAsync(
        Deno.readDir(join(dataDir, "snapshots", "orders", "daily")),
        ({ name }) => name,
      )).sort(),
      daily: await rowsOf("analytics.daily"),
      ledger: await rowsOf("analytics._sluice_loads"),
      csv: await Deno.readTextFile(join(projectDir, "out/daily.csv")),
      runs: (await served.runs("orders")).map(({ id, state }) => [id, state]),
      revision,
      last: last_run?.id,
      faults,
    };
  };
  const before = await production();

  // A copy: states go on, what loads have sent does not.
  const created = await call<CreatedEnvironment>("POST", "/api/environments", { name: "dev" }, [201]);
  deepStrictEqual(created.copied.map(({ name, from, tables, rows }) => [name, from, tables, rows]), [
    ["orders@dev", "orders", 1, 3],
  ]);
  deepStrictEqual(created.applied.applied, ["orders@dev"]);
  await database.sql.unsafe("INSERT INTO shop.orders VALUES (4, '2026-01-03', 13)");
  const first = await served.succeed("orders@dev");
  // The new row, and the one at the cursor.
  strictEqual(step(first, "extract:orders").rows, 2);
  strictEqual(await rowsOf("analytics_dev.daily").then((text) => JSON.parse(text).length), 3);
  match(await Deno.readTextFile(join(projectDir, "dev/out/daily.csv")), /2026-01-03,13/);
  await call("POST", "/api/environments", { name: "dev" }, [409]);

  // The files of a branch, which stay there until it is applied anew, and a run by command.
  await git(projectDir, "worktree", "add", "-q", join(served.project.folder, "feature"), "feature");
  await Deno.writeTextFile(join(served.project.folder, "feature", MODEL), sql(100));
  await commitAll(join(served.project.folder, "feature"), "A hundred times");
  const applied = await call<ApplyResult>("POST", "/api/environments/dev/apply", { ref: "feature" });
  deepStrictEqual([applied.applied, applied.source?.ref], [["orders@dev"], "feature"]);
  const run = await served.project.sluice("run", ["orders", "--env", "dev", "--json", "--quiet"]);
  strictEqual(run.code, 0, run.stderr);
  match(await Deno.readTextFile(join(projectDir, "dev/out/daily.csv")), /2026-01-03,1300/);
  const inDev = JSON.parse((await served.project.sluice("runs", ["--env", "dev", "--json"])).stdout) as Run[];
  deepStrictEqual([...new Set(inDev.map((one) => one.pipeline))], ["orders@dev"]);
  const pipeline = await call<PipelineDetail>("GET", "/api/pipelines/orders@dev");
  deepStrictEqual([pipeline.environment, pipeline.schedule], ["dev", null]);
  const listed = JSON.parse(
    (await served.project.sluice("env", ["list", "--json"])).stdout,
  ) as EnvironmentView[];
  deepStrictEqual(listed.map(({ name, state, ref, pipelines }) => [name, state, ref, pipelines.length]), [
    ["bare", "defined", null, 0],
    ["dev", "ready", "feature", 1],
  ]);
  ok((listed[1]?.size_bytes ?? 0) > 100_000);

  // What is not told apart is refused, and nothing is made of it.
  const refused = await call<ApplyResult>("POST", "/api/environments/bare/apply", {});
  match(
    refused.faults.map(({ file, line, message }) => `${file}:${line} ${message}`).join(),
    /pipelines\/orders\.yaml:6 load\.daily\[0\]/,
  );
  await call("POST", "/api/pipelines/orders@bare/runs", {}, [400]);
  const plan = await served.project.sluice("plan", ["--env", "dev", "--no-data"]);
  strictEqual(plan.code, 3, plan.stderr);
  match(plan.stdout, /~ orders@dev: changed/);
  strictEqual((await served.project.sluice("plan", ["--no-data"])).code, 0);

  // A restart applies production's files alone.
  await served.restart();
  strictEqual((await call<PipelineDetail>("GET", "/api/pipelines/orders@dev")).revision, pipeline.revision);

  // What belongs to it goes with it, but what it has loaded.
  await call("DELETE", "/api/environments/dev");
  await call("DELETE", "/api/environments/bare");
  await call("GET", "/api/pipelines/orders@dev", undefined, [404]);
  deepStrictEqual(
    (await Array.fromAsync(Deno.readDir(join(dataDir, "warehouse")), ({ name }) => name))
      .filter((name) => name.includes("@")),
    [],
  );
  strictEqual((await served.runs("orders@dev")).length, 2);
  strictEqual(await rowsOf("analytics_dev.daily").then((text) => JSON.parse(text).length), 3);

  // A sample has no models: the next run builds them.
  const sampled = await call<CreatedEnvironment>("POST", "/api/environments", { name: "dev", rows: 2 }, [
    201,
  ]);
  strictEqual(sampled.copied[0]?.rows, 2);
  deepStrictEqual(
    await served.warehouse("orders@dev", "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'main'"),
    [["0"]],
  );
  const built = await served.succeed("orders@dev");
  strictEqual(step(built, "extract:orders").rows, 2);
  strictEqual(step(built, "model:daily").state, "succeeded");
  deepStrictEqual(await served.warehouse("orders@dev", "SELECT max(id) FROM raw.orders"), [["4"]]);

  deepStrictEqual(await production(), before);
});

Deno.test("a role on *@dev counts there alone, and to copy takes the right to look at what is copied", async () => {
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe(SHOP);
  await using served = await Served.start(filesOf(database));
  const call = <T>(method: string, path: string, body?: unknown, statuses?: number[]) =>
    served.server.call<T>(method, path, body, statuses);
  await served.succeed("orders");
  await call("POST", "/api/users", { name: "mia" }, [201]);
  await call("POST", "/api/grants", {
    holder: "mia",
    role: "engineer",
    scope: { kind: "pipeline", name: "*@dev" },
  }, [201]);
  const { token } = await call<{ token: string }>("POST", "/api/tokens", { name: "t", user: "mia" }, [201]);
  const asMia = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${served.server.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  strictEqual((await asMia("POST", "/api/pipelines/orders/runs", {})).status, 404);
  strictEqual((await asMia("POST", "/api/environments", { name: "dev", pipelines: ["orders"] })).status, 404);
  strictEqual((await asMia("POST", "/api/environments/dev/apply", {})).status, 403);
  strictEqual(
    (await asMia("POST", "/api/environments/dev/apply", { ref: "main", pipelines: ["orders"] })).status,
    403,
  );
  strictEqual((await asMia("POST", "/api/environments/bare/apply", { pipelines: ["orders"] })).status, 403);
  const applied = await asMia("POST", "/api/environments/dev/apply", { pipelines: ["orders"] });
  deepStrictEqual([applied.status, applied.body.applied], [200, ["orders@dev"]]);
  const started = await asMia("POST", "/api/pipelines/orders@dev/runs", {});
  strictEqual(started.status, 202);
  strictEqual((await served.server.ended(started.body.id, 60_000)).state, "succeeded");
  const seen = (await asMia("GET", "/api/pipelines")).body as PipelineSummary[];
  deepStrictEqual(seen.map(({ name }) => name), ["orders@dev"]);
  strictEqual((await asMia("DELETE", "/api/environments/dev")).status, 200);
});

Deno.test("a creation that is killed leaves no half environment, and the same again does the rest", async () => {
  const rows = Array.from({ length: 20_000 }, (_, id) => `${id},2026-01-0${1 + id % 9},${id}`);
  await using served = await Served.start({
    "connectors.yaml": "files: { type: file }\n",
    "project.yaml": "environments: { dev: {} }\n",
    "orders.csv": ["id,day,amount", ...rows].join("\n"),
    ...Object.fromEntries(["a", "b"].map((name) => [
      `pipelines/${name}.yaml`,
      "extract: { orders: { connector: files, path: orders.csv } }\n",
    ])),
  });
  await served.succeed("a");
  await served.succeed("b");
  await served.server.stop();
  const { projectDir, dataDir } = served.project;
  const warehouse = join(dataDir, "warehouse");
  const create = new Deno.Command(Deno.execPath(), {
    args: [...sluiceArgs("env", "create", "dev"), "--project", projectDir, "--data", dataDir],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  // As soon as the first is there the second is under way.
  for (;;) {
    const names = await Array.fromAsync(Deno.readDir(warehouse), ({ name }) => name);
    if (names.includes("a@dev.duckdb")) break;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  create.kill("SIGKILL");
  await create.status;
  const list = async () =>
    (JSON.parse((await served.project.sluice("env", ["list", "--json"])).stdout) as EnvironmentView[])[0];
  const half = await list();
  strictEqual(half?.state, "creating");
  const applied = await served.project.sluice("apply", ["--env", "dev"]);
  strictEqual(applied.code, 2);
  match(applied.stderr, /is not whole.*sluice env create dev/);
  const again = await served.project.sluice("env", ["create", "dev", "--json"]);
  strictEqual(again.code, 0, again.stderr);
  const whole = await list();
  deepStrictEqual([whole?.state, whole?.pipelines.map(({ name }) => name)], ["ready", ["a@dev", "b@dev"]]);
  for (const name of ["a@dev", "b@dev"]) {
    deepStrictEqual(await served.warehouse(name, "SELECT count(*) FROM raw.orders"), [["20000"]]);
  }
});
