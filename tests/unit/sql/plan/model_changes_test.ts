import { seedText } from "../../../../sql/language/files/seeds.ts";
import { deepEqual } from "node:assert/strict";
import { readModels } from "../../../../sql/language/files/read_models.ts";
import { gatheredRows } from "../../../../sql/plan/gathered_rows.ts";
import { directChanges, type ModelSide } from "../../../../sql/plan/model_changes.ts";
import { model } from "../fixtures.ts";

function side(files: Readonly<Record<string, string>>, more: Partial<ModelSide> = {}): ModelSide {
  const all = Object.entries(files).map(([path, content]) => ({ path, content }));
  return { models: readModels(all, seedText).models, files: all, params: {}, functions: {}, ...more };
}

const changesOf = (before: ModelSide, after: ModelSide) =>
  [...directChanges(before, after)].map(([name, { change, why, rows }]) =>
    `${name} ${change}${rows ? "" : " (same rows)"}: ${why.join("; ")}`
  );

const DAILY = "transforms/p/daily.sql";

Deno.test("directChanges() takes comments, white space and the case of words for nothing", () => {
  const before = side({ [DAILY]: "SELECT id, 'A' AS a\nFROM raw.orders" });
  deepEqual(changesOf(before, side({ [DAILY]: "-- new\nselect id,   'A' as a from raw.orders;" })), []);
  deepEqual(changesOf(before, side({ [DAILY]: "/* why */ select id, 'A' as a\n\nfrom raw.orders" })), []);
  deepEqual(changesOf(before, side({ [DAILY]: "SELECT id, 'a' AS a FROM raw.orders" })), [
    "daily changed: its SQL",
  ]);
});

Deno.test("directChanges() says what of a header has changed, and whether rows do", () => {
  const before = side({ [DAILY]: "/* @sluice\nmaterialized: view\ntags: [a]\n*/ SELECT 1 AS id" });
  const header = (text: string) => side({ [DAILY]: `/* @sluice\n${text}\n*/ SELECT 1 AS id` });
  deepEqual(changesOf(before, header("materialized: table\ntags: [a]")), [
    "daily changed: materialized: view → table",
  ]);
  deepEqual(changesOf(before, header("materialized: view\ntags: [a, b]\ndescription: d")), [
    "daily changed (same rows): tags: a → a, b; description: none → d",
  ]);
  deepEqual(
    changesOf(
      before,
      header("materialized: view\ntags: [a]\nprimary_key: [id]\ncolumns: { id: { checks: [unique] } }"),
    ),
    ["daily changed: primary_key: none → id; its columns"],
  );
});

Deno.test("directChanges() finds what is new, gone or moved to another folder", () => {
  const before = side({ [DAILY]: "SELECT 1 AS id", "transforms/p/old.sql": "SELECT 2 AS id" });
  const after = side({
    "transforms/p/marts/Daily.sql": "SELECT 1 AS id",
    "transforms/p/new.sql": "SELECT 3 AS id",
  });
  deepEqual(changesOf(before, after).sort(), [
    "Daily changed (same rows): its file was transforms/p/daily.sql",
    "new added: ",
    "old removed: ",
  ]);
});

Deno.test("directChanges() finds macros, rows of seeds, params and functions that a model uses", () => {
  const files = (tax: string, rows: string) => ({
    [DAILY]: "SELECT gross(1, getvariable('Region')) AS g",
    "transforms/p/other.sql": "SELECT clean(name) AS c FROM raw.names",
    "transforms/p/lone.sql": "SELECT 'tax(1) getvariable' AS t",
    "macros/money.sql":
      `CREATE MACRO tax(x) AS x * ${tax}; -- note\nCREATE OR REPLACE MACRO gross(x, r) AS x + tax(x);`,
    "seeds/codes.csv": rows,
  });
  const before = side(files("0.19", "a\n1"), { params: { region: { type: "string", default: "eu" } } });
  deepEqual(changesOf(before, side(files("0.19", "a\n1"), { params: before.params })), []);
  deepEqual(changesOf(before, side(files("0.2", "a\n1"), { params: before.params })), [
    "daily changed: the macro gross",
    // A call in a text is taken for one: rather one model too many than one too few.
    "lone changed: the macro tax",
  ]);
  deepEqual(
    changesOf(before, side(files("0.19", "a\n1"), { params: { region: { type: "string", default: "us" } } })),
    ["daily changed: the param region"],
  );
});

Deno.test("gatheredRows() says what the next run does with rows that are there", () => {
  const header = (text: string) => model("daily", `/* @sluice\n${text}\n*/ SELECT 1 AS id`);
  const incremental = header("materialized: incremental\nprimary_key: [id]");
  const ways = (before: string, after: string, isChanged = true) =>
    gatheredRows(header(before), header(after), isChanged)?.way ?? null;
  const kept = "materialized: incremental\nprimary_key: [id]";
  deepEqual(gatheredRows(incremental, incremental, true)?.way, "refused");
  deepEqual(ways(kept, `${kept}\non_change: append`), "append");
  deepEqual(ways(kept, `${kept}\non_change: full_refresh`), "full_refresh");
  deepEqual(ways(kept, kept, false), "append");
  deepEqual(ways(kept, "materialized: table"), "refused");
  deepEqual(ways("materialized: table", kept), null);
});
