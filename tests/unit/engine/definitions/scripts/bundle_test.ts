import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { ProjectFiles } from "../../../../../engine/definitions/read_files.ts";
import type { ScriptBundle } from "../../../../../engine/definitions/scripts/bundle_script.ts";
import { ScriptBundles } from "../../../../../engine/definitions/scripts/script_bundles.ts";
import { ProjectFixture } from "../project_fixture.ts";

const SCRIPT = "scripts/orders.ts";

type Files = Readonly<Record<string, string | Uint8Array>>;

/** A package as an installation leaves it. */
function installed(name: string, version: string, files: Readonly<Record<string, string>>): Files {
  const base = `node_modules/${name}`;
  return {
    ...Object.fromEntries(Object.entries(files).map(([path, content]) => [`${base}/${path}`, content])),
    [`${base}/package.json`]: JSON.stringify({ name, version, ...JSON.parse(files["package.json"] ?? "{}") }),
  };
}

const lockOf = (...packages: string[]): Files => ({
  "deno.lock": JSON.stringify({
    version: "5",
    specifiers: Object.fromEntries(packages.map((one) => [`npm:${one}`, one.slice(one.indexOf("@", 1) + 1)])),
    npm: Object.fromEntries(packages.map((one) => [one, { integrity: "sha512-x" }])),
  }),
});

async function bundleIn(dir: string, bundles = new ScriptBundles()): Promise<ScriptBundle> {
  const bundle = await bundles.of(await ProjectFiles.open(dir)).bundle(SCRIPT);
  if ("faults" in bundle) throw new Error(JSON.stringify(bundle.faults));
  return bundle;
}

async function bundleOf(files: Files): Promise<ScriptBundle> {
  await using project = await ProjectFixture.create(files);
  return await bundleIn(project.dir);
}

async function faultsOf(files: Files): Promise<string[]> {
  await using project = await ProjectFixture.create(files);
  return await faultsIn(project.dir);
}

