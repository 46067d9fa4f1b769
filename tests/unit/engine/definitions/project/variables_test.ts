import assert from "node:assert/strict";
import { connectors } from "../../../../../connectors/registry.ts";
import { parseProjectFile } from "../../../../../engine/definitions/project/project_file.ts";
import { loadProject } from "../../../../../engine/definitions/load.ts";
import { revisionId } from "../../../../../engine/definitions/revision.ts";
import { formatFault } from "../../../../../text/fault.ts";
import { ProjectFixture } from "../project_fixture.ts";

async function load(files: Readonly<Record<string, string>>) {
  await using project = await ProjectFixture.create(files);
  const loaded = await loadProject(project.dir, { connectorTypes: connectors });
  const [pipeline, other] = loaded.pipelines;
  assert(pipeline);
  return {
    pipeline,
    other,
    params: pipeline.definition?.params ?? {},
    faults: [...loaded.faults, ...pipeline.faults].map(formatFault),
  };
}

const PIPELINE = "transform: orders\n";

Deno.test("a pipeline has the project's variables that it reads as params", async () => {
  const { params, faults, other } = await load({
    "project.yaml": `variables:
  rate: { type: number, default: 0.2 }
  since: { type: date, default: 2024-01-01 }
  grain: { default: day, enum: [day, month] }
  unread: { default: x }
`,
    "pipelines/orders.yaml": PIPELINE,
    "pipelines/other.yaml": "transform: other\n",
    "transforms/orders/daily.sql": `/* @sluice
checks:
  - sql: SELECT * FROM daily WHERE grain <> getvariable('GRAIN')
*/
SELECT getvariable('rate') AS r, getvariable ( 'since' ) AS s`,
    "transforms/other/plain.sql": "SELECT 1 AS one",
  });
  assert.deepEqual(faults, []);
  assert.deepEqual(Object.keys(params), ["rate", "since", "grain"]);
  assert.equal(params["rate"]?.default, 0.2);
  assert.deepEqual(other?.definition?.params, {});
});

Deno.test("a stream's where and address read the project's variables", async () => {
  const { params, faults } = await load({
    "connectors.yaml": "files: { type: file, root: . }\n",
    "project.yaml": "variables:\n  region: { default: eu }\n  least: { type: integer, default: 3 }\n",
    "pipelines/orders.yaml": `extract:
  orders: { connector: files, path: "data/\${param:region}.csv", where: "amount > getvariable('least')" }
`,
  });
  assert.deepEqual(faults, []);
  assert.deepEqual(Object.keys(params), ["region", "least"]);
});

Deno.test("a param of the pipeline goes before a variable of its name", async () => {
  const { params } = await load({
    "project.yaml": "variables:\n  Rate: { type: number, default: 0.2 }\n",
    "pipelines/orders.yaml": `${PIPELINE}params: { rate: { type: integer, default: 7 } }\n`,
    "transforms/orders/daily.sql": "SELECT getvariable('rate') AS r",
  });
  assert.deepEqual(Object.keys(params), ["rate"]);
  assert.equal(params["rate"]?.type, "integer");
});

Deno.test("a changed variable is a new revision of the pipelines that read it only", async () => {
  const revisionsWith = async (rate: number) => {
    const { pipeline, other } = await load({
      "project.yaml": `variables:\n  rate: { type: number, default: ${rate} }\n`,
      "pipelines/a.yaml": "transform: a\n",
      "pipelines/b.yaml": "transform: b\n",
      "transforms/a/m.sql": "SELECT getvariable('rate') AS r",
      "transforms/b/m.sql": "SELECT 1 AS r",
    });
    return await Promise.all([pipeline, other].map((loaded) => {
      assert(loaded?.definition);
      const { name, definition, files, connectors } = loaded;
      return revisionId({ pipeline: name, definition, files, connectors });
    }));
  };
  const [before, after] = [await revisionsWith(0.2), await revisionsWith(0.3)];
  assert.notEqual(before[0], after[0]);
  assert.equal(before[1], after[1]);
});

Deno.test("faults of project.yaml have their places, and stop the pipelines that read what is wrong", async () => {
  const { faults, pipeline, other } = await load({
    "project.yaml": `variables:
  rate: { type: number, default: high }
  run_id: { default: x }
  needed: { type: date }
  good: { default: 1x }
macros: {}
`,
    "pipelines/a.yaml": "transform: a\n",
    "pipelines/b.yaml": "transform: b\n",
    "transforms/a/m.sql": "SELECT getvariable('rate') AS r",
    "transforms/b/m.sql": "SELECT getvariable('good') AS r",
  });
  assert.deepEqual(faults.map((fault) => fault.replace(/"(.*)"/, "…")), [
    "project.yaml:4:3: variables.needed.default: a variable of the project needs a default, as no run has to " +
    "give it (or required: false, to be NULL)",
    "project.yaml:6:1: macros: unknown key; it can have $schema, variables, environments and rules",
    "project.yaml:2:34: variables.rate.default: must be a number, but got …",
    "project.yaml:3:11: variables.run_id: run_id is a variable of every run: use another name",
    "pipelines/a.yaml:1:1: it reads the variable rate, and project.yaml has a fault there",
  ]);
  assert.deepEqual(pipeline.sketch?.mutedParams, ["rate"]);
  assert.deepEqual(other?.faults, []);
});

Deno.test("a project.yaml that cannot be read stops what may read it", async () => {
  const { faults } = await load({
    "project.yaml": "variables: {",
    "pipelines/a.yaml": "transform: a\n",
    "transforms/a/m.sql": "SELECT getvariable('rate') AS r, getvariable('run_id') AS id",
  });
  assert.match(faults[0] ?? "", /^project\.yaml:1:\d+: not valid YAML/);
  assert.equal(
    faults[1],
    "pipelines/a.yaml:1:1: it reads the variable rate, and project.yaml has a fault there",
  );
  assert.equal(faults.length, 2);
});

Deno.test("parseProjectFile() takes an empty list of variables and refuses what is none", () => {
  assert.deepEqual(parseProjectFile("variables: {}\n").faults, []);
  const [fault] = parseProjectFile("variables: [a]\n").faults;
  assert.match(fault?.message ?? "", /^variables: /);
});
