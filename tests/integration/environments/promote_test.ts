import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import type { PromotedEnvironment } from "../../../contract/environments/environment.ts";
import type { ApplyResult, PipelineDetail } from "../../../contract/run.ts";
import { commitAll, git } from "../../support/git_repository.ts";
import { Served } from "../../support/served_project.ts";

const MODEL = "transforms/numbers/n.sql";
const files = (n: number) => ({
  "connectors.yaml": "files: { type: file }\n",
  "project.yaml": "environments: { dev: {} }\n",
  "pipelines/numbers.yaml": "load: { n: { connector: files, path: out/n.csv } }\n",
  [MODEL]: `SELECT ${n} AS n\n`,
});

Deno.test("what was tried is promoted, and nothing newer", async () => {
  await using served = await Served.start(files(1));
  const { project } = served;
  const dir = project.projectDir;
  await git(dir, "init", "-q", "-b", "main");
  await commitAll(dir, "One");
  await git(dir, "worktree", "add", "-q", "-b", "feature", join(project.folder, "feature"));
  const feature = join(project.folder, "feature");
  const commit = async (n: number) => {
    await Deno.writeTextFile(join(feature, MODEL), files(n)[MODEL]);
    return await commitAll(feature, String(n));
  };
  const call = <T>(method: string, path: string, body?: unknown, statuses?: number[]) =>
    served.server.call<T>(method, path, body, statuses);
  const apply = (body: unknown) => call<ApplyResult>("POST", "/api/environments/dev/apply", body);
  const promote = (status = 200, body: unknown = {}) =>
    call<PromotedEnvironment & { detail: string }>("POST", "/api/environments/dev/promote", body, [status]);
  const sqlOf = async (name: string) =>
    (await call<PipelineDetail>("GET", `/api/pipelines/${name}`)).files.find(({ path }) => path === MODEL)
      ?.content;
  await promote(404);

  // Of a branch: as a whole, and the commit that was tried.
  const two = await commit(2);
  await apply({ ref: "feature" });
  deepStrictEqual([await sqlOf("numbers"), await sqlOf("numbers@dev")], [
    "SELECT 1 AS n\n",
    "SELECT 2 AS n\n",
  ]);
  match((await promote(400, { pipelines: ["numbers"] })).detail, /put in force as a whole/);
  await commit(3);
  match((await promote(409)).detail, /feature is .* by now.*sluice apply --env dev --ref feature/);
  strictEqual(await sqlOf("numbers"), "SELECT 1 AS n\n");
  await apply({ ref: two });
  const promoted = await promote();
  deepStrictEqual(promoted.applied.applied, ["numbers"]);
  strictEqual(await sqlOf("numbers"), "SELECT 2 AS n\n");
  strictEqual((await served.succeed("numbers")).rows_loaded, 1);
  strictEqual(await Deno.readTextFile(join(dir, "out/n.csv")), "n\n2\n");

  // Of the folder: not while production is a commit, nor when the files have changed since.
  await apply({});
  match((await promote(409)).detail, new RegExp(`Production is what ${two}`));
  await call("POST", "/api/apply");
  await project.write(files(4));
  match((await promote(409)).detail, /numbers@dev is not what the files say now/);
  const applied = await project.sluice("apply", ["--env", "dev"]);
  strictEqual(applied.code, 0, applied.stderr);
  const done = await project.sluice("env", ["promote", "dev", "numbers"]);
  strictEqual(done.code, 0, done.stderr);
  match(done.stdout, /promoted {3}numbers: in force/);
  strictEqual(await sqlOf("numbers"), "SELECT 4 AS n\n");
  const lines = await call<{ action: string }[]>("GET", "/api/audit?action=environment.promote");
  ok(lines.length >= 2);
});
