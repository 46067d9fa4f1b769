import type { Dict } from "../project/read_project.ts";
import { textsOf } from "../project/settings.ts";

/** Tests of dbt_expectations that are no check of another name. */

interface OfTable {
  readonly table: string;
  readonly column: string | undefined;
}

export type Expectation =
  /** A condition on each row. */
  | { readonly sql: string }
  /** A query for what fails. */
  | { readonly sql: string; readonly isOfTable: true };

/** What a value of all rows is, in SQL; its test asks whether it is between two bounds. */
const AGGREGATES: Readonly<Record<string, (column: string, args: Dict) => string>> = {
  expect_column_max_to_be_between: (column) => `max(${column})`,
  expect_column_min_to_be_between: (column) => `min(${column})`,
  expect_column_mean_to_be_between: (column) => `avg(${column})`,
  expect_column_median_to_be_between: (column) => `median(${column})`,
  expect_column_sum_to_be_between: (column) => `sum(${column})`,
  expect_column_stdev_to_be_between: (column) => `stddev(${column})`,
  expect_column_quantile_values_to_be_between: (column, { quantile }) =>
    `quantile_cont(${column}, ${Number(quantile)})`,
  expect_column_unique_value_count_to_be_between: (column) => `count(DISTINCT ${column})`,
  expect_column_proportion_of_unique_values_to_be_between: (column) =>
    `CASE WHEN count(${column}) = 0 THEN 1 ELSE count(DISTINCT ${column}) / count(${column}) END`,
};

/** The number of a column's different values, compared with `value`. */
const DISTINCT_COUNTS: Readonly<Record<string, string>> = {
  expect_column_distinct_count_to_equal: "=",
  expect_column_distinct_count_to_be_greater_than: ">",
  expect_column_distinct_count_to_be_less_than: "<",
};

/** Undefined for what is not among them. `row_condition` is not looked at for a condition on rows. */
export function expectationOf(name: string, args: Dict, tested: OfTable): Expectation | undefined {
  const column = tested.column ?? "";
  const aggregate = AGGREGATES[name];
  if (aggregate !== undefined) {
    const bounded = between(aggregate(column, args), args);
    return bounded === undefined ? undefined : ofGroups(bounded, args, tested);
  }
  const operator = DISTINCT_COUNTS[name];
  if (operator !== undefined) {
    return ofGroups(`count(DISTINCT ${column}) ${operator} ${String(args["value"])}`, args, tested);
  }
  switch (name) {
    case "expect_column_values_to_be_increasing":
      return inOrder(">", args, tested);
    case "expect_column_values_to_be_decreasing":
      return inOrder("<", args, tested);
    case "expect_column_values_to_not_match_regex":
      return { sql: `NOT ${regexOf(column, args["regex"], args)}` };
    case "expect_column_values_to_match_regex_list":
      return anyOf(textsOf(args["regex_list"]).map((regex) => regexOf(column, regex, args)), args);
    case "expect_column_values_to_not_match_regex_list":
      return anyOf(textsOf(args["regex_list"]).map((regex) => `NOT ${regexOf(column, regex, args)}`), args);
    case "expect_column_values_to_match_like_pattern":
      return { sql: `${column}::VARCHAR LIKE ${text(args["like_pattern"])}` };
    case "expect_column_values_to_not_match_like_pattern":
      return { sql: `${column}::VARCHAR NOT LIKE ${text(args["like_pattern"])}` };
    case "expect_column_values_to_match_like_pattern_list":
      return anyOf(
        textsOf(args["like_pattern_list"]).map((one) => `${column}::VARCHAR LIKE ${text(one)}`),
        args,
      );
    case "expect_column_values_to_not_match_like_pattern_list":
      return anyOf(
        textsOf(args["like_pattern_list"]).map((one) => `${column}::VARCHAR NOT LIKE ${text(one)}`),
        args,
      );
    case "expect_column_pair_values_A_to_be_greater_than_B": {
      const operator = args["or_equal"] === true ? ">=" : ">";
      return { sql: `${String(args["column_A"])} ${operator} ${String(args["column_B"])}` };
    }
    case "expect_column_pair_values_to_be_equal":
      return { sql: `${String(args["column_A"])} = ${String(args["column_B"])}` };
    case "expect_multicolumn_sum_to_equal": {
      const total = args["sum_total"];
      const sums = textsOf(args["column_list"]).map((one) => `sum(${one})`).join(" + ");
      const wanted = typeof total === "number" ? String(total) : `sum(${String(total)})`;
      return ofGroups(`${sums} = ${wanted}`, args, tested);
    }
    default:
      return undefined;
  }
}

/** Groups of the rows, or all of them, of which a condition does not hold; one that is NULL fails none. */
function ofGroups(condition: string, args: Dict, { table }: OfTable): Expectation {
  const groups = textsOf(args["group_by"]).join(", ");
  const from = filtered(table, args);
  return {
    isOfTable: true,
    sql: groups === ""
      ? `SELECT 1 FROM ${from} HAVING NOT (${condition})`
      : `SELECT ${groups} FROM ${from} GROUP BY ${groups} HAVING NOT (${condition})`,
  };
}

const filtered = (table: string, { row_condition: condition }: Dict): string =>
  typeof condition === "string" ? `(SELECT * FROM ${table} WHERE ${condition})` : table;

function between(value: string, args: Dict): string | undefined {
  const equal = args["strictly"] === true ? "" : "=";
  const isGiven = (bound: unknown) => bound !== undefined && bound !== null;
  const parts = [
    ...(isGiven(args["min_value"]) ? [`${value} >${equal} ${String(args["min_value"])}`] : []),
    ...(isGiven(args["max_value"]) ? [`${value} <${equal} ${String(args["max_value"])}`] : []),
  ];
  return parts.length === 0 ? undefined : parts.join(" AND ");
}

/** Values that are not behind the one before, by the order of `sort_column`. */
function inOrder(operator: string, args: Dict, { table, column = "" }: OfTable): Expectation {
  const groups = textsOf(args["group_by"]).join(", ");
  const partition = groups === "" ? "" : `PARTITION BY ${groups} `;
  const order = typeof args["sort_column"] === "string" ? args["sort_column"] : column;
  const compared = args["strictly"] === false ? `${operator}=` : operator;
  const step = typeof args["step"] === "number" ? ` AND value - before = ${args["step"]}` : "";
  return {
    isOfTable: true,
    sql:
      `SELECT * FROM (SELECT ${column} AS value, lag(${column}) OVER (${partition}ORDER BY ${order}) AS before ` +
      `FROM ${filtered(table, args)}) WHERE before IS NOT NULL AND NOT (value ${compared} before${step})`,
  };
}

function anyOf(conditions: readonly string[], args: Dict): Expectation | undefined {
  if (conditions.length === 0) return undefined;
  return { sql: conditions.join(args["match_on"] === "all" ? " AND " : " OR ") };
}

const regexOf = (column: string, regex: unknown, { flags }: Dict): string =>
  `regexp_matches(${column}::VARCHAR, ${text(regex)}${
    typeof flags === "string" && flags !== "" ? `, ${text(flags)}` : ""
  })`;

const text = (value: unknown): string => `'${String(value).replaceAll("'", "''")}'`;
