import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { PipelinePlan, ProjectPlan } from "../../../contract/plan/plan.ts";
import { commitAll, git } from "../../support/git_repository.ts";
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
