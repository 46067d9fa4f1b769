import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { ModelChange, PipelinePlan } from "../../../../../contract/plan/plan.ts";
import { NO_TABLE_DIFF } from "../../../../../contract/plan/table_diff.ts";
import { code, escape, planMarkdown } from "../../../../../server/cli/plan/plan_markdown.ts";
import { rowsText } from "../../../../../server/cli/plan/plan_words.ts";
import { planLines } from "../../../../../server/cli/plan/plan_text.ts";

const NASTY = "a|b `c` <img src=x onerror=y> **d** [e](http://f) @ann\n# g \u001b[31m";

const MODEL: ModelChange = {
  model: NASTY,
  path: "transforms/shop/daily.sql",
  change: "changed",
  why: ["its SQL", NASTY],
  rows: true,
  columns: [{ name: NASTY, change: "removed", before: "INTEGER", after: null, breaking: true }],
  breaking: [`column ${NASTY} is gone`],
  rebuild: { way: "refused", text: NASTY },
  last: null,
  data: {
    ...NO_TABLE_DIFF,
    rows_before: 2,
    rows_after: 3,
    key: [NASTY],
    added: 1,
    removed: 0,
    changed: 1,
    columns: [{ name: NASTY, changed: 1 }],
    sample_columns: [NASTY, "v"],
    sample_changed: [{ key: [NASTY], cells: [{ column: NASTY, before: null, after: NASTY }] }],
    sample_added: [[NASTY, null]],
  },
};

const PLAN: PipelinePlan = {
  pipeline: NASTY,
  change: "changed",
  against: NASTY,
  faults: [{ file: NASTY, line: 1, message: NASTY, severity: "warning" }],
  settings: [{
    name: "schedule",
    change: "changed",
    keys: [{ key: "cron", before: `"${NASTY}"`, after: null }],
  }],
  streams: [],
  loads: [],
  connectors: [],
  scripts: [],
  models: [MODEL],
  readers: [
    { pipeline: NASTY, stream: "s", model: NASTY, loses: false },
    { pipeline: "report", stream: "s", model: "old", loses: true },
  ],
  breaking: true,
  cost: { models: 1, duration_ms: 1_200, rows: 3, unknown: 0 },
  data: { compared: true, note: NASTY, duration_ms: 5 },
  diffs: [{ path: NASTY, change: "changed", diff: "--- a\n+++ b\n-```\n+````\n" }],
};

/** Without what stands in code, where nothing means anything. */
const outside = (markdown: string) =>
  markdown.replace(/<summary>.*<\/summary>/g, "SUMMARY").replace(
    /(?<!\\)(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g,
    "CODE",
  );

Deno.test("planMarkdown() takes names and values for text, in tables, summaries and behind fences", () => {
  const markdown = planMarkdown([], [PLAN], true);
  ok(!markdown.includes("\u001b"), "no control characters");
  const plain = outside(markdown);
  for (const mark of [/<img/, /\*\*d\*\*/, /\]\(http/, /(?<!\\)@ann/, /^# g/m]) {
    const found = plain.match(mark);
    ok(found === null, `${mark} in ${plain}`);
  }
  // Each row of a table has as many cells as its head.
  for (const table of markdown.split("\n\n").filter((block) => block.startsWith("|"))) {
    const cells = table.split("\n").map((line) => line.split(/(?<!\\)\|/).length);
    deepEqual(new Set(cells).size, 1, table);
  }
  match(markdown, /<summary>rows of <code>a\|b `c` &#60;img src=x[^<]*<\/code><\/summary>/);
  match(markdown, /\n`````diff\n--- a\n\+\+\+ b\n-```\n\+````\n`````\n/);
});

Deno.test("planMarkdown() stays within what a comment may have, and says what is left out", () => {
  const long = { ...PLAN, models: Array.from({ length: 40 }, () => MODEL) };
  const markdown = planMarkdown([], Array.from({ length: 40 }, () => long), true);
  ok(markdown.length < 65_536, String(markdown.length));
  match(markdown, /more pipelines change: `sluice plan` shows them/);
  equal(planMarkdown([], [{ ...PLAN, change: "unchanged", faults: [] }], true).includes("####"), false);
});

Deno.test("code() and escape() keep what they are given readable", () => {
  deepEqual(["daily", "a`b", "``", "", " x "].map(code), [
    "`daily`",
    "`` a`b ``",
    "``` `` ```",
    "` `",
    "`  x  `",
  ]);
  equal(escape("a_b"), "a\\_b");
});

Deno.test("planLines() has one line for each thing, whatever is in names", () => {
  const lines = planLines(PLAN, false);
  equal(lines.some((line) => line.includes("\n") || line.includes("\u001b")), false);
  match(lines.join("\n"), /rows 2 → 3: 1 added, 0 removed, 1 changed, by a\|b/);
  match(lines.join("\n"), /1 model is built for it: 1\.2 s and 3 rows when last built/);
});

Deno.test("rowsText() says of a new model how many rows it has, and of a failure why", () => {
  equal(rowsText({ ...NO_TABLE_DIFF, rows_after: 1 }), "1 row");
  equal(rowsText({ ...NO_TABLE_DIFF, error: "no" }), "rows were not compared: no");
  const same = { ...NO_TABLE_DIFF, rows_before: 2, rows_after: 2, added: 0, removed: 0, changed: 0 };
  equal(rowsText({ ...same, sample_percent: 10 }), "2 rows, all the same (of a sample of 10 %)");
});
