import { deepEqual, equal, match } from "node:assert/strict";
import * as v from "valibot";
import { runManifestSchema } from "../../../../../contract/runs/run_manifest.ts";
import { functionSchema } from "../../../../../contract/pipeline/functions.ts";
import type { RunDetail, Step } from "../../../../../contract/run.ts";
import { runManifest } from "../../../../../engine/control/manifests/run_manifest.ts";
import { formatManifest } from "../../../../../server/cli/commands/runs/manifest_text.ts";

const step = (name: string, kind: Step["kind"], more: Partial<Step>): Step => ({
  name,
  kind,
  state: "succeeded",
  attempt: 1,
  rows: 1,
  size_bytes: null,
  started_at: null,
  finished_at: null,
  duration_ms: null,
  error: null,
  sql: null,
  depends: [],
  ...more,
});

const by = { sluice: "1.0.0", duckdb: "v1.5.5" };
const facts = (table: string, hash: string | null) => ({ table, rows: 2, hash });

const RUN: RunDetail = {
  id: "01K",
  pipeline: "shop",
  revision: "a".repeat(64),
  git_commit: null,
  state: "succeeded",
  reason: null,
  trigger: "cli",
  triggered_by: null,
  attempt: 2,
  params: { region: "eu" },
  select: null,
  full_refresh: false,
  group: null,
  parent: null,
  priority: 0,
  cancelled_by: null,
  window_start: null,
  window_end: "2026-01-01T00:00:00.000Z",
  window_given: false,
  created_at: "2026-01-01T00:00:00.000Z",
  not_before: null,
  started_at: null,
  finished_at: null,
  duration_ms: null,
  rows_extracted: 0,
  rows_loaded: 0,
  warnings: 0,
  peak_rss_bytes: null,
  error: null,
  attempts: [],
  steps: [
    step("extract:orders", "extract", { rejects: 3, manifest: by }),
    step("model:stg", "model", {
      manifest: { ...by, inputs: [facts("raw.orders", "aa")], output: facts("main.stg", "bb") },
    }),
    step("model:daily", "model", {
      attempt: 2,
      manifest: {
        ...by,
        sluice: "1.1.0",
        inputs: [facts("main.stg", "bb"), facts("raw.orders", "aa"), facts("main.other", "cc")],
        before: facts("main.daily", "dd"),
        output: facts("main.daily", "ee"),
      },
    }),
    step("check:daily.unique", "check", {}),
    step("model:odd", "model", { state: "failed" }),
    step("load:daily→lake", "load", { hash: "ff", inserted: 2, manifest: by }),
  ],
};

const MANIFEST = runManifest(RUN, {
  files: [
    { path: "transforms/shop/staging/stg.sql", content: "SELECT 1" },
    { path: "transforms/shop/daily.sql", content: "SELECT geo(1) AS place" },
    { path: ".bundles/scripts/a.ts", content: "bundle" },
    { path: "scripts/a.ts", content: "" },
  ],
  functions: v.parse(v.record(v.string(), functionSchema), {
    geo: { script: "scripts/a.ts", parameters: ["INTEGER"], returns: "VARCHAR" },
    other: { script: "scripts/b.ts", parameters: ["INTEGER"], returns: "VARCHAR" },
  }),
  lacking: "it is old",
});

Deno.test("a manifest is put together of the run's steps and its revision's files", () => {
  v.parse(v.strictObject(runManifestSchema.entries), MANIFEST);
  deepEqual(MANIFEST.versions, [by, { ...by, sluice: "1.1.0" }]);
  deepEqual(MANIFEST.inputs.map(({ table }) => table), ["main.other", "raw.orders"]);
  deepEqual(MANIFEST.files.map(({ path }) => path), [
    "scripts/a.ts",
    "transforms/shop/daily.sql",
    "transforms/shop/staging/stg.sql",
  ]);
  const [stg, daily, odd] = MANIFEST.models;
  equal(stg?.file, "transforms/shop/staging/stg.sql");
  equal(stg?.sha256, "e004ebd5b5532a4b85984a62f8ad48a81aa3460c1ca07701f386135d72cdecf5");
  deepEqual([daily?.attempt, daily?.before?.hash, daily?.file], [2, "dd", "transforms/shop/daily.sql"]);
  deepEqual([stg?.calls, daily?.calls], [undefined, [{
    function: "geo",
    script: "scripts/a.ts",
    sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  }]]);
  deepEqual(MANIFEST.replay, { possible: false, reason: "it is old" });
  deepEqual([odd?.state, odd?.output], ["failed", undefined]);
  deepEqual(MANIFEST.extracts, [
    { stream: "orders", state: "succeeded", attempt: 1, rows: 1, size_bytes: null, rejects: 3 },
  ]);
  equal(MANIFEST.loads[0]?.load, "daily→lake");
  equal(MANIFEST.loads[0]?.hash, "ff");
});

Deno.test("a manifest's text has versions, inputs, models and loads, and nothing that steers a terminal", () => {
  const text = formatManifest(
    { ...MANIFEST, inputs: [{ table: "raw.\x1b[31mred", rows: null, hash: null, left_out: "it is large" }] },
    120,
  );
  match(text, /^versions {2}sluice 1\.0\.0, duckdb v1\.5\.5; sluice 1\.1\.0/m);
  match(text, /raw\.\[31mred\s+–\s+it is large/);
  match(text, /daily +succeeded +714634f89822 +2 +ee +main\.daily, main\.stg, raw\.orders, main\.other/);
  match(text, /daily→lake +1 +ff/);
});
