import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { ModelReplay, RunReplay } from "../../../contract/runs/replay.ts";
import type { RunManifest } from "../../../contract/runs/run_manifest.ts";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import { TestProject } from "../../support/test_project.ts";

/** What `keep_inputs` keeps, and what a replay makes of it: real runs of a project, by the command line. */

const PIPELINE = `keep_inputs: 2
params: { floor: { type: integer, default: 0 } }
extract:
  orders: { connector: files, path: orders.csv, primary_key: [id], mode: full }
load:
  daily: { connector: files, path: out/daily.csv }
`;

const FILES = {
  "connectors.yaml": "files: { type: file }\n",
  "pipelines/shop.yaml": PIPELINE,
  "orders.csv": "id,day,amount\n1,2026-01-01,10\n2,2026-01-01,20\n3,2026-01-02,30\n",
  "macros/tax.sql": "CREATE MACRO taxed(x) AS x * 1.2;\n",
  "seeds/rates.csv": "code,rate\na,1\nb,2\n",
  "transforms/shop/stg.sql":
    "/* @sluice\nmaterialized: view\n*/\nSELECT id, day::DATE AS day, taxed(amount)::DECIMAL(9,2) AS amount FROM raw.orders",
  "transforms/shop/part.sql":
    "/* @sluice\nmaterialized: ephemeral\n*/\nSELECT * FROM stg WHERE id > getvariable('floor')",
  "transforms/shop/daily.sql":
    "SELECT day, sum(amount) AS total, getvariable('run_id') AS run, now() AS made, current_date AS on_day FROM part GROUP BY day",
  "transforms/shop/rated.sql": "SELECT id, rate FROM raw.orders, rates",
  "transforms/shop/gathered.sql": `/* @sluice
materialized: incremental
strategy: append
*/
SELECT id, getvariable('run_id') AS run FROM raw.orders`,
  "transforms/shop/merged.sql": `/* @sluice
materialized: incremental
primary_key: [id]
update_key: id
*/
SELECT id, amount, getvariable('cursor') AS seen FROM raw.orders`,
  "transforms/shop/history.sql":
    "/* @sluice\nmaterialized: scd2\nprimary_key: [id]\n*/\nSELECT id, amount FROM raw.orders",
  "transforms/shop/windowed.sql": `/* @sluice
materialized: incremental
strategy: delete_insert
update_key: day
batch_size: 1d
begin: 2026-01-01
*/
SELECT day::DATE AS day, count(*) AS n FROM raw.orders
WHERE day::DATE >= getvariable('window_start') AND day::DATE < getvariable('window_end') GROUP BY ALL`,
};

async function run(project: TestProject, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await project.sluice("run", ["shop", "--json", ...args]);
  equal(code, 0, stderr + stdout);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "").id;
}

async function replayed(project: TestProject, id: string, code: number): Promise<RunReplay> {
  const outcome = await project.sluice("replay", [id, "--json"]);
  equal(outcome.code, code, outcome.stderr + outcome.stdout);
  return JSON.parse(outcome.stdout);
}

const outcomes = ({ models }: RunReplay) =>
  models.filter(({ outcome }) => outcome !== "same").map(({ model, outcome, reason }) =>
    `${model} ${outcome} ${reason}`
  );

const modelOf = ({ models }: RunReplay, name: string): ModelReplay => {
  const found = models.find(({ model }) => model === name);
  ok(found !== undefined, `nothing is said of ${name}`);
  return found;
};

async function filesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).toSorted();
  } catch {
    return [];
  }
}

