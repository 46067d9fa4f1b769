import { match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { checkoutArgs } from "../../support/sluice_server.ts";
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
    args: checkoutArgs(...args),
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
  const command = `sluice run orders --project ${project.projectDir} --data ${project.dataDir}`;
  ok(
    [`deno task ${command}`, command].some((typed) =>
      none.stderr === `No runs yet. Start one with ${typed}.\n`
    ),
  );
});

Deno.test("a check that lacks secrets says how it is done without them", async () => {
  await using project = await TestProject.create({
    ...FILES,
    "connectors.yaml": 'shop: { type: postgres, url: "${secret:SHOP_URL}" }\n',
    "pipelines/orders.yaml": "extract: { orders: { connector: shop, stream: orders } }\n",
  });
  const { code, stderr } = await project.sluice("check");
  strictEqual(code, 2);
  match(stderr, /as in CI, check with --offline/);
  const offline = await project.sluice("check", ["--offline"]);
  strictEqual(offline.code, 0, offline.stdout);
  ok(!offline.stderr.includes("--offline"));
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

Deno.test("init makes a project beside a README and what git has, and keeps them", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-init-" });
  try {
    await Deno.writeTextFile(join(folder, "README.md"), "mine\n");
    await Deno.writeTextFile(join(folder, "LICENSE"), "mine too\n");
    await Deno.writeTextFile(join(folder, ".gitignore"), "*.log\n");
    const made = await sluice(folder, "init", ".");
    strictEqual(made.code, 0, made.stderr);
    strictEqual(await Deno.readTextFile(join(folder, "README.md")), "mine\n");
    strictEqual(await Deno.readTextFile(join(folder, ".gitignore")), "*.log\n");
    ok(!made.stdout.includes("README.md"), made.stdout);
    match(made.stdout, /pipelines\/hello\.yaml/);
    for (
      const [file, schema] of [["connectors.yaml", "schema/connectors"], [
        "pipelines/hello.yaml",
        "../schema/pipeline",
      ]]
    ) {
      const path = join(folder, file ?? "");
      const [line = ""] = (await Deno.readTextFile(path)).split("\n");
      strictEqual(line, `# yaml-language-server: $schema=${schema}.schema.json`);
      const named = join(path, "..", line.slice(line.indexOf("=") + 1));
      strictEqual(JSON.parse(await Deno.readTextFile(named)).type, "object");
    }
    await Deno.writeTextFile(join(folder, "schema/pipeline.schema.json"), "{}");
    strictEqual((await sluice(folder, "schema")).code, 0);
    ok((await Deno.readTextFile(join(folder, "schema/pipeline.schema.json"))).length > 1_000);
    const again = await sluice(folder, "init", ".");
    strictEqual(again.code, 2);
    match(
      again.stderr,
      /it has "(?:connectors\.yaml|data|pipelines|schema|transforms)" in it, expected a folder with/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("runs are shown by a part of their id, schedules paused and resumed, tables fit COLUMNS", async () => {
  await using project = await TestProject.create({
    ...FILES,
    "pipelines/orders.yaml": 'transform: orders\nschedule: { cron: "0 6 * * *" }\n',
  });
  const ran = await project.sluice("run", ["orders"]);
  strictEqual(ran.code, 0, ran.stderr);
  const [, id = ""] = /\(run (\w+)\)/.exec(ran.stdout) ?? [];
  const narrow = await project.sluice("runs", [], { COLUMNS: "80" });
  ok(narrow.stdout.split("\n").every((line) => line.length <= 80), narrow.stdout);
  const [, shown = ""] = /^(\w+) +orders /m.exec(narrow.stdout) ?? [];
  strictEqual(shown, id.slice(-8));
  for (const part of [shown, id.slice(0, 20).toLowerCase()]) {
    match((await project.sluice("show", [part])).stdout, new RegExp(`^run +${id}$`, "m"));
    strictEqual((await project.sluice("logs", [part])).code, 0);
  }
  const paused = await project.sluice("pause", ["orders"]);
  strictEqual(paused.stdout, "Paused orders: its schedule starts no runs\n");
  match((await project.sluice("pipelines")).stdout, /^orders .* paused /m);
  match(
    (await project.sluice("resume", ["orders"])).stdout,
    /^Resumed orders: its next run is at .* 06:00:00 UTC$/m,
  );
  const unknown = await project.sluice("pause", ["oders"]);
  strictEqual(unknown.code, 2);
  match(unknown.stderr, /There is no pipeline "oders" \(did you mean orders\?\)/);
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
  const gone = await project.sluice("tokens", ["revoke", "first admn"]);
  strictEqual(gone.code, 2);
  match(gone.stderr, /There is no token with the id or name "first admn"/);
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
