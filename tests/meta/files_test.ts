import { deepStrictEqual, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { ROOT } from "./module_graph.ts";

/** Everything that is in git; without git, everything that would be. */
async function trackedFiles(): Promise<string[]> {
  const { code, stdout } = await new Deno.Command("git", {
    args: ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd: ROOT,
    stdin: "null",
    stderr: "null",
  }).output().catch(() => ({ code: 1, stdout: new Uint8Array() }));
  if (code !== 0) return await walk("");
  const listed = new TextDecoder().decode(stdout).split("\0").filter((path) => path !== "");
  const present = await Promise.all(
    listed.map((path) => Deno.stat(join(ROOT, path)).then((info) => info.isFile, () => false)),
  );
  return listed.filter((_, index) => present[index]);
}

const LEFT_OUT: ReadonlySet<string> = new Set([".git", "node_modules", "dist", ".sluice", "out"]);

async function walk(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(join(ROOT, folder))) {
    if (LEFT_OUT.has(entry.name)) continue;
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory) files.push(...await walk(path));
    else files.push(path);
  }
  return files;
}

const isText = (path: string) =>
  /\.(?:tsx?|jsx?|json|ya?ml|sql|md|css|sh|svg|lock|toml)$|(?:^|\/)\.?[^.]+$/.test(path);
/** Data of the examples is as its makers published it. */
const isData = (path: string) => /^examples\/[^/]+\/data\//.test(path);

async function linesThatMatch(pattern: RegExp, accept: (path: string) => boolean): Promise<string[]> {
  const found: string[] = [];
  const self = "tests/meta/files_test.ts";
  for (const path of await trackedFiles()) {
    if (path === self || isData(path) || !isText(path) || !accept(path)) continue;
    const lines = (await Deno.readTextFile(join(ROOT, path))).split("\n");
    for (const [index, line] of lines.entries()) {
      if (pattern.test(line)) found.push(`${path}:${index + 1}: ${line.trim().slice(0, 160)}`);
    }
  }
  return found;
}

Deno.test("no file names a path of the machine it was written on", async () => {
  deepStrictEqual(
    await linesThatMatch(/\/root\/|\/work\/(?:main|shared)|\/home\/[a-z]+\/(?!\.cache)/, () => true),
    [],
  );
});

Deno.test("no file names a package registry's host", async () => {
  deepStrictEqual(
    await linesThatMatch(/registry\.npmjs\.org|registry\.yarnpkg\.com|\bjsr\.io\b|deno\.land\/x/, () => true),
    [],
  );
});

Deno.test("the lock file names npm packages only, without addresses", async () => {
  const text = await Deno.readTextFile(join(ROOT, "deno.lock"));
  ok(!text.includes('"tarball"') && !/https?:/.test(text), "deno.lock has addresses in it");
  const lock: Record<string, unknown> = JSON.parse(text);
  deepStrictEqual(
    Object.keys(lock).filter((key) => !["version", "specifiers", "npm", "workspace"].includes(key)),
    [],
  );
});

Deno.test("package.json pins every package to one version", async () => {
  const config: Readonly<Record<"dependencies" | "devDependencies", Record<string, string>>> = JSON.parse(
    await Deno.readTextFile(join(ROOT, "package.json")),
  );
  const versions = [...Object.entries(config.dependencies), ...Object.entries(config.devDependencies)];
  ok(versions.length > 10);
  deepStrictEqual(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)), []);
});

Deno.test("a suppression says why it is there", async () => {
  const isSource = (path: string) => /\.tsx?$/.test(path);
  deepStrictEqual(await linesThatMatch(/@ts-(?:ignore|nocheck)/, isSource), []);
  deepStrictEqual(
    await linesThatMatch(/(?:deno-lint-ignore(?:-file)?|@ts-expect-error)(?!.* -- \S)/, isSource),
    [],
  );
});

Deno.test("no source uses any", async () => {
  deepStrictEqual(
    await linesThatMatch(/(?:: *|<|\bas |\| )any\b(?=[;,)>[\]|]| [=|{&])/, (path) => /\.tsx?$/.test(path)),
    [],
  );
});

Deno.test("the schema that an example's file names is there", async () => {
  const examples = (await trackedFiles()).filter((path) =>
    /^examples\/.*\.ya?ml$/.test(path) && !isData(path)
  );
  ok(examples.length > 0);
  const wrong: string[] = [];
  for (const path of examples) {
    const named = /yaml-language-server: *\$schema=(\S+)/.exec(await Deno.readTextFile(join(ROOT, path)))
      ?.[1];
    // The starter is copied to where the schemas are not.
    if (named === undefined) {
      if (!path.startsWith("examples/starter/")) wrong.push(`${path} names no schema`);
    } else if (!await Deno.stat(join(ROOT, dirname(path), named)).then(() => true, () => false)) {
      wrong.push(`${path} names ${named}, which is not there`);
    }
  }
  deepStrictEqual(wrong, []);
});
