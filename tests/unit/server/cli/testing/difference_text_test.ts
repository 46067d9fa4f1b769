import assert from "node:assert/strict";
import type { RowDifference, TableDifference } from "../../../../../contract/testing/outcome.ts";
import { formatDifference } from "../../../../../server/cli/commands/testing/difference_text.ts";

const WIDE = ["id", ...Array.from({ length: 50 }, (_, index) => `column_with_a_long_name_${index}`)];

function difference(rows: readonly RowDifference[], columns: readonly string[]): TableDifference {
  const count = (kind: RowDifference["kind"]) => rows.filter((row) => row.kind === kind).length;
  return {
    columns,
    rows,
    missing: count("missing"),
    unexpected: count("unexpected"),
    changed: count("changed"),
    isOrder: false,
  };
}

/** Row `id`, in which the columns are expected to have another value. */
function changed(id: number, columns: readonly number[]): RowDifference {
  const values = WIDE.map((_, index) => String(index === 0 ? id : id * index));
  const expected = values.map((value, index) => columns.includes(index) ? `${value}.5` : value);
  return { kind: "changed", values, expected };
}

Deno.test("formatDifference() shows narrow rows as a table", () => {
  const rows: RowDifference[] = [
    { kind: "missing", values: ["1", null] },
    { kind: "changed", values: ["2", "a"], expected: ["2", "NULL"] },
  ];
  assert.equal(
    formatDifference(difference(rows, ["id", "name"])),
    '1 row has other values (~, is → expected), 1 row is missing (-)\n  id | name\n- 1  | NULL\n~ 2  | a → "NULL"',
  );
});

Deno.test("formatDifference() leaves out the columns that are right in all rows where that fits", () => {
  const text = formatDifference(difference([changed(1, [7]), changed(2, [7])], WIDE));
  assert.deepEqual(text.split("\n").slice(1), [
    "  id | column_with_a_long_name_6",
    "~ 1  | 7 → 7.5",
    "~ 2  | 14 → 14.5",
    "  49 other columns are right",
  ]);
});

Deno.test("formatDifference() shows fifty wide rows by themselves, none wider than the terminal", () => {
  const rows = Array.from({ length: 50 }, (_, id) => changed(id, [1, 2, 3, 4 + id % 40]));
  const values = WIDE.map((_, index) => "x".repeat(index));
  const many = difference([
    { kind: "missing", values },
    ...rows,
    changed(99, [...WIDE.keys()]),
  ], WIDE);
  const lines = formatDifference(many, 80).split("\n");
  assert.deepEqual(lines.filter((line) => [...line].length > 80), []);
  assert.equal(lines.at(-1), "  … and 32 more rows");
  assert.equal(lines[1], '- id: "", column_with_a_long_name_0: x, column_with_a_long_name_1: xx,');
  assert.ok(lines.includes("  … and 37 more columns"), lines.slice(0, 14).join("\n"));
  const at = lines.findIndex((line) => line.startsWith("~ id: 4"));
  assert.deepEqual(lines.slice(at, at + 5), [
    "~ id: 4, column_with_a_long_name_3: 16, column_with_a_long_name_4: 20",
    "    column_with_a_long_name_0: 4 → 4.5",
    "    column_with_a_long_name_1: 8 → 8.5",
    "    column_with_a_long_name_2: 12 → 12.5",
    "    column_with_a_long_name_7: 32 → 32.5",
  ]);
  const all = formatDifference(difference([changed(99, [...WIDE.keys()])], WIDE)).split("\n");
  assert.deepEqual([all[1], all.at(-1)], ["~", "    … and 43 more columns"]);
});
