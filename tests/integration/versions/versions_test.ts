import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { ApplyResult, PipelineDetail } from "../../../contract/run.ts";
import type { RollBack, Version, VersionChanges } from "../../../contract/versions/version.ts";
import { commitAll, git } from "../../support/git_repository.ts";
import { Served } from "../../support/served_project.ts";

/** Revisions from commits, what has been in force, and the way back: a real server on a real repository. */

const files = (n: number) => ({
  "pipelines/numbers.yaml": `# number ${n}\nload: { n: { connector: lite, table: n } }\n`,
  "transforms/numbers/n.sql": `SELECT ${n} AS n\n`,
});

const MODEL = "transforms/numbers/n.sql";

Deno.test("apply takes a ref's files until the folder is asked for, through a restart and changed files", async () => {
  await using served = await Served.start(files(1));
  const { project } = served;
  const dir = project.projectDir;
  await git(dir, "init", "-q", "-b", "main");
  const first = await commitAll(dir, "One");
  await project.write(files(2));
  await commitAll(dir, "Two");
  await git(dir, "branch", "two");
  await project.write(files(3));

  const apply = (body: unknown) => served.server.call<ApplyResult>("POST", "/api/apply", body);
  const sqlNow = async () => {
    const { files } = await served.server.call<PipelineDetail>("GET", "/api/pipelines/numbers");
    return files.find(({ path }) => path === MODEL)?.content;
  };
  deepStrictEqual((await apply({ ref: "two~1" })).source, { ref: "two~1", commit: first });
  strictEqual(await sqlNow(), "SELECT 1 AS n\n");
  const applied = await apply({ ref: "two" });
  deepStrictEqual(applied.applied, ["numbers"]);
  strictEqual(await sqlNow(), "SELECT 2 AS n\n");
  strictEqual((await served.runToEnd("numbers")).rows_loaded, 1);

  // What a file says, or a branch that goes on, is no wish: the commit stays.
  await project.write(files(4));
  await git(dir, "branch", "-f", "two", first);
  await served.restart();
  deepStrictEqual((await apply({ keep_ref: true })).unchanged, ["numbers"]);
  strictEqual(await sqlNow(), "SELECT 2 AS n\n");

  deepStrictEqual((await apply({})).applied, ["numbers"]);
  strictEqual(await sqlNow(), "SELECT 4 AS n\n");

  const refused = await served.server.call<{ detail: string }>("POST", "/api/apply", { ref: "none" }, [404]);
  match(refused.detail, /no branch, tag or commit "none"/);
  const listed = await project.sluice("versions", ["numbers", "--json", "--file", MODEL]);
  const subjects = (JSON.parse(listed.stdout) as Version[]).map(({ commit }) => commit?.subject);
  deepStrictEqual(subjects.slice(0, 3), ["Two", "Two", "One"]);
});

Deno.test("a rollback holds until the files change, and each version tells what it changed", async () => {
  await using served = await Served.start(files(1));
  const { project } = served;
  const list = () => served.server.call<Version[]>("GET", "/api/pipelines/numbers/versions");
  const apply = () => served.server.call<ApplyResult>("POST", "/api/apply");
  const inForce = async () => (await list()).find((version) => version.in_force)?.revision;
  await project.write(files(2));
  await apply();
  const [second, first] = await list();
  ok(second !== undefined && first !== undefined);
  deepStrictEqual([second.in_force, first.in_force, first.kept], [true, false, true]);

  const changes = await served.server.call<VersionChanges>(
    "GET",
    `/api/pipelines/numbers/versions/${second.revision.slice(0, 8)}/changes`,
  );
  deepStrictEqual([changes.from, changes.to], [first.revision, second.revision]);
  deepStrictEqual(changes.files.map(({ path, change }) => [path, change]), [
    ["pipelines/numbers.yaml", "changed"],
    [MODEL, "changed"],
  ]);
  match(changes.files[1]?.diff ?? "", /^-SELECT 1 AS n\n\+SELECT 2 AS n$/m);

  strictEqual(changes.plan, undefined);
  const planned = await served.server.call<VersionChanges>(
    "GET",
    `/api/pipelines/numbers/versions/${second.revision}/changes?plan=true`,
  );
  deepStrictEqual(planned.plan?.models.map(({ model, change, why }) => [model, change, why]), [
    ["n", "changed", ["its SQL"]],
  ]);
  deepStrictEqual(planned.plan.models[0]?.columns, []);
  deepStrictEqual([planned.plan.breaking, planned.plan.data.compared, planned.plan.diffs], [
    false,
    false,
    [],
  ]);
  const told = await project.sluice("versions", [
    "numbers",
    first.revision,
    "--against",
    second.revision,
    "--plan",
  ]);
  match(told.stdout, /^~ numbers: changed, against revision [0-9a-f]{12}$/m);
  match(told.stdout, /^ {2}~ n changed: its SQL$/m);

  const back = await served.server.call<RollBack>("POST", "/api/pipelines/numbers/rollback");
  deepStrictEqual(back, { from: second.revision, to: first.revision });
  strictEqual(await inForce(), first.revision);
  const { source } = await served.server.call<PipelineDetail>("GET", "/api/pipelines/numbers");
  match(source?.content ?? "", /# number 1/);
  // Neither an apply nor a restart brings back what somebody went away from.
  deepStrictEqual((await apply()).unchanged, ["numbers"]);
  await served.restart();
  strictEqual(await inForce(), first.revision);
  await served.server.call("POST", "/api/pipelines/numbers/rollback", { revision: first.revision }, [409]);
  await served.server.call("POST", "/api/pipelines/numbers/rollback", { revision: "0000" }, [404]);

  await project.write(files(3));
  deepStrictEqual((await apply()).applied, ["numbers"]);
  const third = await inForce();
  ok(third !== first.revision && third !== second.revision);
  // Files that are committed as they are in force give their version a message.
  await git(project.projectDir, "init", "-q", "-b", "main");
  await commitAll(project.projectDir, "Three");
  await apply();
  strictEqual((await list())[0]?.commit?.subject, "Three");
  const command = await project.sluice("rollback", ["numbers", second.revision.slice(0, 10)]);
  strictEqual(command.code, 0, command.stderr);
  strictEqual(await inForce(), second.revision);
});