async function faultsIn(dir: string): Promise<string[]> {
  const found = await new ScriptBundles().of(await ProjectFiles.open(dir)).bundle(SCRIPT);
  ok("faults" in found, "it was bundled");
  return found.faults.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`);
}

/** What the bundle yields, as a sandbox imports it: from no file at all. */
async function yieldedBy({ code }: ScriptBundle): Promise<unknown[]> {
  const module: { default(): AsyncIterable<unknown> } = await import(
    `data:text/javascript,${encodeURIComponent(code)}`
  );
  return await Array.fromAsync(module.default());
}

Deno.test("a script and what it imports become one module", async () => {
  const bundle = await bundleOf({
    [SCRIPT]: `
      import type { ScriptContext } from "sluice";
      import { Buffer } from "node:buffer";
      import codes from "./lib/codes.json" with { type: "json" };
      import sql from "./lib/q.sql" with { type: "text" };
      import { double } from "./lib/double.ts";
      import { four } from "./lib/four.js";
      export default async function* (_ctx: ScriptContext) {
        yield [codes.a, sql, double(four), Buffer.from("a").toString("hex")];
        yield (await import("./lib/four.js")).four;
      }
      export const write = () => {};`,
    "scripts/lib/codes.json": '{ "a": 1 }',
    "scripts/lib/q.sql": "select 1",
    "scripts/lib/double.ts": "export const double = (n: number): number => 2 * n;",
    "scripts/lib/four.js": "export const four = 4;",
  });
  deepStrictEqual(await yieldedBy(bundle), [[1, "select 1", 8, "61"], 4]);
  deepStrictEqual(bundle.exports.toSorted(), ["default", "write"]);
  deepStrictEqual(bundle.sources.map(({ path }) => path), [
    "scripts/lib/codes.json",
    "scripts/lib/double.ts",
    "scripts/lib/four.js",
    "scripts/lib/q.sql",
    SCRIPT,
  ]);
  deepStrictEqual(bundle.warnings, []);
});

Deno.test("an error names the line of the user's own file", async () => {
  const bundle = await bundleOf({
    [SCRIPT]: `import { fail } from "./fail.ts";\n\nexport default async function* () {\n  fail();\n}\n`,
    "scripts/fail.ts":
      `interface Left {\n  out: string;\n}\n\nexport function fail(): never {\n  throw new Error("no");\n}\n`,
  });
  await rejects(yieldedBy(bundle), ({ stack }: Error) => {
    match(
      stack ?? "",
      /fail \(project:\/\/\/scripts\/fail\.ts:6:9\)\n.*project:\/\/\/scripts\/orders\.ts:4:3/,
    );
    return true;
  });
});

Deno.test("packages go in as they are installed", async () => {
  const files = {
    [SCRIPT]: `
      import { deep } from "esm-one/deep";
      import Emitter from "cjs-one";
      import { alias } from "alias";
      import asked from "npm:cjs-one@1.0.0";
      export default async function* () {
        const emitter = new Emitter();
        yield [deep, alias, emitter.on("x", () => {}) === emitter, emitter.mode, asked === Emitter];
      }`,
    "deno.json": '{ "imports": { "alias": "npm:esm-one@2.0.0", "sluice": "./scripts/sluice.d.ts" } }',
    ...installed("esm-one", "2.0.0", {
      "package.json": JSON.stringify({
        type: "module",
        exports: {
          ".": { browser: "./no.js", module: "./index.js", import: "./no.js" },
          "./deep": "./lib/deep.js",
        },
      }),
      "index.js": 'export { deep as alias } from "./lib/deep.js";',
      "lib/deep.js": 'export const deep = "deep";',
    }),
    ...installed("cjs-one", "1.0.0", {
      "index.js": `const EventEmitter = require("events");
        const { inherits } = require("node:util");
        class Own extends EventEmitter {}
        Own.prototype.mode = process.env.NODE_ENV + typeof inherits;
        module.exports = Own;`,
    }),
    ...lockOf("esm-one@2.0.0", "cjs-one@1.0.0"),
  };
  const bundle = await bundleOf(files);
  deepStrictEqual(await yieldedBy(bundle), [["deep", "deep", true, "productionfunction", true]]);
  deepStrictEqual(bundle.sources.map(({ path }) => path), [SCRIPT]);
});

Deno.test("packages are held against the lock", async (t) => {
  const script = { [SCRIPT]: `\nimport "one";\nexport default async function* () {}`, "package.json": "{}" };
  const one = installed("one", "1.0.0", { "index.js": "" });
  const at = `${SCRIPT}:2:8: `;

  await t.step("one that is not there", async () => {
    deepStrictEqual(await faultsOf({ ...script, ...lockOf("one@1.0.0") }), [
      `${at}"one" is not to be found in node_modules: where package.json or deno.json names "one", run ` +
      "`sluice deno install`; else `sluice deno add npm:one`",
    ]);
    deepStrictEqual(await faultsOf({ [SCRIPT]: script[SCRIPT], "deno.json": "{}" }), [
      `${at}"one" is not to be found in node_modules: put "nodeModulesDir": "auto" into deno.json, then ` +
      "`sluice deno add npm:one`",
    ]);
  });
  await t.step("without a lock", async () => {
    deepStrictEqual(await faultsOf({ ...script, ...one }), [
      `${at}package "one" is not locked: run \`sluice deno install\`, which writes deno.lock, and commit that`,
    ]);
  });
  await t.step("another version", async () => {
    deepStrictEqual(await faultsOf({ ...script, ...one, ...lockOf("one@1.0.1_two@2.0.0") }), [
      `${at}node_modules has one 1.0.0, and deno.lock names 1.0.1: run \`sluice deno install\``,
    ]);
  });
  await t.step("one that a package needs", async () => {
    const outer = installed("one", "1.0.0", { "index.js": 'require("two");' });
    const two = installed("two", "1.0.0", { "index.js": "" });
    deepStrictEqual(await faultsOf({ ...script, ...outer, ...two, ...lockOf("one@1.0.0") }), [
      "node_modules/one/index.js:1:9: node_modules has two 1.0.0, and deno.lock does not name it: run " +
      "`sluice deno install`",
    ]);
  });
  await t.step("a lock of npm", async () => {
    const lock = (version: string) => ({
      "package-lock.json": JSON.stringify({ packages: { "": {}, "node_modules/one": { version } } }),
    });
    await bundleOf({ ...script, ...one, ...lock("1.0.0") });
    match(
      (await faultsOf({ ...script, ...one, ...lock("1.0.2") }))[0] ?? "",
      /package-lock\.json names 1\.0\.2/,
    );
  });
  await t.step("one that is asked for in another version", async () => {
    const asking = { [SCRIPT]: 'import "npm:one@^2";' };
    deepStrictEqual(await faultsOf({ ...asking, ...one, ...lockOf("one@1.0.0") }), [
      `${SCRIPT}:1:8: node_modules has one 1.0.0, and deno.lock does not have npm:one@^2: run ` +
      "`sluice deno add npm:one@^2`",
    ]);
  });
  await t.step("native code", async () => {
    const native = installed("one", "1.0.0", { "index.js": 'require("./a.node");', "a.node": "" });
    match(
      (await faultsOf({ ...script, ...native, ...lockOf("one@1.0.0") }))[0] ?? "",
      /native code .*a\.node/,
    );
  });
  await t.step("a lock that cannot be read", async () => {
    match(
      (await faultsOf({ ...script, ...one, "deno.lock": "{" }))[0] ?? "",
      /^deno\.lock:1:1: cannot be read/,
    );
  });
});

