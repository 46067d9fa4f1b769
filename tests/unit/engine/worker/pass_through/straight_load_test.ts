import { equal, match } from "node:assert/strict";
import * as v from "valibot";
import { parseStream, parseTarget } from "../../../../../connectors/parse.ts";
import { connectors } from "../../../../../connectors/registry.ts";
import { loadSchema } from "../../../../../contract/pipeline/load.ts";
import { pipelineSchema } from "../../../../../contract/pipeline/pipeline.ts";
import { streamSchema } from "../../../../../contract/pipeline/stream.ts";
import { type StraightLoad, straightLoad } from "../../../../../engine/worker/pass_through/straight_load.ts";
import { planRun } from "../../../../../engine/worker/plan.ts";
import { buildGraph } from "../../../../../sql/language/graph/analyze_graph.ts";
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
  "rows that come one by one, into a file that DuckDB writes": [
    { s: { ...load, connector: "written" } },
    {},
    /DuckDB writes the load's file, .* or keep raw\.s/,
  ],
};

/** What is found for the stream `s` of the connector, which DuckDB reads where it is `scanned`. */
async function find(
  connector: string,
  loads: Readonly<Record<string, unknown>>,
  models: Readonly<Record<string, string>> = {},
): Promise<StraightLoad> {
  return await withSession(async (session) => {
    const definition = v.parse(pipelineSchema, { extract: { s: { connector, store: false } }, load: loads });
    const parsed = Object.entries(models).map(([model, content]) =>
      parseModel({ path: `transforms/p/${model}.sql`, content })
    );
    const graph = await buildGraph(session, { models: parsed, streams: ["s"] });
    const { steps } = planRun(definition, parsed, graph);
    const [extract] = steps;
    if (extract?.kind !== "extract") throw new Error("the stream comes first");
    return straightLoad(extract, steps, {
      stagesWhileReading: (target) => target.connector === "there",
      isWrittenByDuckdb: (target) => target.connector === "written",
      isScanned: (_, stream) => stream.connector === "scanned",
    });
  });
}

for (const [name, [loads, models, fault]] of Object.entries(CASES)) {
  Deno.test(`whether a stream can go straight to its load: ${name}`, async () => {
    const found = await find("here", loads, models);
    if (fault === undefined) equal(found.load?.step.name, "load:s→there");
    else match(found.fault ?? "", fault);
  });
}

Deno.test("what DuckDB reads goes straight to what DuckDB writes, but where all rows are looked at before", async () => {
  const written = { connector: "written", path: "a.csv" };
  for (const more of [{}, { mode: "append" }, { mode: "delete_insert", partition_by: ["day"] }]) {
    const found = await find("scanned", { s: { ...written, ...more } });
    equal(found.fault, undefined);
    equal(found.load?.step.name, "load:s→written");
    equal(found.load === undefined ? undefined : found.isCopied, true);
  }
  for (const more of [{ mode: "merge", primary_key: ["id"] }, { primary_key: ["id"] }]) {
    const { fault } = await find("scanned", { s: { ...written, ...more } });
    match(fault ?? "", /mode merge and the primary_key of its load .* need raw\.s/);
  }
  const found = await find("scanned", { s: load });
  equal(found.load === undefined ? undefined : found.isCopied, false);
});

Deno.test("the streams that DuckDB reads, and the targets that it writes", () => {
  const file = connectors.find(({ name }) => name === "file");
  if (file === undefined) throw new Error("there are files");
  for (const type of ["file", "s3", "sftp", "http", "postgres", "sqlite", "duckdb", "mysql"]) {
    const connector = connectors.find(({ name }) => name === type);
    const isOfFiles = ["file", "s3", "sftp", "http"].includes(type);
    equal(connector?.isScanned !== undefined, isOfFiles, type);
    equal(connector?.isWrittenByDuckdb !== undefined, isOfFiles && type !== "http", type);
  }
  const paths = { "a.csv": true, "a.ndjson.gz": true, "a/": true, "a.xlsx": true, "a.arrow": false };
  for (const [path, isWritten] of Object.entries(paths)) {
    const target = parseTarget(file, v.parse(loadSchema, { connector: "it", path }));
    equal(file.isWrittenByDuckdb?.(target), isWritten, path);
    const stream = parseStream(file, "s", v.parse(streamSchema, { connector: "it", path }));
    equal(file.isScanned?.(stream), isWritten, path);
  }
});

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
