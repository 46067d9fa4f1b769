import { deepEqual } from "node:assert/strict";
import { formatFault } from "../../../../text/fault.ts";
import { withTriggerFaults } from "../../../../engine/definitions/check_triggers.ts";
import { loadProject } from "../../../../engine/definitions/load.ts";
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
