import { equal, match } from "node:assert/strict";
import { dirname, join } from "node:path";
import { CODE_FOLDERS } from "../../server/program.ts";
import { copy } from "../support/copy_folder.ts";

const ROOT = join(import.meta.dirname ?? ".", "../..");
const VISIT = `192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326\n`;

/** The manual's blocks of code that name their file in the first line. */
function blocksOf(page: string): Map<string, string> {
  const blocks = page.matchAll(/^```(?:ts|yaml)\n(?:\/\/|#) (\S+?\.(?:ts|yaml))(?:, [^\n]*)?\n(.*?)^```$/gms);
  return new Map(Array.from(blocks, ([, path = "", text = ""]) => [path, text]));
}

async function deno(cwd: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const printed = new TextDecoder().decode(stdout);
  return { code, printed, said: printed + new TextDecoder().decode(stderr) };
}

Deno.test("a connector written by the manual's guide is checked, tested and run as it says", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-guide-" });
  try {
    const tree = join(folder, "sluice");
    for (const part of [...CODE_FOLDERS, "server", "ui", "docs/schema"]) {
      await copy(join(ROOT, part), join(tree, part));
    }
    for (const part of ["package.json", "deno.json", "deno.lock", "tsconfig.json"]) {
      await Deno.copyFile(join(ROOT, part), join(tree, part));
    }
    await Deno.symlink(join(ROOT, "node_modules"), join(tree, "node_modules"));

    const blocks = blocksOf(await Deno.readTextFile(join(ROOT, "docs/connector_guide.md")));
    const project = join(folder, "project");
    for (const [path, text] of blocks) {
      const file = path.endsWith(".ts") ? join(tree, path) : join(project, path);
      if (path === "connectors/registry.ts") {
        const registry = await Deno.readTextFile(file);
        await Deno.writeTextFile(file, text + registry.replace(/\n\];\n$/, "\n  accesslog,\n];\n"));
      } else {
        await Deno.mkdir(dirname(file), { recursive: true });
        await Deno.writeTextFile(file, text);
      }
    }
    equal(blocks.size, 7, [...blocks.keys()].join(", "));

    const test = "tests/unit/connectors/accesslog/source_test.ts";
    const tested = await deno(
      tree,
      "test",
      "-A",
      "--check",
      "--quiet",
      test,
      "connectors/accesslog/connector.ts",
    );
    equal(tested.code, 0, tested.said);
    match(tested.said, /ok \| 2 passed \| 0 failed/);

    const log = join(project, "logs/access.log");
    await Deno.mkdir(dirname(log));
    await Deno.writeTextFile(log, VISIT.repeat(150) + "hello\n");
    const sluice = (...args: string[]) =>
      deno(tree, "run", "-A", "--quiet", "server/main.ts", ...args, "--project", project);
    const rows = async () => {
      const { code, printed, said } = await sluice("run", "visits", "--json");
      equal(code, 0, said);
      return JSON.parse(printed.trim().split("\n").at(-1) ?? "").rows_extracted;
    };
    equal(await rows(), 150);
    await Deno.writeTextFile(log, VISIT.repeat(3), { append: true });
    equal(await rows(), 3);
    const checked = await sluice("check");
    match(checked.said, /1 pipeline and no models: no errors/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
