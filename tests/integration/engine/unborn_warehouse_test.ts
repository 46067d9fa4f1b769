import { equal } from "node:assert/strict";
import { join } from "node:path";
import { TestProject } from "../../support/test_project.ts";

Deno.test("a warehouse file whose making was cut off by a kill is made anew", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/p.yaml": "extract:\n  a: { connector: files, path: a.csv }\n",
    "a.csv": "x\n1\n",
  });
  const warehouse = join(project.dataDir, "warehouse");
  await Deno.mkdir(warehouse, { recursive: true });
  const path = join(warehouse, "p.duckdb");
  await Deno.writeFile(path, new Uint8Array(0));
  await Deno.utime(path, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
  const { code, stdout, stderr } = await project.sluice("run", ["p"]);
  equal(code, 0, stdout + stderr);
});
