import { deepEqual, equal, match } from "node:assert/strict";
import { TestProject } from "../../support/test_project.ts";

/** `sluice add` as it is typed. */

const CONNECTORS = "# Ours.\nfiles:   { type: file }  # here\n";

Deno.test("an API of the catalogue becomes a connector and a pipeline that passes the check", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": CONNECTORS,
    "pipelines/.keep": "",
    "schema/pipeline.schema.json": "{}",
  });
  const read = (path: string) => Deno.readTextFile(`${project.projectDir}/${path}`);
  const set = ["--set", "owner=acme", "--set", "repo=shop", "--streams", "pull_reviews"];
  const sluice = async (...args: string[]) => {
    const { code, stdout, stderr } = await project.sluice("add", args);
    return { code, stdout, stderr };
  };
  const missing = await sluice("github");
  deepEqual([missing.code, missing.stdout], [2, ""]);
  match(missing.stderr, /GitHub needs owner and repo: --set owner=acme --set repo=shop\n +owner: The user/);

  const dry = await sluice("github", ...set, "--dry-run", "--json");
  equal(dry.code, 0, dry.stderr);
  const plan = JSON.parse(dry.stdout);
  deepEqual([plan.name, plan.dry_run, plan.streams], ["github", true, ["pulls", "pull_reviews"]]);
  equal(await read("connectors.yaml"), CONNECTORS);

  const done = await sluice("github", ...set, "--name", "forge");
  equal(done.code, 0, done.stderr);
  match(
    done.stdout,
    /changed connectors\.yaml\nmade pipelines\/forge\.yaml\n"forge" reads pulls, pull_reviews\n/,
  );
  match(done.stdout, /GITHUB_TOKEN: A fine-grained.*\n\nNext:\n.*connectors test forge.*\n.*run forge/);
  const connectors = await read("connectors.yaml");
  match(connectors, /^# Ours\.\nfiles: {3}\{ type: file \} {2}# here\nforge:\n {2}type: http\n/);
  match(
    await read("pipelines/forge.yaml"),
    /^# yaml-language-server: .*pipeline\.schema\.json\ndescription: /,
  );

  const check = await project.sluice("check", ["--offline"], { GITHUB_TOKEN: "x" });
  equal(check.code, 0, check.stdout + check.stderr);

  const again = await sluice("github", ...set, "--name", "forge");
  equal(again.code, 2);
  match(again.stderr, /There is a pipeline "forge" already: choose another name with --name/);
  equal(await read("connectors.yaml"), connectors);
});
