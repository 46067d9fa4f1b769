import assert from "node:assert/strict";
import { connectors } from "../../../../../connectors/registry.ts";
import { loadProject } from "../../../../../engine/definitions/load.ts";
import { revisionId } from "../../../../../engine/definitions/revision.ts";
import { formatFault } from "../../../../../text/fault.ts";
import { ProjectFixture } from "../project_fixture.ts";

async function load(files: Readonly<Record<string, string>>) {
  await using project = await ProjectFixture.create(files);
  const { pipelines, faults } = await loadProject(project.dir, { connectorTypes: connectors });
  const revisions = await Promise.all(
    pipelines.map(({ name, definition, files, connectors }) =>
      definition === undefined ? "none" : revisionId({ pipeline: name, definition, files, connectors })
    ),
  );
  return {
    pipelines,
    revisions,
    faults: [...faults, ...pipelines.flatMap((one) => one.faults)].map(formatFault),
  };
}

const FILES = {
  "pipelines/a.yaml": "{}",
  "pipelines/b.yaml": "{}",
  "transforms/a/m.sql": "SELECT net(amount) FROM raw.orders",
  "transforms/b/m.sql": "SELECT 1 AS net",
  "macros/money/net.sql":
    "CREATE MACRO net(g) AS g * getvariable('rate') + zero();\nCREATE MACRO gross(g) AS g;",
  "macros/zero.sql": "CREATE MACRO zero() AS 0;",
  "project.yaml": "variables: { rate: { type: number, default: 2 } }",
};

Deno.test("a pipeline has the macros that it calls, with the variables that they read", async () => {
  const { pipelines: [a, b], faults } = await load(FILES);
  assert.deepEqual(faults, [
    "macros/money/net.sql:2:14: warning: no pipeline of the project calls the macro gross",
  ]);
  assert.deepEqual(a?.files.slice(1), [
    { path: "macros/money/net.sql", content: "CREATE MACRO net(g) AS g * getvariable('rate') + zero();\n" },
    { path: "macros/zero.sql", content: "CREATE MACRO zero() AS 0;\n" },
  ]);
  assert.deepEqual(Object.keys(a?.definition?.params ?? {}), ["rate"]);
  assert.deepEqual(b?.files.map(({ path }) => path), ["transforms/b/m.sql"]);
});

Deno.test("a changed macro is a new revision of those that call it only", async () => {
  const before = await load(FILES);
  const after = await load({ ...FILES, "macros/zero.sql": "CREATE MACRO zero() AS 1;" });
  assert.notEqual(before.revisions[0], after.revisions[0]);
  assert.equal(before.revisions[1], after.revisions[1]);
  const other = await load({
    ...FILES,
    "macros/money/net.sql": FILES["macros/money/net.sql"].replace("gross(g) AS g", "gross(g) AS g * 3"),
  });
  assert.deepEqual(before.revisions, other.revisions);
});

Deno.test("files of macros/ that are not read are told, and twins stop those that call them", async () => {
  const { faults, pipelines } = await load({
    ...FILES,
    "macros/zero.SQL": "CREATE MACRO zero() AS 0;",
    "macros/readme.md": "about them",
    "macros/twin.sql": "CREATE MACRO Zero() AS 1;",
    "macros/broken.sql": "CREATE MACRO gross g",
    "pipelines/a.yaml": "functions: { net: { script: scripts/x.ts, parameters: [], returns: BIGINT } }",
  });
  assert.deepEqual(faults.filter((fault) => !fault.includes("scripts/x.ts")), [
    "macros/broken.sql:1:20: expected ( and the macro's parameters",
    "macros/zero.SQL:1:1: warning: is not read: macros are CREATE MACRO statements in files that end in .sql, in small letters",
    "macros/zero.sql:1:14: the macro zero is in macros/twin.sql:1 already: forms of one macro stand in one CREATE MACRO, as (a) AS …, (a, b) AS …",
    "macros/money/net.sql:2:14: warning: no pipeline of the project calls the macro gross",
    "pipelines/a.yaml:1:14: functions.net: macros/money/net.sql has a macro of this name: rename one",
  ]);
  assert.deepEqual(pipelines[0]?.files.map(({ path }) => path).slice(1), [
    "macros/money/net.sql",
    "macros/twin.sql",
    "macros/zero.sql",
  ]);
});
