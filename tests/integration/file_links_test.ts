import { equal, match, ok } from "node:assert/strict";
import { TestProject } from "../support/test_project.ts";

/** Symbolic links in a project, through whole runs with the permissions that a run has. */

const CONNECTORS = "files: { type: file }\n";

const project = (path: string) =>
  TestProject.create({
    "connectors.yaml": CONNECTORS,
    "pipelines/shop.yaml": `
extract:
  orders: { connector: files, path: "${path}" }
load:
  orders: { connector: files, path: out/orders.csv }
`,
    "data/a.csv": "id,name\n1,a\n",
    "store/x.csv": "id,name\n7,x\n",
  });

Deno.test("a link to a file inside the project is read as the file, by its name and under a glob", async () => {
  for (
    const [path, expected] of [["data/x.csv", "id,name\n7,x\n"], [
      "data/*.csv",
      "id,name\n1,a\n7,x\n",
    ]] as const
  ) {
    await using shop = await project(path);
    await Deno.symlink("../store/x.csv", `${shop.projectDir}/data/x.csv`);
    const { code, stdout, stderr } = await shop.sluice("run", ["shop"]);
    equal(code, 0, stdout + stderr);
    equal(await Deno.readTextFile(`${shop.projectDir}/out/orders.csv`), expected);
  }
});

Deno.test("a linked folder under a glob is left out, and the log says so", async () => {
  await using shop = await project("data/**/*.csv");
  await Deno.symlink("../store", `${shop.projectDir}/data/more`);
  const { code, stdout, stderr } = await shop.sluice("run", ["shop"]);
  equal(code, 0, stdout + stderr);
  equal(await Deno.readTextFile(`${shop.projectDir}/out/orders.csv`), "id,name\n1,a\n");
  match(stdout + stderr, /"data\/more" is a link to a folder and is left out of wildcards/);
});

Deno.test("a link that leads out of the project is refused by name, and nothing is loaded", async () => {
  for (const path of ["data/x.csv", "data/*.csv"]) {
    await using shop = await project(path);
    await Deno.writeTextFile(`${shop.folder}/outside.csv`, "id,name\n9,no\n");
    await Deno.symlink(`${shop.folder}/outside.csv`, `${shop.projectDir}/data/x.csv`);
    const { code, stdout, stderr } = await shop.sluice("run", ["shop"]);
    ok(code !== 0, stdout + stderr);
    match(stdout + stderr, /data\/x\.csv/);
    equal(await Deno.stat(`${shop.projectDir}/out/orders.csv`).then(() => true, () => false), false);
  }
});
