import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { PipelinePlan, ProjectPlan } from "../../../contract/plan/plan.ts";
import { commitAll, git } from "../../support/git_repository.ts";
import { sluiceArgs } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

const FILES = {
  "connectors.yaml": "files: { type: file }\n",
  "pipelines/shop.yaml": `params: { floor: { type: integer, default: 0 } }
extract:
  orders: { connector: files, path: orders.csv, primary_key: [id] }
load:
  daily: { connector: files, path: out/daily.csv }
`,
  "pipelines/other.yaml": "extract: { items: { connector: files, path: orders.csv } }\n",
  "orders.csv": "id,day,amount\n1,2026-01-01,10\n2,2026-01-01,20\n3,2026-01-02,30\n",
  "transforms/shop/stg.sql":
    "SELECT id, day::DATE AS day, amount FROM raw.orders WHERE id > getvariable('floor')",
  "transforms/shop/daily.sql": "SELECT day, sum(amount) AS total FROM stg GROUP BY day",
  "transforms/shop/kept.sql": `/* @sluice
materialized: incremental
primary_key: [id]
*/
SELECT id, amount FROM raw.orders`,
  "transforms/shop/lone.sql": "SELECT 1 AS one",
};

async function planned(project: TestProject, code: number, ...args: readonly string[]): Promise<ProjectPlan> {
  const outcome = await project.sluice("plan", [...args, "--json"]);
  equal(outcome.code, code, outcome.stderr + outcome.stdout);
  return JSON.parse(outcome.stdout);
}

function of(plan: ProjectPlan, pipeline: string): PipelinePlan {
  const found = plan.pipelines.find((one) => one.pipeline === pipeline);
  ok(found !== undefined, `nothing is said of ${pipeline}`);
  return found;
}

const modelsOf = ({ models }: PipelinePlan) =>
  models.map(({ model, change, why }) => `${model} ${change}: ${why}`);

Deno.test("sluice plan compares the files with what is in force and with commits of git, and changes nothing", async () => {
  await using project = await TestProject.create(FILES);
  await git(project.projectDir, "init", "--quiet", "--initial-branch=main");
  await commitAll(project.projectDir, "first");

  const none = await project.sluice("plan");
  equal(none.code, 2);
  match(none.stderr, /Nothing is in force in .*: name what to compare with, as --against main/);
  await planned(project, 0, "--against", "main");

  equal((await project.sluice("run", ["shop", "--quiet"])).code, 0);
  const same = await planned(project, 0);
  deepEqual(same.pipelines.map(({ pipeline, change }) => `${pipeline} ${change}`), [
    "other unchanged",
    "shop unchanged",
  ]);

  await Deno.remove(`${project.projectDir}/pipelines/other.yaml`);
  await project.write({
    "pipelines/shop.yaml": FILES["pipelines/shop.yaml"].replace("default: 0", "default: 1") +
      'schedule: { cron: "0 2 * * *" }\n',
    "transforms/shop/stg.sql": `-- a comment alone\n${FILES["transforms/shop/stg.sql"]}`,
    "transforms/shop/daily.sql":
      "SELECT day, sum(amount)::VARCHAR AS total, count(*) AS orders FROM stg GROUP BY day",
    "transforms/shop/kept.sql": FILES["transforms/shop/kept.sql"].replace("id, amount", "id"),
    "transforms/shop/lone.sql": "/* @sluice\ndescription: one alone\n*/ SELECT 1 AS one",
    "transforms/shop/new.sql": "SELECT * FROM daily",
  });
  const before = await Deno.readFile(`${project.dataDir}/warehouse/shop.duckdb`);
  const plan = await planned(project, 3);
  equal(of(plan, "other").change, "removed");
  const shop = of(plan, "shop");
  match(shop.against, /^what is in force \(revision [0-9a-f]{12}\)$/);
  deepEqual(shop.settings.map(({ name, change }) => `${name} ${change}`), [
    "params changed",
    "schedule added",
  ]);
  deepEqual(modelsOf(shop), [
    "stg changed: the param floor",
    "daily changed: its SQL,reads stg",
    "kept changed: its SQL",
    "lone changed: description: none → one alone",
    "new added: reads daily",
  ]);
  const model = (name: string) => shop.models.find((one) => one.model === name);
  deepEqual(
    model("daily")?.breaking,
    ["column total was DECIMAL(38,0) and is VARCHAR"].map((text) =>
      text.replace(
        "DECIMAL(38,0)",
        model("daily")?.columns?.find(({ name }) => name === "total")?.before ?? "",
      )
    ),
  );
  deepEqual(model("daily")?.columns?.map(({ name, change }) => `${name} ${change}`), [
    "total type",
    "orders added",
  ]);
  deepEqual(model("kept")?.breaking, ["column amount is gone"]);
  equal(model("kept")?.rebuild?.way, "refused");
  deepEqual([model("lone")?.rows, model("stg")?.rows], [false, true]);
  deepEqual(model("daily")?.last?.rows, 2);
  deepEqual([shop.cost.models, shop.cost.unknown], [4, 1]);
  deepEqual(shop.diffs.map(({ path }) => path), [
    "pipelines/shop.yaml",
    "transforms/shop/daily.sql",
    "transforms/shop/kept.sql",
    "transforms/shop/lone.sql",
    "transforms/shop/new.sql",
    "transforms/shop/stg.sql",
  ]);
  match(
    shop.diffs[1]?.diff ?? "",
    /^--- a\/transforms\/shop\/daily\.sql\n\+\+\+ b\/.*\n@@ -1,1 \+1,1 @@\n-SELECT/,
  );

  const chosen = of(
    await planned(project, 3, "shop", "--select", "state:modified,+new", "--against", "HEAD"),
    "shop",
  );
  match(chosen.against, /^HEAD \([0-9a-f]{10}\)$/);
  deepEqual(modelsOf(chosen).map((text) => text.split(" ")[0]), ["stg", "daily", "new"]);
  const { id } = of(plan, "shop").against.match(/revision (?<id>\w+)/)?.groups ?? {};
  deepEqual(modelsOf(of(await planned(project, 3, "--against", id ?? ""), "shop")), modelsOf(shop));

  await project.write({ "transforms/shop/new.sql": "SELECT totl FROM daily" });
  const wrong = await planned(project, 2, "shop");
  match(of(wrong, "shop").faults[0]?.message ?? "", /totl/);
  for (
    const [args, message] of [
      [["--against", "nowhere"], /There is no branch, tag or commit "nowhere"/],
      [["--against=--upload-pack=x"], /There is no branch, tag or commit "--upload-pack=x"/],
      [["nobody"], /There is no pipeline "nobody" in the project/],
      [["shop", "--select", "dayly"], /no model is called dayly \(did you mean daily\?\)/],
      [["--json", "--markdown"], /do not go together/],
    ] as const
  ) {
    const refused = await project.sluice("plan", args);
    equal(refused.code, 2, refused.stdout);
    match(refused.stderr, message);
  }
  deepEqual(await Deno.readFile(`${project.dataDir}/warehouse/shop.duckdb`), before);
});

