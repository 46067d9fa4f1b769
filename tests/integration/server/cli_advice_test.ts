import { match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { sluiceArgs } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

/** What commands say about names that are not there, and that what they advise can be typed. */

const FILES = {
  "connectors.yaml": "{}\n",
  "pipelines/orders.yaml": "transform: orders\n",
  "transforms/orders/n.sql": "SELECT 1 AS n\n",
};

async function sluice(
  cwd: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: sluiceArgs(...args),
    cwd,
    stdin: "null",
  })
    .output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("a pipeline that there is not is exit code 2 with the name that was meant, for each command", async () => {
  await using project = await TestProject.create(FILES);
  strictEqual((await project.sluice("apply")).code, 0);
  for (
    const [command, args] of [
      ["run", ["oders"]],
      ["runs", ["--pipeline", "oders"]],
      ["serve", ["--port", "0", "--run", "oders"]],
    ] as const
  ) {
    const { code, stderr, stdout } = await project.sluice(command, args);
    strictEqual(code, 2, command + stdout + stderr);
    match(stderr, /There is no pipeline "oders" \(did you mean orders\?\)/, command);
  }
  const none = await project.sluice("runs", ["--pipeline", "orders"]);
  strictEqual(none.code, 0);
  strictEqual(
    none.stderr,
    `No runs yet. Start one with deno task sluice run orders --project ${project.projectDir} --data ${project.dataDir}.\n`,
  );
});

Deno.test("what init prints can be typed, whatever the folder is called", async () => {
  await using project = await TestProject.create(FILES);
  const { code, stdout } = await sluice(project.folder, "init", "it's new");
  strictEqual(code, 0);
  const lines = stdout.slice(stdout.indexOf("Next:")).split("\n").slice(1).filter((line) => line !== "");
  strictEqual(lines.length, 3, stdout);
  for (const line of lines.slice(0, 2)) {
    // As a shell splits it, in the place of `deno task sluice`.
    const words = new Deno.Command("sh", { args: ["-c", `printf '%s\\n' ${line}`], cwd: project.folder });
    const [deno, task, name, ...args] = new TextDecoder().decode((await words.output()).stdout).trim().split(
      "\n",
    );
    strictEqual([deno, task, name].join(" "), "deno task sluice");
    const done = await sluice(project.folder, ...args);
    strictEqual(done.code, 0, done.stdout + done.stderr);
  }
  match(lines[2] ?? "", /deno task sluice serve --project 'it'\\''s new'$/);
});

Deno.test("a token is revoked by its id or its name", async () => {
  await using project = await TestProject.create(FILES);
  for (const name of ["ci", "dashboard"]) {
    strictEqual((await project.sluice("tokens", ["create", name])).code, 0);
  }
  const [, id] = /^(\S+) +ci /m.exec((await project.sluice("tokens")).stdout) ?? [];
  strictEqual((await project.sluice("tokens", ["revoke", id ?? ""])).code, 0);
  strictEqual((await project.sluice("tokens", ["revoke", "dashboard"])).code, 0);
  const { stdout } = await project.sluice("tokens");
  ok(!/ci|dashboard/.test(stdout), stdout);
  strictEqual((await project.sluice("tokens", ["revoke", "dashboard"])).code, 2);
});

Deno.test("links that lead in a circle are one fault each, and the other pipelines are checked", async () => {
  await using project = await TestProject.create({ ...FILES, "pipelines/wrong.yaml": "schedul: {}\n" });
  const at = (path: string) => join(project.projectDir, path);
  await Deno.symlink(at("pipelines/b.yaml"), at("pipelines/a.yaml"));
  await Deno.symlink(at("pipelines/a.yaml"), at("pipelines/b.yaml"));
  await Deno.symlink(at("transforms/loop"), at("transforms/loop"));
  await project.write({ "pipelines/looped.yaml": "transform: loop\n" });
  const { code, stdout } = await project.sluice("check");
  strictEqual(code, 2);
  match(stdout, /^pipelines\/a\.yaml: cannot be read: its symbolic links lead in a circle$/m);
  match(stdout, /^pipelines\/b\.yaml: cannot be read: its symbolic links lead in a circle$/m);
  match(stdout, /^transforms\/loop: cannot be read: its symbolic links lead in a circle$/m);
  match(stdout, /^pipelines\/wrong\.yaml:1:1: schedul: unknown key/m);
});
