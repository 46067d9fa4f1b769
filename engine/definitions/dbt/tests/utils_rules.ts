import type { Dict } from "../project/read_project.ts";
import { optionalText, textsOf } from "../project/settings.ts";

/** Tests of dbt_utils that are queries: each returns the rows that fail. */

/** Groups of the table, or all of it, of which the condition holds. */
export function having(
  { table }: { readonly table: string },
  args: Dict,
  condition: string,
): { readonly sql: string } {
  const groups = textsOf(args["group_by_columns"]).join(", ");
  return groups === ""
    ? { sql: `SELECT 1 FROM ${table} HAVING ${condition}` }
    : { sql: `SELECT ${groups} FROM ${table} GROUP BY ${groups} HAVING ${condition}` };
}

/** Values that are not one interval behind the one before. */
export function sequentialSql(column: string, table: string, args: Dict): string {
  const groups = textsOf(args["group_by_columns"]).join(", ");
  const partition = groups === "" ? "" : `PARTITION BY ${groups} `;
  const interval = String(args["interval"] ?? 1);
  const part = optionalText(args["datepart"]);
  const step = part === undefined ? interval : `INTERVAL '${interval} ${part}'`;
  const cast = part === undefined ? column : `${column}::TIMESTAMP`;
  return `SELECT * FROM (SELECT ${cast} AS value, lag(${cast}) OVER (${partition}ORDER BY ${column}) AS before ` +
    `FROM ${table}) WHERE value <> before + ${step}`;
}

const GAPS: Readonly<Record<string, string>> = {
  not_allowed: "upper_bound = next_lower_bound",
  allowed: "upper_bound <= next_lower_bound",
  required: "upper_bound < next_lower_bound",
};

/** Ranges that overlap; undefined for arguments that dbt_utils does not have. */
export function rangesRule(
  table: string,
  args: Dict,
): { readonly sql: string; readonly isOfTable: true } | undefined {
  const [lower, upper] = [optionalText(args["lower_bound_column"]), optionalText(args["upper_bound_column"])];
  const gap = GAPS[String(args["gaps"] ?? "allowed")];
  if (lower === undefined || upper === undefined || gap === undefined) return undefined;
  const by = optionalText(args["partition_by"]);
  const partition = by === undefined ? "" : `PARTITION BY ${by} `;
  const empty = args["zero_length_range_allowed"] === true ? "<=" : "<";
  const rows = `SELECT ${lower} AS lower_bound, ${upper} AS upper_bound, ` +
    `lead(${lower}) OVER (${partition}ORDER BY ${lower}, ${upper}) AS next_lower_bound, ` +
    `row_number() OVER (${partition}ORDER BY ${lower} DESC, ${upper} DESC) = 1 AS is_last FROM ${table}`;
  return {
    sql: `SELECT * FROM (${rows}) WHERE NOT (coalesce(lower_bound ${empty} upper_bound, false) ` +
      `AND coalesce(${gap}, is_last, false))`,
    isOfTable: true,
  };
}