Deno.test("a run's models come out the same from what was kept, and what differs is shown", async () => {
  await using project = await TestProject.create(FILES);
  const first = await run(project);
  await project.write({ "orders.csv": "id,day,amount\n1,2026-01-01,11\n2,2026-01-01,20\n4,2026-01-03,40\n" });
  const second = await run(project, "--param", "floor=1");
  // What is read now is nothing to them.
  await project.write({ "orders.csv": "id,day,amount\n9,2026-01-09,9\n" });
  for (const [id, rows] of [[first, 3], [second, 6]] as const) {
    const found = await replayed(project, id, 0);
    equal(modelOf(found, "gathered").diff?.rows_after, rows);
    deepEqual(outcomes(found), [], id);
    deepEqual(found.models.map(({ model }) => model).toSorted(), [
      "daily",
      "gathered",
      "history",
      "merged",
      "rated",
      "rates",
      "stg",
      "windowed",
    ]);
  }

  const kept = `${project.dataDir}/kept_inputs/shop`;
  await project.write({
    "transforms/shop/picked.sql": "SELECT id, random() AS r FROM raw.orders",
    "transforms/shop/behind.sql": "SELECT count(*) AS n, min(r) AS r FROM picked",
  });
  const third = await run(project);
  deepEqual(await filesIn(kept), [second, third], "so many runs as keep_inputs says");
  const { mode } = await Deno.stat(`${kept}/${third}/shop.duckdb`);
  equal((mode ?? 0) & 0o077, 0);
  const found = await replayed(project, third, 1);
  deepEqual(outcomes(found), ["picked differs null"], "what reads it has the rows that the run made");
  const picked = modelOf(found, "picked");
  equal(picked.likely[0], "it calls random()");
  equal(picked.diff?.added, 1);
  const text = await project.sluice("replay", [third]);
  equal(text.code, 1);
  match(text.stdout, /^= behind: the same, 1 row$/m);
  match(text.stdout, /^~ picked: differs\n {4}1 row: 1 added, 1 removed, as whole rows$/m);
  match(text.stdout, /perhaps: it calls random\(\)/);
  match(text.stderr, /Of 10 models 9 came out the same, 1 differs/);

  const gone = await project.sluice("replay", [first]);
  equal(gone.code, 2);
  match(
    gone.stderr,
    /its inputs are not kept any more: those of the last 2 that succeeded are \(keep_inputs\)/,
  );
  const doctor = await project.sluice("doctor", ["--json"]);
  match(doctor.stdout, /inputs of 2 runs are kept/);

  await project.write({ "pipelines/shop.yaml": PIPELINE.replace("keep_inputs: 2\n", "") });
  const fourth = await run(project);
  deepEqual(await filesIn(kept), []);
  const off = await project.sluice("replay", [fourth]);
  match(off.stderr, /its inputs were not kept: set keep_inputs in the pipeline/);
  deepEqual(
    await filesIn(`${project.dataDir}/copies`).then((names) => names.filter((name) => name !== "lock")),
    [],
  );
  const shown = await project.sluice("show", [fourth, "--manifest", "--json"]);
  const manifest: RunManifest = JSON.parse(shown.stdout);
  deepEqual(manifest.inputs.map(({ table, rows }) => [table, rows]), [["raw.orders", 1]]);
  ok(manifest.files.some(({ path }) => path === "macros/tax.sql"));
});

Deno.test("a copy that was changed, or is not whole, is told and not taken for what the run read", async () => {
  await using project = await TestProject.create(FILES);
  await run(project);
  const id = await run(project);
  const folder = `${project.dataDir}/kept_inputs/shop`;
  const file = `${folder}/${id}/shop.duckdb`;
  {
    await using database = await openDatabase({ path: file, allowedDirectories: [] });
    await using session = await database.session();
    await session.run("UPDATE raw.orders SET amount = amount + 1 WHERE id = 1");
  }
  const changed = await replayed(project, id, 2);
  equal(modelOf(changed, "rates").outcome, "same");
  match(modelOf(changed, "merged").reason ?? "", /raw\.orders is not as the run left it/);

  await Deno.rename(`${folder}/${id}`, `${folder}/${id}.part`);
  const none = await project.sluice("replay", [id]);
  equal(none.code, 2);
  const next = await run(project);
  ok(!(await filesIn(folder)).includes(`${id}.part`), "the next run clears it away");
  deepEqual(outcomes(await replayed(project, next, 0)), []);

  const before = await filesIn(folder);
  await project.write({ "transforms/shop/late.sql": "SELECT error('too late') FROM merged" });
  equal((await project.sluice("run", ["shop", "--quiet"])).code, 1);
  const [failed] = JSON.parse((await project.sluice("runs", ["--json"])).stdout);
  deepEqual(await filesIn(folder), [...before, `${failed.id}.failed`], "it takes the place of none");
  const built = await replayed(project, failed.id, 0);
  deepEqual(outcomes(built), []);
  ok(!built.models.some(({ model }) => model === "late"), "it was not built");
});