Deno.test("what a script cannot import is a fault with its place", async () => {
  const imports: readonly (readonly [string, RegExp])[] = [
    ['import a from "https://example.com/a.ts";', /is on the network/],
    ['import a from "jsr:@std/path";', /of JSR/],
    ['import a from "file:///etc/passwd" with { type: "text" };', /cannot be imported/],
    ['import a from "/etc/passwd" with { type: "text" };', /cannot be imported/],
    ['import a from "data:text/javascript,1";', /cannot be imported/],
    ['import a from "../connectors.json" with { type: "json" };', /outside of scripts\//],
    ['import a from "../../../../etc/passwd" with { type: "text" };', /outside of scripts\//],
    ['import a from "../.env" with { type: "text" };', /outside of scripts\//],
    ['import a from ".hidden.ts";', /hidden/],
    ['import a from "./lib";', /needs its ending: write ".\/lib\.ts"/],
    ['import a from "./page.html";', /is no module/],
    ['import a from "./none.ts";', /leads to scripts\/none\.ts, which is not there/],
    ['import a from "./out.ts";', /leads out of the project by a symbolic link/],
    ['import a from "node:fs";', /no files, network and processes/],
    ['import a from "child_process";', /no files, network and processes/],
    ['import a from "node:cripto";', /no module "node:cripto" \(did you mean node:crypto\?\)/],
    ['import { a } from "sluice";', /types only/],
    ['import { a } from "./sluice.d.ts";', /types only/],
    ['import a from "#own";', /relative path/],
    ['import a from "lib.ts";', /write ".\/lib\.ts"/],
    ["const a = await import(globalThis.name);", /named by a plain text/],
    ["const a = require(globalThis.name);", /named by a plain text/],
  ];
  await using project = await ProjectFixture.create({
    [SCRIPT]: "",
    "scripts/lib.ts": "export default 1;",
    "scripts/.hidden.ts": "export default 1;",
    "connectors.json": "{}",
  });
  await Deno.symlink("/etc/hostname", join(project.dir, "scripts/out.ts"));
  for (const [line, message] of imports) {
    await project.write(SCRIPT, `\n${line}\nexport { a };\n`);
    const [fault = "", ...others] = await faultsIn(project.dir);
    match(fault, message);
    match(fault, /^scripts\/orders\.ts:2:\d+: /);
    deepStrictEqual(others, [], line);
  }
});

Deno.test("an import that is put together takes no file in", async () => {
  for (const line of ['import("../" + globalThis.name + ".json")', "require(`../${globalThis.name}.json`)"]) {
    const [fault = "", ...others] = await faultsOf({
      [SCRIPT]: `export const a = ${line};`,
      "secret.json": "{}",
    });
    match(fault, /^scripts\/orders\.ts:1:\d+: it would import secret\.json by a name that is put together/);
    deepStrictEqual(others, []);
  }
});

Deno.test("a module of node_modules that leads out of it is refused", async () => {
  await using project = await ProjectFixture.create({
    [SCRIPT]: 'import "one";\nimport "two";\n',
    "secret.json": "{}",
    ...installed("one", "1.0.0", { "index.js": 'require("../../secret.json");' }),
    ...installed("two", "1.0.0", { "index.js": 'require("./passwd.json");' }),
    ...lockOf("one@1.0.0", "two@1.0.0"),
  });
  await Deno.symlink("/etc/hostname", join(project.dir, "node_modules/two/passwd.json"));
  const faults = await faultsIn(project.dir);
  strictEqual(faults.length, 2);
  for (const fault of faults) match(fault, /leads out of the project's node_modules/);
});

Deno.test("code that does not parse is a fault with its place", async () => {
  deepStrictEqual(await faultsOf({ [SCRIPT]: 'const ü = "ö"; const = 1;\n' }), [
    `${SCRIPT}:1:22: Expected identifier but found "="`,
  ]);
});

Deno.test("a bundle is made again only when what went into it has changed", async () => {
  await using project = await ProjectFixture.create({
    [SCRIPT]: 'import "one"; import { a } from "./a.ts"; export default async function* () { yield a; }',
    "scripts/a.ts": "export const a = 1;",
    ...installed("one", "1.0.0", { "index.js": "globalThis.one = 1;" }),
    ...lockOf("one@1.0.0"),
  });
  const bundles = new ScriptBundles();
  const first = await bundleIn(project.dir, bundles);
  strictEqual(await bundleIn(project.dir, bundles), first);

  await project.write("scripts/a.ts", "export const a = 22;");
  const second = await bundleIn(project.dir, bundles);
  deepStrictEqual(await yieldedBy(second), [22]);

  await project.write("node_modules/one/index.js", "globalThis.one = 333;");
  const third = await bundleIn(project.dir, bundles);
  ok(third.code.includes("333"));

  await project.write("deno.lock", "{}");
  await rejects(bundleIn(project.dir, bundles), /is not locked|does not name/);
});

Deno.test("the same files make the same bundle wherever the project lies", async () => {
  const files = {
    [SCRIPT]:
      'import { a } from "./a.ts"; import b from "one"; export default async function* () { yield [a, b]; }',
    "scripts/a.ts": "export const a = 1;",
    ...installed("one", "1.0.0", { "index.js": "module.exports = 1;" }),
    ...lockOf("one@1.0.0"),
  };
  strictEqual((await bundleOf(files)).code, (await bundleOf(files)).code);
});
