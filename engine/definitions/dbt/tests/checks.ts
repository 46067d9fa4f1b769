import { THRESHOLD_PATTERN } from "../../../../contract/checks/threshold.ts";
import { isRecord } from "../../../../text/is_record.ts";
import type { Dict } from "../project/read_project.ts";
import { merge, optionalText, textsOf } from "../project/settings.ts";
import { expectationOf } from "./expectations.ts";
import { having, rangesRule, sequentialSql } from "./utils_rules.ts";

/** dbt's generic tests as checks of ours. */

export interface CheckContext {
  /** The name in SQL of what a text as `ref('orders')` means; undefined where it means nothing that is there. */
  table(text: string): string | undefined;
  /** The SQL of a generic test of the project; undefined where there is none of this name. */
  ownTest(name: string, args: Dict): string | undefined;
  hand(message: string): void;
  note(message: string): void;
  describe(text: string): string;
  /** A text of an argument without its template, as it is where that does not work. */
  render(text: string): string;
}

export interface Checks {
  readonly ofColumn: unknown[];
  readonly ofTable: unknown[];
}

/** What is tested: a column of a table, or the table. */
export interface Tested {
  /** In SQL. */
  readonly table: string;
  readonly column: string | undefined;
}

/** The checks of a list of tests; what has none is told to `context.hand`. */
export function checksOf(tests: unknown, tested: Tested, context: CheckContext): Checks {
  const checks: Checks = { ofColumn: [], ofTable: [] };
  for (const test of Array.isArray(tests) ? tests : []) addTest(test, tested, context, checks);
  return checks;
}

function addTest(test: unknown, tested: Tested, context: CheckContext, to: Checks): void {
  const written = writtenTest(test);
  if (written === undefined) return;
  const { name, args: given } = written;
  const [args, config] = [renderedArgs(given, context), renderedArgs(written.config, context)];
  if (config["enabled"] === false) return;
  const options = optionsOf(config, name, context);
  const what = tested.column === undefined ? name : `${name} of ${tested.column}`;
  const rule = ruleOf(name, args, given, tested, context);
  if (rule === undefined) {
    context.hand(`the test ${what} has no check that is the same: write it as SQL`);
    return;
  }
  const { isOfTable = false, ...check } = rule;
  // What sees the whole table by its own SELECT takes no condition from outside.
  const isQuery = isOfTable && "sql" in check;
  if (isQuery && options["where"] !== undefined) {
    context.hand(`the test ${what} has a where, which its check's own SELECT has to say`);
    delete options["where"];
  }
  const hasThresholds = !["row_count", "freshness", "recency", "change"].some((kind) => kind in check);
  if (!hasThresholds) { for (const key of ["error_if", "warn_if"]) delete options[key]; }
  const conditions = [check["where"], options["where"]].filter((one) => typeof one === "string");
  const where = conditions.length > 1 ? { where: conditions.map((one) => `(${one})`).join(" AND ") } : {};
  const entry = { ...check, ...options, ...where };
  const [only] = Object.keys(entry);
  const isBare = Object.keys(entry).length === 1 && (only === "not_null" || only === "unique") && !isOfTable;
  if (tested.column === undefined || isOfTable) {
    to.ofTable.push(isOfTable || tested.column === undefined ? entry : { column: tested.column, ...entry });
  } else to.ofColumn.push(isBare ? only : entry);
}

interface WrittenTest {
  readonly name: string;
  readonly args: Dict;
  readonly config: Dict;
}

const CONFIG_KEYS = [
  "severity",
  "where",
  "error_if",
  "warn_if",
  "enabled",
  "tags",
  "limit",
  "store_failures",
  "meta",
];

function writtenTest(test: unknown): WrittenTest | undefined {
  if (typeof test === "string") return { name: test, args: {}, config: {} };
  if (!isRecord(test)) return undefined;
  const { name: given, test_name: testName, config: outer, ...others } = test;
  const [[key, value] = ["", undefined]] = Object.entries(others);
  const name = typeof testName === "string" ? testName : key;
  const inner: Dict = typeof testName === "string" ? others : isRecord(value) ? value : {};
  const { arguments: nested, config, name: label, description: _, ...flat } = inner;
  const args = { ...flat, ...(isRecord(nested) ? nested : {}) };
  const settings = Object.fromEntries(
    CONFIG_KEYS.filter((one) => one in args).map((one) => [one, args[one]]),
  );
  for (const one of CONFIG_KEYS) delete args[one];
  const all = merge(settings, { ...(isRecord(outer) ? outer : {}), ...(isRecord(config) ? config : {}) });
  const ownName = label ?? (typeof testName === "string" ? given : undefined);
  return { name, args, config: ownName === undefined ? all : { ...all, name: ownName } };
}

const renderedArgs = (args: Dict, context: CheckContext): Dict =>
  Object.fromEntries(Object.entries(args).map(([key, value]) => [key, renderedArg(value, context)]));

