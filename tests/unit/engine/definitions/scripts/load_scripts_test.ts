import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import * as v from "valibot";
import type { Connector } from "../../../../../contract/connector/connector.ts";
import { bundlePath, splitFiles, writtenFiles } from "../../../../../contract/revision.ts";
import { loadProject } from "../../../../../engine/definitions/load.ts";
import { ScriptBundles } from "../../../../../engine/definitions/scripts/script_bundles.ts";
import { formatFault } from "../../../../../text/fault.ts";
import { CONNECTOR_TYPES, ProjectFixture } from "../project_fixture.ts";

const keys = v.strictObject({ script: v.string(), options: v.optional(v.strictObject({}), {}) });
const SCRIPT: Connector = {
  name: "runs_scripts",
  description: "",
  configSchema: v.strictObject({}),
  streamSchema: keys,
  loadSchema: keys,
  loadModes: ["append"],
  secrets: () => [],
  access: () => ({ hosts: [], read: [], write: [] }),
  open: () => Promise.reject(new Error("not opened in these tests")),
};

const PIPELINE = `extract:
  orders: { connector: own, script: scripts/orders.ts }
load:
  orders: { connector: own, mode: append, script: scripts/push.ts }
`;
const GOOD = {
  "connectors.yaml": "own: { type: runs_scripts }\n",
  "pipelines/shop.yaml": PIPELINE,
  "scripts/orders.ts": 'import { a } from "./lib/a.ts";\nexport default async function* () { yield a; }\n',
  "scripts/push.ts": 'import { a } from "./lib/a.ts";\nexport async function write() { await a; }\n',
  "scripts/lib/a.ts": "export const a: number = 1;\n",
  "scripts/lib/unused.ts": "export const b = 1;\n",
};

async function load(project: ProjectFixture, scripts = new ScriptBundles()) {
  const { pipelines: [pipeline] } = await loadProject(project.dir, {
    connectorTypes: [...CONNECTOR_TYPES, SCRIPT],
    scripts,
  });
  ok(pipeline);
  return { ...pipeline, texts: pipeline.faults.map(formatFault) };
}

async function faultsOf(files: Readonly<Record<string, string>>): Promise<string[]> {
  await using project = await ProjectFixture.create({ ...GOOD, ...files });
  return (await load(project)).texts;
}

Deno.test("loadProject() takes scripts, what they import and their bundles", async () => {
  await using project = await ProjectFixture.create(GOOD);
  const { texts, scripts } = await load(project);
  deepStrictEqual(texts, []);
  const { models, scripts: bundles } = splitFiles(scripts);
  deepStrictEqual(models, []);
  deepStrictEqual(bundles.map(({ path }) => path), ["scripts/orders.ts", "scripts/push.ts"]);
  ok(bundles.every(({ content }) => !content.includes(": number") && content.includes("var a = 1")));
  deepStrictEqual(
    Object.fromEntries(writtenFiles(scripts).map(({ path, content }) => [path, content])),
    Object.fromEntries(
      Object.entries(GOOD).filter(([path]) => path.startsWith("scripts/") && !path.includes("unused")),
    ),
  );
});

Deno.test("a change of an imported module changes the bundle, and one of another file does not", async () => {
  await using project = await ProjectFixture.create(GOOD);
  const kept = new ScriptBundles();
  const bundle = async () =>
    (await load(project, kept)).scripts.find(({ path }) => path === bundlePath("scripts/orders.ts"))?.content;
  const first = await bundle();
  await project.write("scripts/lib/unused.ts", "export const b = 2;\n");
  strictEqual(await bundle(), first);
  await project.write("scripts/lib/a.ts", "export const a: number = 2;\n");
  notStrictEqual(await bundle(), first);
});

Deno.test("what is wrong with a script is a fault of its pipeline", async (t) => {
  await t.step("one that is not there", async () => {
    deepStrictEqual(await faultsOf({ "pipelines/shop.yaml": PIPELINE.replace("orders.ts", "order.ts") }), [
      "pipelines/shop.yaml:2:37: extract.orders.script: there is no file scripts/order.ts (did you mean scripts/orders.ts?)",
    ]);
  });
  await t.step("one that does not parse", async () => {
    deepStrictEqual(await faultsOf({ "scripts/lib/a.ts": "export const a = ;\n" }), [
      'scripts/lib/a.ts:1:18: Unexpected ";"',
    ]);
  });
  await t.step("one without the export that is called", async () => {
    const nothing = "export const nothing = 1;\n";
    deepStrictEqual(await faultsOf({ "scripts/orders.ts": nothing, "scripts/push.ts": nothing }), [
      "scripts/orders.ts:1:1: it has no default export: the script of a stream is " +
      "`export default async function* (ctx) { … yield rows }`",
      "scripts/push.ts:1:1: it does not export write: the script of a load is " +
      "`export async function write(batches, ctx) { … }`",
    ]);
  });
  await t.step("one that imports what is not there", async () => {
    deepStrictEqual(await faultsOf({ "scripts/push.ts": 'export { write } from "./no.ts";\n' }), [
      'scripts/push.ts:1:23: "./no.ts" leads to scripts/no.ts, which is not there',
    ]);
  });
});