const ROWS = {
  "connectors.yaml": "files: { type: file }\n",
  "pipelines/shop.yaml": `extract:
  orders: { connector: files, path: orders.csv, primary_key: [id] }
`,
  "orders.csv": FILES["orders.csv"],
  "transforms/shop/stg.sql": `/* @sluice
materialized: view
primary_key: [id]
*/
SELECT id, day::DATE AS day, amount FROM raw.orders`,
  "transforms/shop/daily.sql": "SELECT day, sum(amount) AS total FROM stg GROUP BY day",
  "transforms/shop/behind.sql": "SELECT count(*) AS days FROM daily",
  "transforms/shop/kept.sql": `/* @sluice
materialized: incremental
primary_key: [id]
update_key: day
*/
SELECT id, day, amount FROM stg WHERE getvariable('cursor') IS NULL OR day > getvariable('cursor')`,
  "transforms/shop/lone.sql": "SELECT 1 AS one",
  "macros/money.sql": "CREATE MACRO doubled(x) AS x * 2;",
  "seeds/codes.csv": "id,code\n1,a\n2,b\n",
  "transforms/shop/held.sql":
    "/* @sluice\nmaterialized: ephemeral\n*/ SELECT id, doubled(amount) AS twice FROM raw.orders",
  "transforms/shop/shown.sql":
    "/* @sluice\nmaterialized: view\nprimary_key: [id]\n*/ SELECT id, twice, code FROM held JOIN codes USING (id)",
  "transforms/shop/history.sql":
    "/* @sluice\nmaterialized: scd2\nprimary_key: [id]\n*/ SELECT id, amount FROM stg",
  "transforms/shop/was.sql": "SELECT 1 AS id, 'a' AS v",
  "pipelines/days.yaml": `extract: { orders: { connector: files, path: orders.csv } }
load: { days: { connector: files, path: out/days.csv, primary_key: [day] } }
`,
  "transforms/days/days.sql": "SELECT day, sum(amount) AS total FROM raw.orders GROUP BY day",
};

