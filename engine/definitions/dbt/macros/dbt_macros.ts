import { itemsOf, type JinjaFunction, textOf } from "../jinja/values.ts";
import { macro, sqlMacro } from "./signature.ts";

/** The macros of dbt itself that are another SQL on each database, as they are in DuckDB. */

export function dateAdd(datepart: string, interval: string, of: string): string {
  // A date as a text has no type of its own in a sum.
  const from = /^\s*'[^']*'\s*$/.test(of) ? `cast(${of.trim()} as timestamp)` : of;
  const unit = datepart.toLowerCase().replace(/s$/, "");
  if (unit === "quarter") return `(${from} + (cast(${interval} as bigint) * 3) * interval 1 month)`;
  if (unit === "week") return `(${from} + (cast(${interval} as bigint) * 7) * interval 1 day)`;
  return `(${from} + cast(${interval} as bigint) * interval 1 ${unit})`;
}

export function dateDiff(first: string, second: string, datepart: string): string {
  const unit = datepart.toLowerCase().replace(/s$/, "");
  if (unit !== "week") return `date_diff('${unit}', (${first})::timestamp, (${second})::timestamp)`;
  // Weeks begin on Sunday in dbt.
  const week = (of: string) => `date_trunc('week', (${of})::timestamp + interval 1 day)`;
  return `date_diff('week', ${week(first)}, ${week(second)})`;
}

const lastDay = (date: string, datepart: string) =>
  `cast(date_trunc('${datepart}', ${date}) + interval ${
    datepart === "quarter" ? "3 month" : `1 ${datepart}`
  } - interval 1 day as date)`;

/** Each date from the start on, without the end, in a query that a join may follow, as it may dbt's. */
export function dateSpine(datepart: string, start: string, end: string): string {
  return [
    "select *",
    "from (",
    `    select ${dateAdd(datepart, "spine.step", start)} as date_${datepart}`,
    `    from (select unnest(range(${dateDiff(start, end, datepart)})) as step) as spine`,
    ") as filtered",
  ].join("\n");
}

const type = (name: string): JinjaFunction => () => name;

/** By their names, as `dbt.<name>` and by the bare name. */
export const DBT_MACROS: Readonly<Record<string, JinjaFunction>> = {
  date_trunc: sqlMacro(["datepart", "date"], (part, date) => `date_trunc('${part}', ${date})`),
  dateadd: sqlMacro(["datepart", "interval", "from_date_or_timestamp"], dateAdd),
  datediff: sqlMacro(["first_date", "second_date", "datepart"], dateDiff),
  date: sqlMacro(["year", "month", "day"], (year, month, day) => `make_date(${year}, ${month}, ${day})`),
  last_day: sqlMacro(["date", "datepart"], lastDay),
  date_spine: sqlMacro(["datepart", "start_date", "end_date"], dateSpine),
  generate_series: sqlMacro(
    ["upper_bound"],
    (bound) => `select generate_series as generated_number from generate_series(1, ${bound})`,
  ),
  safe_cast: sqlMacro(["field", "type"], (field, type) => `cast(${field} as ${type})`),
  cast: sqlMacro(["field", "type"], (field, type) => `cast(${field} as ${type})`),
  concat: macro(["fields"], (fields) => itemsOf(fields).map(textOf).join(" || ")),
  hash: sqlMacro(["field"], (field) => `md5(cast(${field} as varchar))`),
  split_part: sqlMacro(
    ["string_text", "delimiter_text", "part_number"],
    (text, delimiter, part) => `string_split(${text}, ${delimiter})[${part}]`,
  ),
  length: sqlMacro(["expression"], (text) => `length(${text})`),
  position: sqlMacro(["substring_text", "string_text"], (part, text) => `position(${part} in ${text})`),
  right: sqlMacro(["string_text", "length_expression"], (text, length) => `right(${text}, ${length})`),
  replace: sqlMacro(
    ["field", "old_chars", "new_chars"],
    (field, old, to) => `replace(${field}, ${old}, ${to})`,
  ),
  string_literal: sqlMacro(["value"], (value) => `'${value}'`),
  escape_single_quotes: sqlMacro(["expression"], (text) => text.replaceAll("'", "''")),
  any_value: sqlMacro(["expression"], (value) => `arbitrary(${value})`),
  bool_or: sqlMacro(["expression"], (value) => `bool_or(${value})`),
  cast_bool_to_text: sqlMacro(["field"], (field) => `cast(${field} as varchar)`),
  listagg: macro(
    ["measure", "delimiter_text", "order_by_clause", "limit_num"],
    (measure, delimiter, order, limit) => {
      const by = order === undefined || order === null ? "" : ` ${textOf(order)}`;
      const separator = delimiter === undefined ? "','" : textOf(delimiter);
      return limit === undefined || limit === null
        ? `string_agg(${textOf(measure)}, ${separator}${by})`
        : `list_aggr((array_agg(${textOf(measure)}${by}))[1:${textOf(limit)}], 'string_agg', ${separator})`;
    },
  ),
  array_append: sqlMacro(["array", "new_element"], (array, item) => `list_append(${array}, ${item})`),
  array_concat: sqlMacro(["array_1", "array_2"], (a, b) => `list_concat(${a}, ${b})`),
  array_construct: macro(["inputs"], (inputs) => `[${itemsOf(inputs).map(textOf).join(", ")}]`),
  current_timestamp: () => "now()",
  current_timestamp_backcompat: () => "now()::timestamp",
  current_timestamp_in_utc_backcompat: () => "now()::timestamp",
  except: () => "except",
  intersect: () => "intersect",
  type_string: type("varchar"),
  type_timestamp: type("timestamp"),
  type_int: type("int"),
  type_bigint: type("bigint"),
  type_float: type("float"),
  type_numeric: type("numeric(28,6)"),
  type_boolean: type("boolean"),
};
