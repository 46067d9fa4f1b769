import assert from "node:assert/strict";
import { DuckDBInstance } from "@duckdb/node-api";
import { type CheckContext, checksOf } from "../../../../../engine/definitions/dbt/tests/checks.ts";

const CONTEXT: CheckContext = {
  table: () => undefined,
  ownTest: () => undefined,
  hand: (message) => assert.fail(message),
  note: () => {},
  describe: (text) => text,
  render: (text) => text,
};

/** Rows that fail a test of dbt_expectations of column `n` of these rows: (g, n, s). */
async function failing(test: Readonly<Record<string, unknown>>): Promise<number> {
  const { ofColumn, ofTable } = checksOf([test], { table: "t", column: "n" }, CONTEXT);
  const [check] = [...ofColumn, ...ofTable];
  assert.ok(typeof check === "object" && check !== null && "sql" in check, JSON.stringify(check));
  const where = "where" in check ? ` WHERE (${String(check.where)})` : "";
  const sql = ofTable.length > 0 && !("column" in check) && /^SELECT/.test(String(check.sql))
    ? String(check.sql)
    : `SELECT * FROM (FROM t${where}) WHERE NOT (${String(check.sql)})`;
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await connection.run(
      "CREATE TABLE t AS FROM (VALUES ('a', 1, 'ab'), ('a', 2, 'b%'), ('b', 2, 'it''s'), ('b', NULL, NULL)) AS t (g, n, s)",
    );
    return (await connection.runAndReadAll(sql)).currentRowCount;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const between = (min: number, max: number) => ({ min_value: min, max_value: max });

/** What they find among those rows, as dbt_expectations 0.10 does. */
const CASES: readonly (readonly [string, Readonly<Record<string, unknown>>, number])[] = [
  ["expect_column_max_to_be_between", between(2, 2), 0],
  ["expect_column_max_to_be_between", { ...between(1, 2), strictly: true }, 1],
  ["expect_column_min_to_be_between", { min_value: 2, group_by: ["g"] }, 1],
  ["expect_column_min_to_be_between", { min_value: 2, row_condition: "g = 'b'" }, 0],
  ["expect_column_mean_to_be_between", between(1.6, 1.7), 0],
  ["expect_column_median_to_be_between", between(0, 1), 1],
  ["expect_column_sum_to_be_between", between(5, 5), 0],
  ["expect_column_stdev_to_be_between", between(0.5, 0.6), 0],
  ["expect_column_quantile_values_to_be_between", { quantile: 0.5, ...between(2, 2) }, 0],
  ["expect_column_unique_value_count_to_be_between", between(3, 3), 1],
  ["expect_column_proportion_of_unique_values_to_be_between", between(0.6, 0.7), 0],
  ["expect_column_distinct_count_to_equal", { value: 2 }, 0],
  ["expect_column_distinct_count_to_be_greater_than", { value: 2 }, 1],
  ["expect_column_distinct_count_to_be_less_than", { value: 2, group_by: ["g"] }, 1],
  ["expect_column_values_to_be_increasing", { sort_column: "n" }, 1],
  ["expect_column_values_to_be_increasing", { sort_column: "n", strictly: false }, 0],
  ["expect_column_values_to_be_decreasing", { sort_column: "n", group_by: ["g"] }, 1],
  ["expect_column_values_to_not_match_regex", { regex: "^1$" }, 1],
  ["expect_column_values_to_match_regex_list", { regex_list: ["^1$", "^2$"] }, 0],
  ["expect_column_values_to_match_regex_list", { regex_list: ["1", "2"], match_on: "all" }, 3],
  ["expect_column_values_to_match_like_pattern", { like_pattern: "1%" }, 2],
  ["expect_column_values_to_match_like_pattern_list", { like_pattern_list: ["1%", "2"] }, 0],
  ["expect_column_values_to_not_match_like_pattern", { like_pattern: "it's" }, 0],
  ["expect_column_pair_values_A_to_be_greater_than_B", { column_A: "n", column_B: 1 }, 1],
  ["expect_column_pair_values_A_to_be_greater_than_B", { column_A: "n", column_B: 1, or_equal: true }, 0],
  ["expect_column_pair_values_to_be_equal", { column_A: "g", column_B: "s", row_condition: "g = 'b'" }, 1],
  ["expect_multicolumn_sum_to_equal", { column_list: ["n", "n"], sum_total: 10 }, 0],
];

for (const [name, args, expected] of CASES) {
  Deno.test(`${name} ${JSON.stringify(args)} is a check that finds the same rows`, async () => {
    assert.strictEqual(await failing({ [`dbt_expectations.${name}`]: args }), expected);
  });
}

Deno.test("a row_condition is the check's condition, beside that of its config", () => {
  const { ofColumn } = checksOf(
    [
      { "dbt_expectations.expect_column_values_to_be_between": { min_value: 1, row_condition: "g = 'a'" } },
      {
        "dbt_expectations.expect_column_values_to_not_be_null": {
          row_condition: "g = 'a'",
          config: { where: "n > 1" },
        },
      },
    ],
    { table: "t", column: "n" },
    CONTEXT,
  );
  assert.deepStrictEqual(ofColumn, [
    { range: { min: 1 }, where: "g = 'a'" },
    { not_null: true, where: "(g = 'a') AND (n > 1)" },
  ]);
});