Deno.test("sluice plan builds both versions from the same rows, and says what differs", async () => {
  await using project = await TestProject.create(ROWS);
  for (const pipeline of ["shop", "days"]) {
    equal((await project.sluice("run", [pipeline, "--quiet"])).code, 0);
  }
  // Rows that a next run would read are in neither version.
  await project.write({
    "orders.csv": `${ROWS["orders.csv"]}4,2026-01-03,40\n`,
    "transforms/shop/stg.sql": ROWS["transforms/shop/stg.sql"].replace(
      "amount FROM raw.orders",
      "CASE id WHEN 2 THEN NULL ELSE amount END AS amount FROM raw.orders WHERE id < 3",
    ),
    "transforms/shop/lone.sql": "SELECT CAST(chr(97 + range::INTEGER) AS INTEGER) AS one FROM range(1)",
    "transforms/shop/upon_lone.sql": "SELECT * FROM lone",
    "macros/money.sql": "CREATE MACRO doubled(x) AS x * 2 + (x > 25)::INTEGER;",
    "seeds/codes.csv": "id,code\n1,a\n2,c\n3,d\n",
    "transforms/shop/is.sql": "/* @sluice\nrenamed_from: was\nprimary_key: [id]\n*/ SELECT 1 AS id, 'b' AS v",
  });
  await Deno.remove(`${project.projectDir}/transforms/shop/was.sql`);
  await project.write({
    "transforms/days/days.sql": ROWS["transforms/days/days.sql"].replace("GROUP", "WHERE id <> 2 GROUP"),
  });
  const before = await Deno.readFile(`${project.dataDir}/warehouse/shop.duckdb`);
  const plan = await planned(project, 3);
  const days = of(plan, "days").models[0]?.data;
  deepEqual([days?.key, days?.changed, days?.columns], [["day"], 1, [{ name: "total", changed: 1 }]]);
  const shop = of(plan, "shop");
  equal(shop.data.compared, true);
  const diffs = Object.fromEntries(shop.models.map(({ model, data }) => [model, data]));
  const counts = (model: string) => {
    const { rows_before, rows_after, added, removed, changed, key } = diffs[model] ?? {};
    return [rows_before, rows_after, added, removed, changed, key?.join() ?? null];
  };
  deepEqual(counts("stg"), [3, 2, 0, 1, 1, "id"]);
  deepEqual(diffs["stg"]?.sample_changed, [{
    key: ["2"],
    cells: [{ column: "amount", before: "20", after: null }],
  }]);
  deepEqual(diffs["stg"]?.sample_removed, [["3", "2026-01-02", "30"]]);
  deepEqual(counts("daily"), [2, 1, 1, 2, null, null]);
  deepEqual(counts("behind"), [1, 1, 1, 1, null, null]);
  // As a full refresh would make it: what its cursor has let through before is not asked.
  deepEqual(counts("kept"), [3, 2, 0, 1, 1, "id"]);
  deepEqual(counts("is"), [1, 1, 0, 0, 1, "id"]);
  deepEqual(counts("codes"), [2, 3, 2, 1, null, null]);
  deepEqual(counts("held"), [3, 3, 1, 1, null, null]);
  deepEqual(counts("shown"), [2, 3, 1, 0, 1, "id"]);
  deepEqual(diffs["shown"]?.sample_added, [["3", "61", "d"]]);
  deepEqual(shop.models.find(({ model }) => model === "held")?.why, ["the macro doubled"]);
  deepEqual(shop.models.find(({ model }) => model === "codes")?.why, ["its rows"]);
  deepEqual(counts("history").slice(0, 2), [3, 2]);
  match(diffs["lone"]?.error ?? "", /lone\.sql.*Could not convert string 'a' to INT32/s);
  match(diffs["upon_lone"]?.error ?? "", /it reads lone, which could not be built/);
  deepEqual(await Deno.readFile(`${project.dataDir}/warehouse/shop.duckdb`), before);
  const copies = () =>
    Array.from(Deno.readDirSync(`${project.dataDir}/copies`), ({ name }) => name).filter((name) =>
      name !== "lock"
    );
  deepEqual(copies(), []);

  const near = of(
    await planned(project, 3, "shop", "--depth", "1", "--sample", "50%", "--exclude", "*lone"),
    "shop",
  );
  deepEqual(
    near.models.filter(({ data }) => data !== null).map(({ model, data }) =>
      `${model} ${data?.sample_percent}`
    ).sort(),
    [
      "codes 50",
      "daily 50",
      "held 50",
      "history 50",
      "is 50",
      "kept 50",
      "shown 50",
      "stg 50",
    ],
  );
  equal(of(await planned(project, 3, "shop", "--no-data"), "shop").data.compared, false);

  await project.write({
    "transforms/shop/lone.sql": "SELECT count(*) AS one FROM range(1000000000000) t(i) WHERE i % 7 = 3",
  });
  const child = new Deno.Command(Deno.execPath(), {
    args: [...sluiceArgs("plan"), "--project", project.projectDir, "--data", project.dataDir],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const hasFile = () =>
    copies().some((name) =>
      Array.from(Deno.readDirSync(`${project.dataDir}/copies/${name}`), (entry) => entry.name).includes(
        "shop.duckdb",
      )
    );
  // It is there for as long as its process has not opened it.
  await until(hasFile);
  await until(() => !hasFile());
  child.kill("SIGKILL");
  await child.status;
  await project.write({ "transforms/shop/lone.sql": "SELECT 2 AS one" });
  await planned(project, 3);
  deepEqual(copies(), []);

  const run = await project.sluice("run", [
    "shop",
    "--quiet",
    "--json",
    "--select",
    "state:modified,path:transforms/shop/lone.sql",
  ]);
  equal(run.code, 0, run.stderr);
  const steps: readonly { readonly name: string }[] =
    JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "").steps;
  deepEqual(steps.map(({ name }) => name), ["model:lone"]);
  const none = await project.sluice("run", ["shop", "--quiet", "--select", "state:modified,lone"]);
  match(none.stdout + none.stderr, /no step is in "state:modified" and "lone" at once/);
  equal(none.code, 1);
});

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    ok(tries < 3_000, "it never came to this");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
