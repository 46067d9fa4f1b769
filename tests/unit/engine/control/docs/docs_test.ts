import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { ProjectDocs } from "../../../../../contract/docs/project_docs.ts";
import { describeMacro } from "../../../../../engine/control/docs/describe_project.ts";
import {
  columnsOfStreams,
  readLastResults,
  withResults,
} from "../../../../../engine/control/docs/last_results.ts";
import { parseMacros } from "../../../../../sql/language/macros/parse_macros.ts";
import { DOCS_SAMPLE } from "../../../../support/docs_sample.ts";
import { createFakeProject } from "../../../../support/fake_project.ts";

Deno.test("describeMacro() takes the comments before a macro without their signs", () => {
  const content = [
    "-- One line,",
    "--   and another.",
    "CREATE MACRO one(x) AS x + 1;",
    "/*",
    " * In stars.",
    " */",
    "CREATE MACRO two() AS TABLE SELECT 1; CREATE MACRO three() AS 3;",
  ].join("\n");
  const found = parseMacros({ path: "macros/a.sql", content }).statements.map(describeMacro);
  deepStrictEqual(found.map(({ name, is_table, description }) => [name, is_table, description]), [
    ["one", false, "One line,\nand another."],
    ["two", true, "In stars."],
    ["three", false, null],
  ]);
  ok(found[0]?.sql.endsWith("AS x + 1;"), found[0]?.sql);
});

Deno.test("readLastResults() finds how runs, tables and checks last ended, and no row of them", async () => {
  const engine = createFakeProject();
  const results = await readLastResults(engine, new AbortController().signal);
  const flights = results.get("flights");
  ok(flights !== undefined);
  ok(flights.run !== null);
  ok(["succeeded", "failed", "cancelled"].includes(flights.run.state));
  ok(flights.checks.size > 0);
  for (const { state } of flights.checks.values()) {
    ok(["succeeded", "warned", "failed"].includes(state), state);
  }
  ok(Object.keys(columnsOfStreams(flights)).length > 0);
  deepStrictEqual(columnsOfStreams(undefined), {});
});

Deno.test("withResults() puts them where they belong, by names that SQL takes for the same", () => {
  const at = "2026-11-27T18:00:00.000Z";
  const table = { step: "", description: null, columns: [], cursor: null, run: "01", changed_at: at };
  const known = withResults(
    DOCS_SAMPLE,
    new Map([["shop", {
      run: null,
      tables: [{ ...table, name: "DAILY", row_count: 7 }, { ...table, name: "raw.orders", row_count: 5 }, {
        ...table,
        name: "index",
        row_count: null,
        changed_at: null,
      }],
      checks: new Map([["check:Daily.not_null_id", { state: "failed", rows: 2, at }]]),
    }]]),
  );
  const [shop] = known.pipelines;
  deepStrictEqual(shop?.tables.map(({ id, last }) => [id, last?.rows ?? null]), [
    ["source:orders", null],
    ["raw.orders", 5],
    ["main.Daily", 7],
    ["main.index", null],
    ["target:Daily→lake", null],
  ]);
  strictEqual(shop?.tables[2]?.checks[0]?.last?.state, "failed");
  deepStrictEqual(
    known.pipelines[1],
    DOCS_SAMPLE.pipelines[1] satisfies ProjectDocs["pipelines"][number] | undefined,
  );
});
