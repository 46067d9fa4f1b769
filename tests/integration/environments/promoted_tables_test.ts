import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { PromotedEnvironment } from "../../../contract/environments/environment.ts";
import type { PromotionPlan } from "../../../contract/environments/promotion.ts";
import type { ProjectPlan } from "../../../contract/plan/plan.ts";
import { PATIENCE_MS, Served, states, step } from "../../support/served_project.ts";

/** Promotion on a real server: what production takes over is what it would have built, and what it is not sure of it builds. */

const day = (n: number) => `2026-01-${String(n).padStart(2, "0")}`;
const csvOf = (rows: number) =>
  ["id,day,amount", ...Array.from({ length: rows }, (_, id) => `${id},${day(1 + id % 9)},${id % 7}`), ""]
    .join("\n");

const header = (text: string) => `/* @sluice\n${text}\n*/\n`;
/** `n` is what changes from the first version to the second. */
const modelsOf = (n: number): Record<string, string> => ({
  cleaned: `SELECT id, day, amount * ${n} AS amount FROM raw.orders`,
  daily: `${
    header("columns: { day: { checks: [not_null] } }")
  }SELECT day, sum(amount) AS total FROM cleaned GROUP BY day`,
  named: "SELECT day, label(total) AS label FROM daily",
  recent: `${header("materialized: view")}SELECT * FROM daily WHERE total > getvariable('least')`,
  many: `SELECT * FROM recent WHERE ${n} > 0`,
  steady: "SELECT count(*) AS n FROM raw.orders",
  stamped: "SELECT *, today() AS stamped_on FROM daily",
  of_stamped: "SELECT count(*) AS n FROM stamped",
  merged: header("materialized: incremental\nprimary_key: [id]\non_change: full_refresh") +
    `SELECT id, amount + ${n} AS amount FROM raw.orders`,
  by_day:
    header("materialized: incremental\nstrategy: delete_insert\nupdate_key: day\non_change: full_refresh") +
    `SELECT day, count(*) * ${n} AS n FROM raw.orders WHERE day < getvariable('window_end') GROUP BY day`,
  kept: `${
    header("materialized: incremental\nprimary_key: [id]")
  }SELECT id, amount * ${n} AS amount FROM raw.orders`,
  history: `${
    header("materialized: scd2\nprimary_key: [id]\non_change: append")
  }SELECT id, amount * ${n} AS amount FROM raw.orders`,
});
const filesOf = (n: number): Record<string, string> => ({
  "connectors.yaml": "files: { type: file }\n",
  "project.yaml": `variables: { least: { type: integer, default: 3 } }
environments:
  dev: {}
  fresh: {}
  other: { variables: { least: 4 } }
`,
  "pipelines/orders.yaml": `extract: { orders: { connector: files, path: data/orders.csv } }
load: { daily: { connector: files, path: out/daily.csv } }
publish: [many]
`,
  "macros/label.sql": "CREATE MACRO label(value) AS 'n' || value;\n",
  ...Object.fromEntries(
    Object.entries(modelsOf(n)).map(([name, sql]) => [`transforms/orders/${name}.sql`, `${sql}\n`]),
  ),
});
const TAKEN = ["by_day", "cleaned", "daily", "many", "merged", "named", "recent"];

