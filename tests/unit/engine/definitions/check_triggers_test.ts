import { deepEqual } from "node:assert/strict";
import { formatFault } from "../../../../text/fault.ts";
import { withTriggerFaults } from "../../../../engine/definitions/check_triggers.ts";
import { loadProject } from "../../../../engine/definitions/load.ts";
import { sluice } from "../../../../connectors/sluice/connector.ts";
import { CONNECTOR_TYPES, ProjectFixture } from "./project_fixture.ts";

/** The faults of pipelines that say what they run after, in order of their files. */
async function faults(after: Readonly<Record<string, string>>, others = new Map()): Promise<string[]> {
  await using project = await ProjectFixture.create(
    Object.fromEntries(Object.entries(after).map(([name, text]) => [`pipelines/${name}.yaml`, text])),
  );
  const { pipelines } = await loadProject(project.dir, { connectorTypes: CONNECTOR_TYPES });
  return withTriggerFaults(pipelines, others).flatMap(({ faults }) =>
    faults.filter(({ severity }) => severity === "error").map(formatFault)
  );
}

Deno.test("pipelines run after others that there are, and never after themselves", async () => {
  deepEqual(
    await faults({ a: "tags: [x]", b: "after: [a]", c: "after: { all: [a, b] }", d: "after: { any: [c] }" }),
    [],
  );
  deepEqual(await faults({ orders: "tags: [x]", b: "after:\n  any: [orders, ordrs]\n" }), [
    'pipelines/b.yaml:2:17: after.any[1]: there is no pipeline "ordrs" (did you mean orders?)',
  ]);
  deepEqual(await faults({ a: "after: [a]" }), [
    "pipelines/a.yaml:1:9: after[0]: a pipeline cannot run after itself",
  ]);
  deepEqual(
    await faults({ a: "after: [c]", b: "after: [a]", c: "after: { all: [d, b] }", d: "after: [other]" }),
    [
      "pipelines/a.yaml:1:9: after[0]: a would run after itself: a after c after b after a",
      "pipelines/b.yaml:1:9: after[0]: b would run after itself: b after a after c after b",
      "pipelines/c.yaml:1:19: after.all[1]: c would run after itself: c after b after a after c",
      'pipelines/d.yaml:1:9: after[0]: there is no pipeline "other" (there are a, b and c)',
    ],
  );
  // Those that are in force beside the files, and one that is wrong in another place.
  deepEqual(await faults({ a: "after: [other]", b: "after: [a]" }, new Map([["other", undefined]])), []);
  deepEqual(await faults({ a: "after: [other]" }, new Map([["other", { all: ["a"] }]])), [
    "pipelines/a.yaml:1:9: after[0]: a would run after itself: a after other after a",
  ]);
  deepEqual((await faults({ a: "after: [b]\nretry: 3", b: "after: [a]" })).length, 3);
});

Deno.test("after: reads stands for the pipelines whose published models are read, any or all", async () => {
  const streams = (...addresses: string[]) =>
    `extract:\n${addresses.map((one, i) => `  s${i}: { connector: sluice, stream: ${one} }\n`).join("")}`;
  await using project = await ProjectFixture.create({
    "pipelines/any.yaml": `after: reads\n${streams("shop.daily", "crm.people", "shop.weekly")}`,
    "pipelines/all.yaml": `after: { all: reads }\n${streams("shop.daily", "crm.people")}`,
    "pipelines/none.yaml": "after: reads\n",
    "pipelines/shop.yaml": "tags: [x]",
    "pipelines/crm.yaml": `after: [any]`,
  });
  const types = [...CONNECTOR_TYPES, sluice];
  const pipelines = withTriggerFaults((await loadProject(project.dir, { connectorTypes: types })).pipelines);
  deepEqual(Object.fromEntries(pipelines.map(({ name, definition }) => [name, definition?.after])), {
    all: { all: ["shop", "crm"] },
    any: ["shop", "crm"],
    crm: ["any"],
    none: "reads",
    shop: undefined,
  });
  deepEqual(
    pipelines.flatMap(({ faults }) => faults.map(formatFault)).filter((text) => text.includes("after")),
    [
      "pipelines/any.yaml:1:1: after[1]: any would run after itself: any after crm after any",
      "pipelines/crm.yaml:1:9: after[0]: crm would run after itself: crm after any after crm",
      "pipelines/none.yaml:1:1: after: reads needs a stream that reads what another pipeline publishes: connector: sluice",
    ],
  );
});

Deno.test("sensors wait for files of connectors that have some, each once", async () => {
  const types = CONNECTOR_TYPES.map((type) => type.name === "folder" ? { ...type, hasFiles: true } : type);
  const sensor = (connector: string, path: string) => `  - { connector: ${connector}, path: "${path}" }\n`;
  await using project = await ProjectFixture.create({
    "connectors.yaml": 'files: { type: folder }\nshop: { type: database, url: "${secret:SHOP_URL}" }\n',
    "pipelines/a.yaml": `sensors:\n${
      sensor("files", "in/*.csv") + sensor("shop", "x") + sensor("none", "x") + sensor("files", "in/*.csv")
    }`,
    "pipelines/b.yaml": "sensors: [{ connector: files, path: x, every: 9s }]\n",
  });
  const { pipelines } = await loadProject(project.dir, { connectorTypes: types });
  const found = pipelines.flatMap(({ faults }) =>
    faults.filter(({ severity }) => severity === "error").map(formatFault)
  );
  deepEqual(found, [
    'pipelines/a.yaml:3:18: sensors[1].connector: "shop" (database) has no files that could be waited for; folder have',
    'pipelines/a.yaml:4:18: sensors[2].connector: unknown connector "none"; connectors.yaml has files and shop',
    "pipelines/a.yaml:5:31: sensors[3].path: is the same as sensors[0]",
    'pipelines/b.yaml:1:47: sensors[0].every: expected 10s or more but got "9s"',
  ]);
});

Deno.test("after is a list, any or all", async () => {
  const [empty] = await faults({ a: "after: []" });
  const [both] = await faults({ a: "after: { any: [b], all: [c] }" });
  const [number] = await faults({ a: "after: 1" });
  deepEqual([empty, both, number].map((fault) => fault?.startsWith("pipelines/a.yaml:1:")), [
    true,
    true,
    true,
  ]);
});
