import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { sluiceArgs } from "../../support/sluice_server.ts";
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

Deno.test("sluice fmt shows what would change, and formats stdin outside of any project", async () => {
  await using project = await TestProject.create({
    "pipelines/a.yaml": "timeout: 1m\n",
    "transforms/a/one.sql": "select 1 as n\n",
  });
  const shown = await project.sluice("fmt", ["--diff"]);
  strictEqual(shown.code, 1, shown.stderr);
  match(
    shown.stdout,
    /^--- a\/transforms\/a\/one\.sql\n\+\+\+ b\/transforms\/a\/one\.sql\n@@.*\n-select 1 as n\n\+SELECT\n/,
  );
  strictEqual(await Deno.readTextFile(join(project.projectDir, "transforms/a/one.sql")), "select 1 as n\n");
  const filter = async (text: string, ...args: readonly string[]) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: sluiceArgs("fmt", "-", ...args),
      cwd: project.folder,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  };
  deepStrictEqual(await filter("select 'é' as n"), { code: 0, stdout: "SELECT\n  'é' AS n\n", stderr: "" });
  const kept = await filter("select {{ x }}\n");
  deepStrictEqual([kept.code, kept.stdout], [0, "select {{ x }}\n"]);
  match(kept.stderr, /stdin: stays as it is/);
  strictEqual((await filter("select 1", "--check")).code, 1);
});
