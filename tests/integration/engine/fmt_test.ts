import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { TestProject } from "../../support/test_project.ts";

Deno.test("sluice fmt --check names what would change, fmt changes it, and what it does not know stays", async () => {
  await using project = await TestProject.create({
    "pipelines/a.yaml": "timeout: 1m\n",
    "transforms/a/deep/one.sql": "/* @sluice\ntags: [x]\n*/\nselect 1 as n\n",
    "transforms/a/two.sql": "SELECT\n  2 AS n\n",
    "transforms/a/three.sql": "select {{ jinja }}\n",
    "macros/plus.sql": "create macro plus(a) as a+1;\n",
  });
  const read = (path: string) => Deno.readTextFile(join(project.projectDir, path));
  const checked = await project.sluice("fmt", ["--check", "--json"]);
  strictEqual(checked.code, 1, checked.stderr);
  const { formatted, unchanged, kept } = JSON.parse(checked.stdout);
  deepStrictEqual(formatted, ["macros/plus.sql", "transforms/a/deep/one.sql"]);
  deepStrictEqual(unchanged, ["transforms/a/two.sql"]);
  deepStrictEqual(kept.map(({ file }: { file: string }) => file), ["transforms/a/three.sql"]);
  strictEqual(await read("macros/plus.sql"), "create macro plus(a) as a+1;\n");

  const one = await project.sluice("fmt", ["transforms/a/deep", "macros/plus.sql"]);
  strictEqual(one.code, 0, one.stderr);
  strictEqual(await read("transforms/a/deep/one.sql"), "/* @sluice\ntags: [x]\n*/\nSELECT\n  1 AS n\n");
  match(await read("macros/plus.sql"), /a \+ 1/);
  strictEqual((await project.sluice("fmt", ["--check"])).code, 0);
  strictEqual((await project.sluice("fmt", ["pipelines/a.yaml"])).code, 2);
  match((await project.sluice("fmt", ["none.sql"])).stderr, /no file or folder none\.sql/);
});
