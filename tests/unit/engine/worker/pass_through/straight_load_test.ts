import { equal, match } from "node:assert/strict";
import * as v from "valibot";
import { pipelineSchema } from "../../../../../contract/pipeline/pipeline.ts";
import { straightLoad } from "../../../../../engine/worker/pass_through/straight_load.ts";
import { planRun } from "../../../../../engine/worker/plan.ts";
import { buildGraph } from "../../../../../sql/language/graph.ts";
import { parseModel } from "../../../../../sql/language/model.ts";
import { withSession } from "../../duckdb/fixtures.ts";

const load = { connector: "there", table: "t" };

/** Loads, models, and why the stream `s` cannot go straight to a load; undefined where it can. */
const CASES: Readonly<
  Record<
    string,
    readonly [Readonly<Record<string, unknown>>, Readonly<Record<string, string>>, RegExp | undefined]
  >
> = {
  "a load by replace": [{ s: load }, {}, undefined],
  "a load by append": [{ s: { ...load, mode: "append" } }, {}, undefined],
  "a load by merge": [{ s: { ...load, mode: "merge", primary_key: ["id"] } }, {}, undefined],
  "no load": [{}, {}, /needs a load that takes the rows; nothing does/],
  "two loads": [{ s: [load, { ...load, table: "u" }] }, {}, /one load that takes the rows; 2 want them/],
  "a model that reads the stream": [
    { s: load },
    { m: "SELECT * FROM raw.s" },
    /no raw\.s, which model:m reads/,
  ],
  "a load that verifies": [{ s: { ...load, verify: true } }, {}, /need raw\.s/],
  "a load of what changed": [
    { s: { ...load, mode: "merge", primary_key: ["id"], changed_only: true } },
    {},
    /need raw\.s/,
  ],
  "a destination that takes whole tables": [
    { s: { ...load, connector: "whole" } },
    {},
    /"whole" takes rows from/,
  ],
};

for (const [name, [loads, models, fault]] of Object.entries(CASES)) {
  Deno.test(`whether a stream can go straight to its load: ${name}`, async () => {
    await withSession(async (session) => {
      const definition = v.parse(pipelineSchema, {
        extract: { s: { connector: "here", store: false } },
        load: loads,
      });
      const parsed = Object.entries(models).map(([model, content]) =>
        parseModel({ path: `transforms/p/${model}.sql`, content })
      );
      const graph = await buildGraph(session, { models: parsed, streams: ["s"] });
      const { steps } = planRun(definition, parsed, graph);
      const [extract] = steps;
      if (extract?.kind !== "extract") throw new Error("the stream comes first");
      const found = straightLoad(extract, steps, ({ connector }) => connector === "there");
      if (fault === undefined) equal(found.load?.step.name, "load:s→there");
      else match(found.fault ?? "", fault);
    });
  });
}

const REFUSED: readonly Readonly<Record<string, unknown>>[] = [
  { mode: "append" },
  { mode: "incremental", primary_key: ["id"], update_key: "id" },
  { mode: "cdc" },
  { partition: { column: "id" } },
  { max_rejects: 1 },
  { contract: { columns: "freeze" } },
  { contract: { types: "discard_row" } },
];

for (const more of REFUSED) {
  Deno.test(`what keeps rows cannot be asked of a stream that keeps none: ${JSON.stringify(more)}`, () => {
    const extract = { s: { connector: "here", stream: "s", store: false, ...more } };
    const { issues = [] } = v.safeParse(pipelineSchema, { extract });
    match(issues.map(({ message }) => message).join("\n"), /store: false keeps nothing/);
  });
}
