import { deepEqual, equal, match, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startHostilePostgres } from "../support/hostile_postgres.ts";
import { PROGRAM } from "../support/program.ts";
import { SluiceServer } from "../support/sluice_server.ts";
import { TestProject } from "../support/test_project.ts";

/** Ways out of a project that were tried: the pipeline's name → its definition, and what refuses it. */
const ESCAPES: Readonly<Record<string, readonly [definition: string, refusal: RegExp]>> = {
  passwd: [
    "extract: {s: {connector: files, path: /etc/passwd}}",
    /may not read \/etc\/passwd: it is outside of .*file_roots/,
  ],
  dots: ["extract: {s: {connector: files, path: ../outside/x.csv}}", /outside\/x\.csv: it is outside of/],
  link: [
    "extract: {s: {connector: files, path: data/link.csv}}",
    /data\/link\.csv \(a link to .*\/outside\/x\.csv\): it is outside of/,
  ],
  link_in_glob: ["extract: {s: {connector: files, path: 'data/*.csv'}}", /a link to .*\/outside\/x\.csv/],
  definitions: [
    "extract: {s: {connector: files, path: connectors.yaml}}",
    /connectors\.yaml: it is the project's definitions, which no policy opens/,
  ],
  server: [
    "extract: {s: {connector: files, path: DATA/server.json}}",
    /the data folder, which no policy opens/,
  ],
  control: [
    "extract: {s: {connector: control, stream: tokens}}",
    /^.*Connector "control", stream "s": may not read .*the data folder/,
  ],
  control_load: [
    "extract: {s: {connector: files, path: orders.csv}}\nload: {s: {connector: control, table: tokens}}",
    /the data folder/,
  ],
  warehouse: ["extract: {s: {connector: other, stream: t}}", /warehouse\/other\.duckdb: .*the data folder/],
  program: [
    `extract: {s: {connector: files, path: PROGRAM/engine/x.csv}}`,
    /the program's own files, which no policy opens/,
  ],
  program_load: [
    `extract: {s: {connector: files, path: orders.csv}}\nload: {s: {connector: files, path: PROGRAM/node_modules/x.csv}}`,
    /may not write .*the program's own files/,
  ],
  proc: [
    "extract: {s: {connector: files, path: /proc/self/environ}}",
    /\/proc, the system's own folder, which no policy opens/,
  ],
  models: [
    "extract: {s: {connector: files, path: orders.csv}}\nload: {s: {connector: files, path: transforms/x.csv}}",
    /may not write .*the project's definitions/,
  ],
  itself: [
    "extract: {s: {connector: files, path: orders.csv}}\nload: {s: {connector: files, path: orders.csv}}",
    /stream "s" reads it; load into another path/,
  ],
};

/** Of the program that is started. */
const ROOT = dirname(dirname(fileURLToPath(PROGRAM.main)));

async function escapeProject(): Promise<TestProject> {
  const project = await TestProject.create({
    "connectors.yaml": `files: {type: file}
control: {type: sqlite, path: ${"DATA"}/sluice.db}
other: {type: sqlite, path: ${"DATA"}/warehouse/other.duckdb}
`,
    "orders.csv": "id\n1\n",
    "data/a.csv": "id\n1\n",
  });
  const fill = (text: string) => text.replaceAll("DATA", project.dataDir).replaceAll("PROGRAM", ROOT);
  const connectors = join(project.projectDir, "connectors.yaml");
  await Deno.writeTextFile(connectors, fill(await Deno.readTextFile(connectors)));
  await project.write(
    Object.fromEntries(
      Object.entries(ESCAPES).map(([name, [definition]]) => [`pipelines/${name}.yaml`, fill(definition)]),
    ),
  );
  await Deno.mkdir(join(project.folder, "outside"));
  await Deno.writeTextFile(join(project.folder, "outside", "x.csv"), "id\n1\n");
  await Deno.symlink("../../outside/x.csv", join(project.projectDir, "data", "link.csv"));
  return project;
}

Deno.test("a check refuses every way out of the project, and says which key of the policy would open it", async () => {
  await using project = await escapeProject();
  const { code, stdout, stderr } = await project.sluice("check");
  equal(code, 2, stdout + stderr);
  const lines = stdout.split("\n");
  for (const [name, [, refusal]] of Object.entries(ESCAPES)) {
    const line = lines.find((text) => text.startsWith(`pipelines/${name}.yaml:`));
    match(
      line ?? `nothing about ${name} in ${stdout}`,
      name === "proc" || name.startsWith("program") ? /may not/ : refusal,
    );
  }
});

