import { deepEqual, equal } from "node:assert/strict";
import type { ProjectPlan } from "../../../contract/plan/plan.ts";
import { formatFault } from "../../../text/fault.ts";
import { commitAll, git } from "../../support/git_repository.ts";
import { TestProject } from "../../support/test_project.ts";

/** Pipelines that read each other's published models, in a plan: c reads b, which reads a. */

const FILES = {
  "connectors.yaml": "files: { type: file }\n",
  "project.yaml": "environments: { dev: {} }\n",
  "orders.csv": "id,amount\n1,2.5\n",
  "pipelines/a.yaml": "extract: { orders: { connector: files, path: orders.csv } }\npublish: [base]\n",
  "transforms/a/base.sql": "SELECT id, amount FROM raw.orders\n",
};
const READERS = {
  "pipelines/b.yaml": `extract:
  base: { connector: sluice, stream: a.base, rename: { amount: net } }
publish: [mid]
`,
  "transforms/b/mid.sql": "SELECT * FROM raw.base\n",
  "pipelines/c.yaml": "extract: { mid: { connector: sluice, stream: b.mid } }\n",
  "transforms/c/top.sql": "SELECT id, nett FROM raw.mid\n",
};

async function planned(project: TestProject, code: number, ...args: readonly string[]): Promise<ProjectPlan> {
  const outcome = await project.sluice("plan", [...args, "--against", "HEAD", "--json"]);
  equal(outcome.code, code, outcome.stderr + outcome.stdout);
  return JSON.parse(outcome.stdout);
}

const told = ({ pipelines }: ProjectPlan) =>
  pipelines.filter(({ change, faults }) => change !== "unchanged" || faults.length > 0)
    .flatMap(({ pipeline, change, faults, models }) => [
      `${pipeline} ${change}`,
      ...models.flatMap(({ model, columns }) =>
        (columns ?? []).map((column) => `${model}.${column.name} ${column.change} ${column.after}`)
      ),
      ...faults.map(formatFault),
    ]);

const TOP = "transforms/c/top.sql:1:12:";

Deno.test("a plan binds new pipelines against what those that they read would publish, and says whom a change of columns breaks", async () => {
  await using project = await TestProject.create(FILES);
  await git(project.projectDir, "init", "--quiet");
  await commitAll(project.projectDir, "first");
  await project.write(READERS);
  deepEqual(told(await planned(project, 2)), [
    "b added",
    "c added",
    `${TOP} column "nett" does not exist (did you mean net?)`,
  ]);
  const inDev = await planned(project, 2, "--env", "dev");
  deepEqual(told(inDev).slice(-2), [
    "c@dev added",
    `${TOP} column "nett" does not exist (did you mean net?)`,
  ]);
  await project.write({ "transforms/c/top.sql": "SELECT net FROM raw.mid\n" });
  await commitAll(project.projectDir, "readers");

  // b takes what there is and is right with it; c is not, though nothing of it has changed.
  await project.write({ "transforms/a/base.sql": "SELECT id AS key, amount FROM raw.orders\n" });
  deepEqual(told(await planned(project, 3)), ["a changed", "base.id renamed key"]);
  await project.write({
    "transforms/b/mid.sql": "SELECT * RENAME (net AS gross) FROM raw.base\n",
  });
  deepEqual(told(await planned(project, 2, "b")), [
    "b changed",
    "mid.id renamed key",
    "mid.net renamed gross",
    "c unchanged",
    'transforms/c/top.sql:1:8: column "net" does not exist (candidates: key)',
  ]);
});
