import { deepEqual, equal } from "node:assert/strict";
import * as v from "valibot";
import { connectors } from "../../../../../connectors/registry.ts";
import { parseTarget } from "../../../../../connectors/parse.ts";
import { loadSchema } from "../../../../../contract/pipeline/load.ts";
import { pipelineSchema } from "../../../../../contract/pipeline/pipeline.ts";
import { loadInPass } from "../../../../../engine/worker/pass_through/load_in_pass.ts";
import { planRun } from "../../../../../engine/worker/plan.ts";
import { buildGraph } from "../../../../../sql/language/graph/analyze_graph.ts";
import { parseModel } from "../../../../../sql/language/model.ts";
import { withSession } from "../../duckdb/fixtures.ts";

const load = { connector: "there", table: "t" };
const key = { primary_key: ["id"], update_key: "id" };

/** A pipeline, models, and the load that may take the rows of stream `s`. */
type Case = readonly [
  Readonly<Record<string, unknown>>,
  Readonly<Record<string, unknown>>,
  Readonly<Record<string, string>>,
  string | undefined,
];

const CASES: Readonly<Record<string, Case>> = {
  "a full stream": [{}, { s: load }, {}, "load:s→there"],
  "a stream that is appended to": [{ mode: "append", update_key: "id" }, { s: load }, {}, "load:s→there"],
  "a stream whose rows replace each other": [{ mode: "incremental", ...key }, { s: load }, {}, undefined],
  "a stream in parts": [{ partition: { column: "id", size: 10 } }, { s: load }, {}, undefined],
  "a load by append": [{}, { s: { ...load, mode: "append" } }, {}, "load:s→there"],
  "a load by merge": [{}, { s: { ...load, mode: "merge", primary_key: ["id"] } }, {}, "load:s→there"],
  "two loads": [{}, { s: [load, { ...load, table: "u" }] }, {}, undefined],
  "no load": [{}, {}, {}, undefined],
  "the load of a model": [{}, { m: load }, { m: "SELECT * FROM raw.s" }, undefined],
  "the load of a model of the stream's name": [{}, { s: load }, { s: "SELECT * FROM raw.s" }, undefined],
  "a model that reads the stream too": [{}, { s: load }, { m: "SELECT * FROM raw.s" }, undefined],
  "a destination that takes whole tables": [{}, { s: { ...load, connector: "whole" } }, {}, undefined],
};

for (const [name, [stream, loads, models, expected]] of Object.entries(CASES)) {
  Deno.test(`which load takes rows while they are read: ${name}`, async () => {
    await withSession(async (session) => {
      const definition = v.parse(pipelineSchema, {
        extract: { s: { connector: "here", ...stream } },
        load: loads,
      });
      const parsed = Object.entries(models).map(([model, content]) =>
        parseModel({ path: `transforms/p/${model}.sql`, content })
      );
      const graph = await buildGraph(session, { models: parsed, streams: ["s"] });
      const { steps } = planRun(definition, parsed, graph);
      const [extract] = steps;
      equal(extract?.kind, "extract");
      if (extract?.kind !== "extract") return;
      const found = loadInPass(extract, steps, ({ connector }) => connector === "there");
      equal(found?.step.name, expected);
    });
  });
}

Deno.test("the connectors whose loads can stage rows while they are read", () => {
  const targets: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ["postgres", { table: "t" }],
    ["sqlite", { table: "t" }],
    ["duckdb", { table: "t" }],
    ["file", { path: "out/t.arrow" }],
    ["file", { path: "out/t.arrows.zst" }],
    ["file", { path: "out/t/", options: { format: "arrow" } }],
    ["file", { path: "out/t.parquet" }],
    ["file", { path: "out/t.csv.gz" }],
    ["file", { path: "out/t/" }],
  ];
  const can = targets.filter(([type, own]) => {
    const connector = connectors.find(({ name }) => name === type);
    if (connector === undefined) throw new Error(type);
    const target = parseTarget(connector, v.parse(loadSchema, { connector: "it", ...own }));
    return connector.stagesWhileReading?.(target) ?? false;
  });
  deepEqual(can.map(([type, own]) => `${type} ${own["table"] ?? own["path"]}`), [
    "postgres t",
    "file out/t.arrow",
    "file out/t.arrows.zst",
    "file out/t/",
  ]);
});
