import { deepEqual, equal } from "node:assert/strict";
import {
  compareRows,
  type Comparison,
  type TextRow,
} from "../../../../../engine/worker/testing/compare_rows.ts";

const PLAIN: Comparison = {
  columns: ["id", "a", "x"],
  key: [],
  fractional: new Set([2]),
  tolerance: 0,
  ordered: false,
};

const compare = (actual: TextRow[], expected: TextRow[], more: Partial<Comparison> = {}) =>
  compareRows({ ...PLAIN, ...more }, actual, expected);

Deno.test("compareRows() takes rows in any order, each as often as it comes", () => {
  const [one, two]: [TextRow, TextRow] = [["1", "a", null], ["2", "b", "0.5"]];
  equal(compare([one, two, one], [one, one, two]), undefined);
  deepEqual(compare([one, one, two], [one, two, two]), {
    columns: PLAIN.columns,
    missing: 1,
    unexpected: 1,
    changed: 0,
    isOrder: false,
    rows: [{ kind: "missing", values: two }, { kind: "unexpected", values: one }],
  });
  equal(compare([], []), undefined);
});

Deno.test("compareRows() tells NULL from texts, and the order where that counts", () => {
  const [none, text]: [TextRow, TextRow] = [["1", null, "1"], ["1", "NULL", "1"]];
  equal(compare([none], [text])?.changed, 1);
  equal(compare([none, text], [text, none]), undefined);
  const difference = compare([none, text], [text, none], { ordered: true });
  deepEqual([difference?.isOrder, difference?.rows.map(({ values }) => values)], [true, [none, text]]);
});

Deno.test("compareRows() pairs rows by the key, and else by what they have in common", () => {
  const actual: TextRow[] = [["1", "a", "1"], ["2", "b", "2"], ["4", "z", "9"]];
  const expected: TextRow[] = [["2", "q", "7"], ["1", "a", "2"], ["3", "b", "2"]];
  const byKey = compare(actual, expected, { key: [0] });
  deepEqual(byKey?.rows, [
    { kind: "changed", values: ["2", "b", "2"], expected: ["2", "q", "7"] },
    { kind: "changed", values: ["1", "a", "1"], expected: ["1", "a", "2"] },
    { kind: "missing", values: ["3", "b", "2"] },
    { kind: "unexpected", values: ["4", "z", "9"] },
  ]);
  const byLikeness = compare(actual, expected);
  deepEqual([byLikeness?.changed, byLikeness?.missing, byLikeness?.unexpected], [2, 1, 1]);
});

Deno.test("compareRows() lets numbers with a fraction differ by the tolerance, and no others", () => {
  equal(compare([["1", "a", "0.30000000000000004"]], [["1", "a", "0.3"]])?.changed, 1);
  equal(compare([["1", "a", "0.30000000000000004"]], [["1", "a", "0.3"]], { tolerance: 0.001 }), undefined);
  equal(compare([["2", "a", "0.3"]], [["1", "a", "0.3"]], { tolerance: 5 })?.changed, 1);
  equal(compare([["1", "a", null]], [["1", "a", "0"]], { tolerance: 5 })?.changed, 1);
});