function renderedArg(value: unknown, context: CheckContext): unknown {
  if (typeof value === "string") return /\{[{%]/.test(value) ? context.render(value).trim() : value;
  if (Array.isArray(value)) return value.map((item) => renderedArg(item, context));
  return isRecord(value) ? renderedArgs(value, context) : value;
}

function optionsOf(config: Dict, test: string, context: CheckContext): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  const name = optionalText(config["name"]);
  if (name !== undefined) options["name"] = name.replace(/\W+/g, "_").replace(/^(?=\d)/, "_").slice(0, 63);
  const isWarning = String(config["severity"] ?? "error").toLowerCase() === "warn";
  if (isWarning) options["severity"] = "warn";
  const where = optionalText(config["where"]);
  if (where !== undefined) options["where"] = where;
  for (const key of ["error_if", "warn_if"] as const) {
    const threshold = optionalText(config[key]);
    // One that is a warning at most has no error_if, and warn_if alone changes nothing of an error.
    if (threshold === undefined || key === "error_if" && isWarning) continue;
    if (key === "warn_if" && !isWarning && config["error_if"] === undefined) continue;
    if (THRESHOLD_PATTERN.test(threshold)) options[key] = threshold;
    else context.hand(`${key}: ${threshold} of the test ${test} is no comparison with a number`);
  }
  return options;
}

type Rule = Record<string, unknown> & { readonly isOfTable?: boolean };

const ofTable = (rule: Record<string, unknown>): Rule => ({ ...rule, isOfTable: true });

/** `given` are the arguments as they are written. */
function ruleOf(
  fullName: string,
  args: Dict,
  given: Dict,
  tested: Tested,
  context: CheckContext,
): Rule | undefined {
  const ownArgs = {
    ...given,
    model: tested.table,
    ...(tested.column === undefined ? {} : { column_name: tested.column }),
  };
  const own = () => {
    const sql = context.ownTest(fullName, ownArgs);
    return sql === undefined ? undefined : ofTable({ sql });
  };
  const name = fullName.replace(/^(?:dbt|dbt_utils|dbt_expectations)\./, "");
  if (name === fullName && context.ownTest(name, ownArgs) !== undefined) return own();
  const column = tested.column === undefined ? undefined : columnRule(name, args, tested, context);
  const rule = column ?? tableRule(name, args, tested, context);
  if (rule !== undefined) return ofRows(rule, args);
  const expectation = expectationOf(name, args, tested);
  if (expectation !== undefined) return "isOfTable" in expectation ? expectation : ofRows(expectation, args);
  return own();
}

/** dbt_expectations looks at the rows of a condition. */
function ofRows(rule: Rule, { row_condition: condition }: Dict): Rule {
  const own = optionalText(condition);
  if (own === undefined) return rule;
  const where = optionalText(rule["where"]);
  return { ...rule, where: where === undefined ? own : `(${where}) AND (${own})` };
}

function columnRule(name: string, args: Dict, tested: Tested, context: CheckContext): Rule | undefined {
  const column = tested.column ?? "";
  switch (name) {
    case "not_null":
    case "expect_column_values_to_not_be_null":
      return { not_null: true };
    case "unique":
    case "expect_column_values_to_be_unique":
      return { unique: true };
    case "accepted_values":
    case "expect_column_values_to_be_in_set":
      return listRule("accepted_values", args["values"] ?? args["value_set"]);
    case "not_accepted_values":
    case "expect_column_values_to_not_be_in_set":
      return listRule("not_accepted_values", args["values"] ?? args["value_set"]);
    case "relationships":
    case "relationships_where": {
      const to = context.table(String(args["to"]));
      const field = optionalText(args["field"]);
      if (to === undefined || field === undefined) return undefined;
      const condition = optionalText(args["to_condition"]);
      if (condition !== undefined) {
        const own = optionalText(args["from_condition"]) ?? "true";
        return ofTable({
          sql: `SELECT ${column} FROM ${tested.table} WHERE ${column} IS NOT NULL AND (${own}) ` +
            `AND ${column} NOT IN (SELECT ${field} FROM ${to} WHERE ${field} IS NOT NULL AND (${condition}))`,
        });
      }
      const where = optionalText(args["from_condition"]);
      return { relationships: { to, column: field }, ...(where === undefined ? {} : { where }) };
    }
    case "not_empty_string":
      return { sql: `trim(${column}) <> ''` };
    case "expression_is_true":
      // That of a constraint names its column itself.
      if (args["of_row"] === true) return { sql: String(args["expression"]) };
      return { sql: `${column} ${String(args["expression"])}` };
    case "accepted_range":
    case "expect_column_values_to_be_between":
      return rangeRule(column, args);
    case "expect_column_values_to_match_regex":
      return { pattern: String(args["regex"]) };
    case "expect_column_value_lengths_to_equal":
      return { length: args["value"] };
    case "expect_column_value_lengths_to_be_between":
      return { length: bounds(args) };
    case "expect_column_values_to_be_null":
      return { sql: `${column} IS NULL` };
    case "not_constant":
      return ofTable(having(tested, args, `count(DISTINCT ${column}) = 1`));
    case "at_least_one":
      return ofTable(having(tested, args, `count(${column}) = 0`));
    case "not_null_proportion": {
      const least = Number(args["at_least"] ?? 0);
      const most = Number(args["at_most"] ?? 1);
      return ofTable(having(tested, args, `count(${column}) / count(*) NOT BETWEEN ${least} AND ${most}`));
    }
    case "cardinality_equality": {
      const to = context.table(String(args["to"]));
      const field = optionalText(args["field"]);
      if (to === undefined || field === undefined) return undefined;
      const counts = (of: string, from: string) => `SELECT ${of}, count(*) FROM ${from} GROUP BY ${of}`;
      const [ours, theirs] = [counts(column, tested.table), counts(field, to)];
      return ofTable({ sql: `(${ours} EXCEPT ${theirs}) UNION ALL (${theirs} EXCEPT ${ours})` });
    }
    case "sequential_values":
      return ofTable({ sql: sequentialSql(column, tested.table, args) });
    default:
      return undefined;
  }
}

function tableRule(
  name: string,
  args: Dict,
  { table, column }: Tested,
  context: CheckContext,
): Rule | undefined {
  const other = () => context.table(String(args["compare_model"]));
  switch (name) {
    case "unique_combination_of_columns":
    case "expect_compound_columns_to_be_unique":
      return ofTable({ unique: textsOf(args["combination_of_columns"] ?? args["column_list"]) });
    case "expression_is_true":
    case "expect_row_values_to_have_expression_true":
      return ofTable({ expression: String(args["expression"]) });
    case "equal_rowcount":
    case "expect_table_row_count_to_equal_other_table": {
      const to = other();
      return to === undefined ? undefined : ofTable({ row_count: { equal_to: to } });
    }
    case "fewer_rows_than": {
      const to = other();
      return to === undefined ? undefined : ofTable({
        sql: `SELECT 1 WHERE (SELECT count(*) FROM ${table}) >= (SELECT count(*) FROM ${to})`,
      });
    }
    case "expect_table_row_count_to_be_between":
      return ofTable({ row_count: bounds(args) });
    case "recency": {
      const unit = RECENCY_UNITS[String(args["datepart"]).toLowerCase()];
      const field = optionalText(args["field"]);
      const interval = Number(args["interval"]);
      if (unit === undefined || field === undefined || !Number.isInteger(interval)) return undefined;
      return ofTable({ freshness: { column: field, error_after: `${interval}${unit}` } });
    }
    case "mutually_exclusive_ranges":
      return rangesRule(table, args);
    case "equality": {
      const to = other();
      if (args["precision"] !== undefined) return undefined;
      const excluded = textsOf(args["exclude_columns"]).join(", ");
      const columns = textsOf(args["compare_columns"]).join(", ") ||
        (excluded === "" ? "*" : `* EXCLUDE (${excluded})`);
      const [ours, theirs] = [`SELECT ${columns} FROM ${table}`, `SELECT ${columns} FROM ${to}`];
      return to === undefined ? undefined : ofTable({
        sql: `(${ours} EXCEPT ${theirs}) UNION ALL (${theirs} EXCEPT ${ours})`,
      });
    }
    case "expect_column_to_exist":
      return column === undefined
        ? undefined
        : ofTable({ sql: `SELECT ${column} FROM ${table} WHERE false` });
    default:
      return undefined;
  }
}

const RECENCY_UNITS: Readonly<Record<string, string>> = { minute: "m", hour: "h", day: "d", week: "w" };

function listRule(kind: string, values: unknown): Rule | undefined {
  // NULL is never among values, and never another one than they are.
  const given = Array.isArray(values) ? values.filter((value) => value !== null) : [];
  return given.length > 0 ? { [kind]: given } : undefined;
}

function bounds(args: Dict): Dict {
  const entries = [["min", args["min_value"]], ["max", args["max_value"]]] as const;
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== null));
}

/** Bounds that are expressions are compared in SQL. */
function rangeRule(column: string, args: Dict): Rule | undefined {
  const { min, max } = bounds(args);
  if (min === undefined && max === undefined) return undefined;
  const isExclusive = args["inclusive"] === false || args["strictly"] === true;
  if ([min, max].every((bound) => bound === undefined || typeof bound === "number")) {
    return { range: { ...bounds(args), ...(isExclusive ? { exclusive: true } : {}) } };
  }
  const equal = isExclusive ? "" : "=";
  const parts = [
    ...(min === undefined ? [] : [`${column} >${equal} ${String(min)}`]),
    ...(max === undefined ? [] : [`${column} <${equal} ${String(max)}`]),
  ];
  return { sql: parts.join(" AND ") };
}
