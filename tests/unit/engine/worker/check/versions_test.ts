import { deepEqual, equal, match } from "node:assert/strict";
import * as v from "valibot";
import type { CheckReport, CheckSubject } from "../../../../../contract/jobs/check_job.ts";
import type { Report } from "../../../../../contract/jobs/reports.ts";
import { pipelineSchema } from "../../../../../contract/pipeline/pipeline.ts";
import { checkJob } from "../../../../../engine/worker/check/check_job.ts";
import { Reporter } from "../../../../../engine/worker/reporter.ts";
import { tempFolder } from "../../duckdb/fixtures.ts";

const MODELS = {
  first: "SELECT id FROM raw.orders",
  second: "SELECT id FROM first",
  third: "SELECT id, 'x' AS note FROM second",
};

/** Checks the versions in their order; `bound` has the models that DuckDB was given for each. */
async function check(
  versions: readonly Partial<Record<keyof typeof MODELS, string>>[],
  isOfOne = true,
): Promise<{ readonly reports: readonly CheckReport[]; readonly bound: readonly (readonly string[])[] }> {
  await using folder = await tempFolder();
  const bound = new Map<string, string[]>();
  const reporter = new Reporter("key", (bytes) => {
    const text = new TextDecoder().decode(bytes);
    const report: Report = JSON.parse(text.slice(text.indexOf("{")));
    if (report.type !== "checking") return;
    const { pipeline, subject } = report.place;
    bound.set(pipeline, [...bound.get(pipeline) ?? [], subject]);
  });
  const refuse = () => Promise.reject(new Error("nothing is asked for"));
  const pipelines = versions.map((models, index): CheckSubject => ({
    name: `version ${index}`,
    ...(isOfOne ? { versionOf: "shop" } : {}),
    definition: v.parse(pipelineSchema, { extract: { orders: { connector: "it" } } }),
    files: Object.entries({ ...MODELS, ...models })
      .map(([name, content]) => ({ path: `transforms/shop/${name}.sql`, content })),
    mutedStreams: ["orders"],
    mutedParams: [],
    refusedModels: [],
    knownColumns: { orders: [{ name: "id", type: "BIGINT" }] },
  }));
  const reports = await checkJob(
    {
      kind: "check",
      pipelines,
      modelsAtOnce: 1,
      projectDir: folder.path,
      tempDir: folder.path,
      connectors: {},
      duckdb: { directories: [], files: [] },
    },
    {
      connectors: [],
      reporter,
      requests: {
        config: refuse,
        secret: refuse,
        wayOut: refuse,
        turn: refuse,
        accessToken: refuse,
        hold: refuse,
        posted: refuse,
        memoryOf: refuse,
      },
      signal: new AbortController().signal,
    },
  );
  return { reports, bound: pipelines.map(({ name }) => bound.get(name) ?? []) };
}

Deno.test("a version of a pipeline binds what is not as in the one before, and what reads that", async () => {
  const { reports, bound } = await check([{}, { second: "SELECT id::VARCHAR AS id FROM first" }, {
    second: "SELECT nope FROM first",
  }]);
  deepEqual(bound, [
    ["the model first", "the model second", "the model third"],
    ["the model second", "the model third"],
    ["the model second"],
  ]);
  const [before, after, broken] = reports;
  deepEqual([before?.faults, after?.faults], [[], []]);
  const types = (report: CheckReport | undefined) =>
    Object.entries(report?.modelColumns ?? {}).map(([name, columns]) => `${name} ${columns[0]?.type}`);
  deepEqual(types(before), ["first BIGINT", "second BIGINT", "third BIGINT"]);
  deepEqual(types(after), ["first BIGINT", "second VARCHAR", "third VARCHAR"]);
  equal(broken?.faults.length, 1);
  match(broken?.faults[0]?.message ?? "", /nope/);
});

Deno.test("checks of different pipelines share nothing", async () => {
  const { bound } = await check([{}, {}], false);
  deepEqual(bound.map((models) => models.length), [3, 3]);
});
