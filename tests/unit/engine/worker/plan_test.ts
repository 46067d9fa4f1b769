import { deepEqual, equal } from "node:assert/strict";
import * as v from "valibot";
import { pipelineSchema } from "../../../../contract/pipeline/pipeline.ts";
import { planRun, stepsOf } from "../../../../engine/worker/plan.ts";
import { buildGraph } from "../../../../sql/language/graph/analyze_graph.ts";
import { parseModel } from "../../../../sql/language/model.ts";
import { withSession } from "../duckdb/fixtures.ts";

/** Each step of a plan with what it waits for, in the plan's order. */
function planOf(
  models: Readonly<Record<string, string>>,
  definition: Readonly<Record<string, unknown>> = {},
): Promise<[string, readonly string[]][]> {
  return withSession(async (session) => {
    const parsed = Object.entries(models).map(([name, content]) =>
      parseModel({ path: `transforms/p/${name}.sql`, content })
    );
    const pipeline = v.parse(pipelineSchema, { extract: { s: { connector: "it" } }, ...definition });
    const graph = await buildGraph(session, { models: parsed, streams: Object.keys(pipeline.extract) });
    return stepsOf(planRun(pipeline, parsed, graph)).map(({ name, depends }) => [name, depends]);
  });
}

const check = (sql: string, severity = "error") =>
  `/* @sluice\nchecks: [{ name: c, severity: ${severity}, sql: ${sql} }]\n*/\n`;

Deno.test("planRun() puts streams, models with their checks, and loads in an order that works", async () => {
  const load = {
    b: [{ connector: "it", table: "x" }, { connector: "it", table: "y" }],
    s: { connector: "it" },
  };
  deepEqual(
    await planOf({ b: "SELECT * FROM a", a: `${check("SELECT * FROM a WHERE false")}SELECT * FROM raw.s` }, {
      load,
    }),
    [
      ["extract:s", []],
      ["model:a", ["extract:s"]],
      ["check:a.c", ["model:a"]],
      ["model:b", ["model:a"]],
      ["load:b→it", ["model:b"]],
      ["load:b→it#2", ["model:b"]],
      ["load:s→it", ["extract:s"]],
    ],
  );
});

Deno.test("a stream whose script has an input comes behind it, wherever it is written", async () => {
  const script = { connector: "script", script: "scripts/x.ts" };
  const extract = {
    last: { ...script, input: ["first", "middle"] },
    middle: { ...script, input: "first" },
    first: script,
    other: { connector: "it", input: "last" },
  };
  deepEqual(await planOf({}, { extract }), [
    ["extract:first", []],
    ["extract:middle", ["extract:first"]],
    ["extract:last", ["extract:first", "extract:middle"]],
    ["extract:other", []],
  ]);
});

Deno.test("a model waits for what its error checks read, so that they run before it is committed", async () => {
  const models = (severity: string) => ({
    a: `${check("SELECT * FROM a WHERE x NOT IN (SELECT x FROM z)", severity)}SELECT 1 AS x`,
    z: "SELECT 1 AS x",
  });
  deepEqual(new Map(await planOf(models("error"))).get("model:a"), ["model:z"]);
  const warned = await planOf(models("warn"));
  deepEqual(new Map(warned).get("model:a"), [], "a warning holds nothing up");
  deepEqual(warned.map(([name]) => name), ["extract:s", "model:a", "model:z", "check:a.c"]);
});

Deno.test("what a late check refuses is not built upon, but for what the check itself reads", async () => {
  const load = Object.fromEntries(
    ["a", "b", "c", "d"].map((name) => [name, { connector: "it", table: name }]),
  );
  const plan = new Map(
    await planOf({
      a: `${check("SELECT * FROM c WHERE x > 1")}SELECT * FROM raw.s`,
      b: "SELECT * FROM a",
      c: "SELECT * FROM b",
      d: "SELECT * FROM b",
    }, { load }),
  );
  deepEqual(plan.get("check:a.c"), ["model:a", "model:c"]);
  deepEqual([plan.get("model:b"), plan.get("model:c")], [["model:a"], ["model:b"]]);
  deepEqual(plan.get("model:d"), ["check:a.c", "model:b"]);
  for (const name of ["a", "b", "c", "d"]) {
    deepEqual(plan.get(`load:${name}→it`), [`model:${name}`, "check:a.c"]);
  }
});

Deno.test("late checks that wait for each other's models do not wait in a circle", async () => {
  const plan = await planOf({
    a: `${check("SELECT * FROM d")}SELECT 1 AS x`,
    b: `${check("SELECT * FROM c")}SELECT 1 AS x`,
    c: "SELECT * FROM a",
    d: "SELECT * FROM b",
  });
  const place = new Map(plan.map(([name], index) => [name, index]));
  for (const [name, depends] of plan) {
    for (const other of depends) {
      equal((place.get(other) ?? 0) < (place.get(name) ?? 0), true, `${other} < ${name}`);
    }
  }
});
