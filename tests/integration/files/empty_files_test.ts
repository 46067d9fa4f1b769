import { equal, match } from "node:assert/strict";
import { TestProject } from "../../support/test_project.ts";

/** Files without a record, and no news is no error. */

const PIPELINE = `
extract:
  events: { connector: files, path: in/*.ndjson, mode: MODE, KEYS }
load:
  events: { connector: files, path: out/events.csv }
`;

async function run(project: TestProject): Promise<{ rows_extracted: number; output: string }> {
  const { code, stdout, stderr } = await project.sluice("run", ["p", "--json"]);
  equal(code, 0, stdout + stderr);
  return { ...JSON.parse(stdout.trim().split("\n").at(-1) ?? ""), output: stdout + stderr };
}

Deno.test("an NDJSON file without records is 0 rows, and leaves no column behind", async () => {
  for (const mode of ["full", "append", "incremental"]) {
    const keys = mode === "incremental" ? "primary_key: [id], update_key: id" : "";
    await using project = await TestProject.create({
      "connectors.yaml": "files: { type: file }\n",
      "pipelines/p.yaml": PIPELINE.replace("MODE", mode).replace(", KEYS", keys === "" ? "" : `, ${keys}`)
        .replace(/load:[^]*/, ""),
      "in/a.ndjson": "",
      "in/b.ndjson": "[]\n",
    });
    equal((await run(project)).rows_extracted, 0, mode);
    await project.write({
      "in/a.ndjson": '{"id":1,"name":"a"}\n',
      "pipelines/p.yaml": await withLoad(project),
    });
    equal((await run(project)).rows_extracted, 1, mode);
    equal(await Deno.readTextFile(`${project.projectDir}/out/events.csv`), "id,name\n1,a\n", mode);
    await project.write({ "in/a.ndjson": "\n\n" });
    equal((await run(project)).rows_extracted, 0, mode);
    const kept = mode === "full" ? "id,name\n" : "id,name\n1,a\n";
    equal(await Deno.readTextFile(`${project.projectDir}/out/events.csv`), kept, mode);
  }
});

async function withLoad(project: TestProject): Promise<string> {
  const pipeline = await Deno.readTextFile(`${project.projectDir}/pipelines/p.yaml`);
  return `${pipeline}load:\n  events: { connector: files, path: out/events.csv }\n`;
}

Deno.test("what an empty load writes is read back as 0 rows, with the columns that are known", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": `
extract:
  events: { connector: files, path: in.ndjson, options: { columns: { id: BIGINT, day: DATE } } }
transform: p
load:
  none:
    - { connector: files, path: out/a.ndjson }
    - { connector: files, path: out/a.json }
    - { connector: files, path: out/a.parquet }
    - { connector: files, path: out/a.arrow }
    - { connector: files, path: out/a.csv }
`,
    "transforms/p/none.sql": "SELECT id, day FROM raw.events\n",
    "pipelines/back.yaml": `
extract:
  nd: { connector: files, path: out/a.ndjson }
  js: { connector: files, path: out/a.json }
  pq: { connector: files, path: out/a.parquet }
  ar: { connector: files, path: out/a.arrow }
  cs: { connector: files, path: out/a.csv }
`,
    "in.ndjson": "",
  });
  equal((await run(project)).rows_extracted, 0);
  equal(await Deno.readTextFile(`${project.projectDir}/out/a.ndjson`), "");
  const { code, stdout, stderr } = await project.sluice("run", ["back", "--json"]);
  equal(code, 0, stdout + stderr);
  match(stdout, /"rows_extracted":0/);
});

Deno.test("check refuses a load that no run could do, at its place", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": `extract:
  a: { connector: files, path: a.csv }
load:
  a: { connector: files, path: out/a.csv, mode: append }
`,
    "a.csv": "id\n1\n",
  });
  const { code, stdout, stderr } = await project.sluice("check");
  equal(code, 2, stdout + stderr);
  match(stdout + stderr, /pipelines\/p\.yaml:4:\d+: .*a file cannot be appended to/);
});