Deno.test("production takes over what it would build the same, builds the rest, and nothing twice", async () => {
  await using served = await Served.start({ ...filesOf(1), "data/orders.csv": csvOf(500) });
  const { project, server } = served;
  const call = <T>(method: string, path: string, body?: unknown, statuses?: number[]) =>
    server.call<T>(method, path, body, statuses);
  const plan = async (environment = "dev") =>
    (await call<PromotionPlan>("GET", `/api/environments/${environment}/promotion`)).pipelines[0];
  const reasons = async (environment?: string) =>
    Object.fromEntries(
      ((await plan(environment))?.models ?? []).map((
        { model, outcome, reason },
      ) => [model, reason ?? outcome]),
    );
  await served.succeed("orders");
  for (const name of ["dev", "other"]) await call("POST", "/api/environments", { name }, [201]);
  await project.write(filesOf(2));
  for (const name of ["dev", "fresh", "other"]) await call("POST", `/api/environments/${name}/apply`);

  match((await plan())?.models.find(({ model }) => model === "daily")?.reason ?? "", /which is built/);
  match((await reasons())["cleaned"] ?? "", /^dev has not built it$/);
  // Where rows were gathered otherwise a person has to say so; in dev they did.
  await served.succeed("orders@dev", { select: "kept", full_refresh: true });
  await served.succeed("orders@dev");
  await served.succeed("orders@fresh");
  await served.succeed("orders@other", { select: "+many" });

  const found = await reasons();
  deepStrictEqual(Object.keys(found).filter((model) => found[model] === "taken").sort(), TAKEN);
  match(found["stamped"] ?? "", /^it calls today\(\), which gives another value in each run$/);
  strictEqual(found["of_stamped"], "it reads stamped, which is built");
  match(found["kept"] ?? "", /^its next run stops at it/);
  match(found["history"] ?? "", /^it is a history/);
  ok(!("steady" in found));
  const other = await reasons("other");
  deepStrictEqual([other["daily"], other["many"]], ["taken", "least has another value in other"]);

  // By its name and by the command line it is the same.
  const shown = await project.sluice("env", ["promote", "dev", "orders", "--dry-run"]);
  strictEqual(shown.code, 0, shown.stderr);
  match(shown.stdout, /taken {2}daily: 9 rows of dev\n.*built {2}stamped: it calls today\(\)/s);
  const promoted = await call<PromotedEnvironment>("POST", "/api/environments/dev/promote", {
    pipelines: ["orders"],
  });
  const run = await server.ended(promoted.promoted[0]?.run ?? "", PATIENCE_MS);
  strictEqual(run.state, "succeeded", JSON.stringify(run.error));
  deepStrictEqual([run.trigger, run.promotes], ["promotion", "dev"]);
  const done = states(run);
  deepStrictEqual(
    Object.keys(done).sort(),
    [...TAKEN.map((name) => `model:${name}`), "check:daily.not_null_day", "load:daily→files", "snapshot:many"]
      .sort(),
  );
  deepStrictEqual([...new Set(Object.values(done))], ["succeeded"]);
  deepStrictEqual(step(run, "model:daily").manifest?.taken?.environment, "dev");
  match(await Deno.readTextFile(`${project.projectDir}/out/daily.csv`), /^day,total\n/);

  // Each table is what a run from nothing makes of it.
  const rows = (pipeline: string, model: string) =>
    served.warehouse(pipeline, `SELECT COLUMNS(*)::VARCHAR FROM ${model} ORDER BY ALL`);
  for (const model of TAKEN.filter((name) => name !== "recent")) {
    deepStrictEqual(await rows("orders", model), await rows("orders@fresh", model), model);
  }
  const changes = await project.sluice("plan", ["--no-data"]);
  strictEqual(changes.code, 0, changes.stdout);

  // Production's next run builds what was not taken, and nothing else but its views.
  await call("POST", "/api/environments/dev/promote");
  const next = await served.runToEnd("orders", { select: "cleaned daily named many stamped of_stamped" });
  strictEqual(next.state, "succeeded", JSON.stringify(next.error));
  const built = next.steps.filter(({ kind, sql }) => kind === "model" && sql?.startsWith("--") !== true);
  deepStrictEqual(built.map(({ name }) => name).sort(), ["model:of_stamped", "model:stamped"]);
  match(step(next, "model:daily").sql ?? "", /^-- as it was taken from dev/);

  // Of rows that production has not read, nothing.
  await project.write({ ...filesOf(3), "data/orders.csv": csvOf(501) });
  await call("POST", "/api/environments/dev/apply");
  await served.succeed("orders@dev", { select: "+many" });
  match(
    (await reasons())["cleaned"] ?? "",
    /^raw\.orders has other rows in production than dev has built it from$/,
  );
  await served.succeed("orders", { select: "raw.orders" });
  strictEqual((await reasons())["cleaned"], "taken");
  // A run of production alone: the rows are those that it has read itself.
  const again = await project.sluice("env", ["promote", "dev", "orders", "--json"]);
  strictEqual(again.code, 0, again.stderr);
  const { runs }: { runs: { state: string; steps: { name: string }[] }[] } = JSON.parse(again.stdout);
  ok(runs[0]?.steps.some(({ name }) => name === "model:cleaned"));
  strictEqual(runs[0]?.state, "succeeded");
  const left: ProjectPlan = JSON.parse((await project.sluice("plan", ["--no-data", "--json"])).stdout);
  deepStrictEqual(left.pipelines.map(({ change }) => change), ["unchanged"]);
});