Deno.test("a policy that opens everything opens no reserved path", async () => {
  await using project = await escapeProject();
  const policy = join(project.folder, "policy.yaml");
  await Deno.writeTextFile(policy, "file_roots: [/]\n");
  const { code, stdout } = await project.sluice("check", ["--policy", policy]);
  equal(code, 2);
  const refused = stdout.split("\n").map((line) => /^pipelines\/(\w+)\.yaml:.* may not /.exec(line)?.[1])
    .filter((
      name,
    ) => name !== undefined);
  deepEqual(
    [...new Set(refused)].sort(),
    Object.keys(ESCAPES).filter((name) => !["passwd", "dots", "link", "link_in_glob"].includes(name)).sort(),
    stdout,
  );
  for (const name of ["proc", "program", "program_load"]) {
    const line = stdout.split("\n").find((text) => text.startsWith(`pipelines/${name}.yaml:`));
    match(line ?? "", ESCAPES[name]?.[1] ?? /never/);
  }
});

Deno.test("a run is refused what the policy has come to refuse, before it has a process", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: {type: file}\n",
    "pipelines/p.yaml": "extract: {s: {connector: files, path: orders.csv}}\n",
    "orders.csv": "id\n1\n",
  });
  equal((await project.sluice("run", ["p"])).code, 0);
  const policy = join(project.folder, "policy.yaml");
  await Deno.writeTextFile(policy, "file_roots: [/srv]\n");
  const refused = await project.sluice("run", ["p"], { SLUICE_POLICY: policy });
  equal(refused.code, 1, refused.stdout + refused.stderr);
  match(refused.stdout, /stream "s": may not read .*orders\.csv: it is outside of \/srv/);
  await Deno.writeTextFile(policy, "file_root: [.]\n");
  const broken = await project.sluice("run", ["p"], { SLUICE_POLICY: policy });
  equal(broken.code, 2);
  match(broken.stderr, /policy\.yaml:1:1: file_root: unknown key \(did you mean file_roots\?\)/);
});

Deno.test("a file or a result in the project's root opens nothing of it to models", async () => {
  const reads = [
    "read_text('.sluice/server.json')",
    "read_csv('orders.csv')",
    "'connectors.yaml'",
    "enable_profiling(format := 'json', save_location := 'orders.csv')",
    "query('FROM read_text(''connectors.yaml'')')",
  ];
  for (const read of reads) {
    await using project = await TestProject.create({
      "connectors.yaml": "files: {type: file}\n",
      "pipelines/p.yaml":
        "extract: {s: {connector: files, path: '*.csv'}}\ntransform: p\nload: {m: {connector: files, path: result.csv.gz}}\n",
      "orders.csv": "id\n1\n",
      "transforms/p/m.sql": `SELECT * FROM raw.s, ${read}`,
    });
    const { code, stdout, stderr } = await project.sluice("run", ["p"]);
    equal(code, 2, stdout + stderr);
    match(stdout + stderr, /transforms\/p\/m\.sql:1:22: /, read);
    equal(await Deno.readTextFile(join(project.projectDir, "orders.csv")), "id\n1\n");
    await project.write({ "transforms/p/m.sql": "SELECT * FROM raw.s" });
    equal((await project.sluice("run", ["p"])).code, 0);
  }
});

Deno.test("a source that never stops talking holds up neither the server nor another pipeline", async () => {
  const chatter = function* (): Iterable<Uint8Array> {
    for (;;) {
      yield new Uint8Array([78, 0, 0, 0, 22, ...new TextEncoder().encode("SNOTICE\0Mon and on\0\0")])
        .subarray(0, 23);
    }
  };
  await using endless = startHostilePostgres({ answer: chatter });
  // One after the other they would take longer than the server has to start.
  const bad = ["a", "b", "c", "d", "e"];
  await using project = await TestProject.create({
    "connectors.yaml": `files: {type: file}\nendless: {type: postgres, url: "${endless.url}"}\n`,
    "pipelines/good.yaml": "extract: {s: {connector: files, path: orders.csv}}\n",
    ...Object.fromEntries(
      bad.map((name) => [`pipelines/${name}.yaml`, "extract: {s: {connector: endless, stream: public.t}}\n"]),
    ),
    "orders.csv": "id\n1\n",
  });
  await using server = await SluiceServer.start(project.projectDir, project.dataDir);
  const run = await server.ended((await server.trigger("good")).id);
  equal(run.state, "succeeded", JSON.stringify(run));
  ok(
    (await fetch(`${server.url}/healthz`).then(async (response) => (await response.body?.cancel(), response)))
      .ok,
  );
});
