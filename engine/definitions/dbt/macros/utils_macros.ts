import { AppError } from "../../../../contract/errors.ts";
import { MARKS } from "../context/rendering.ts";
import { singleValue } from "../context/query_values.ts";
import { isTrue, itemsOf, type JinjaFunction, textOf, type Value } from "../jinja/values.ts";
import { dateSpine } from "./dbt_macros.ts";
import { macro, sqlMacro } from "./signature.ts";

/** The macros of dbt_utils, as SQL of DuckDB: columns that dbt looks up in the database are left to DuckDB's `*`. */

const NULL_KEY = "_dbt_utils_surrogate_key_null_";

/** The same bytes as dbt_utils gives. */
const surrogateKey = (fields: Value): string => {
  const texts = (Array.isArray(fields) ? fields : [fields]).map((field) =>
    `coalesce(cast(${textOf(field)} as varchar), '${NULL_KEY}')`
  );
  return `md5(cast(${texts.join(" || '-' || ")} as varchar))`;
};

const listOr = (value: Value): string[] =>
  value === undefined || value === null ? [] : itemsOf(value).map(textOf);

/**
 * `star()`: DuckDB's `*`, and the columns themselves beside it, for a text that has more tables; names that are not there leave
 * nothing out. `columnsOf` says those of a relation by its text, as far as they are known.
 */
export const starMacro = (columnsOf: (relation: string) => readonly string[] | undefined): JinjaFunction =>
  macro(
    ["from", "relation_alias", "except", "prefix", "suffix", "quote_identifiers"],
    (from, alias, except, prefix, suffix) => {
      const without = listOr(except).map((name) => name.toLowerCase());
      const columns = columnsOf(textOf(from));
      const isThere = (name: string) =>
        columns === undefined || columns.some((one) => one.toLowerCase() === name.toLowerCase());
      const short = star(alias, listOr(except).filter(isThere), prefix, suffix);
      if (isTrue(alias)) return short;
      const listed = columns?.filter((name) => !without.includes(name.toLowerCase())).map((name) =>
        isTrue(prefix) || isTrue(suffix)
          ? `${quoted(name)} as ${quoted(`${textOf(prefix)}${name}${textOf(suffix)}`)}`
          : quoted(name)
      );
      const [open, middle, close] = MARKS.star;
      return `${open}${short}${middle}${listed?.join(",\n    ") ?? ""}${close}`;
    },
  );

const star = (alias: Value, except: Value, prefix: Value, suffix: Value): string => {
  const without = listOr(except).map(quoted);
  const from = isTrue(alias) ? `${textOf(alias)}.` : "";
  const columns = `${from}*${without.length === 0 ? "" : ` exclude (${without.join(", ")})`}`;
  if (!isTrue(prefix) && !isTrue(suffix)) return columns;
  return `columns(${columns}) as "${textOf(prefix)}\\0${textOf(suffix)}"`;
};

const quoted = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/i.test(name) ? name : `"${name.replaceAll('"', '""')}"`;

function unionRelations(
  relations: Value,
  exclude: Value,
  include: Value,
  source: Value,
  where: Value,
): string {
  const column = source === undefined ? "_dbt_source_relation" : source === null ? undefined : textOf(source);
  const included = listOr(include).map(quoted);
  const excluded = listOr(exclude).map(quoted);
  const columns = included.length > 0
    ? included.join(", ")
    : excluded.length > 0
    ? `columns(c -> lower(c) not in (${listOr(exclude).map((name) => `'${name.toLowerCase()}'`).join(", ")}))`
    : "*";
  return itemsOf(relations).map((relation) => {
    const name = textOf(relation);
    const origin = column === undefined ? "" : `'${name}' as ${quoted(column)}, `;
    return `select ${origin}${columns}\nfrom ${name}${isTrue(where) ? `\nwhere ${textOf(where)}` : ""}`;
  }).join("\nunion all by name\n");
}

function pivot(...values: Value[]): string {
  const [column, of, alias, agg, comparison, prefix, suffix, then, otherwise, quote, distinct] = values;
  const operator = textOf(comparison ?? "=");
  return itemsOf(of).map((value) => {
    const text = textOf(value);
    const name = `${textOf(prefix)}${text}${textOf(suffix)}`;
    const when = `case when ${textOf(column)} ${operator} '${text.replaceAll("'", "''")}' then ${
      textOf(then ?? 1)
    } else ${textOf(otherwise ?? 0)} end`;
    const sum = `${textOf(agg ?? "sum")}(${isTrue(distinct) ? "distinct " : ""}${when})`;
    if (alias === false) return sum;
    return `${sum} as ${quote === false ? slug(name) : `"${name.replaceAll('"', '""')}"`}`;
  }).join(",\n");
}

function unpivot(...values: Value[]): string {
  const [relation, castTo, exclude, remove, field, value, quoteIdentifiers] = values;
  if (quoteIdentifiers === true) {
    throw new AppError("invalid", "unpivot() with quote_identifiers is not known");
  }
  const kept = listOr(exclude);
  const gone = [...kept, ...listOr(remove)].map((name) => `'${name.toLowerCase()}'`);
  const type = textOf(castTo ?? "varchar");
  const name = textOf(relation);
  const columns = gone.length === 0 ? "*" : `c -> lower(c) not in (${gone.join(", ")})`;
  const ids = kept.map((one) => `${quoted(one)}, `).join("");
  const [fieldName, valueName] = [textOf(field ?? "field_name"), textOf(value ?? "value")];
  return [
    `select ${ids}${fieldName}, ${valueName}`,
    `from (select ${ids}cast(columns(${columns}) as ${type}) from ${name})`,
    `unpivot include nulls (${valueName} for ${fieldName} in (${
      kept.length === 0 ? "*" : `columns(* exclude (${kept.map(quoted).join(", ")}))`
    }))`,
  ].join("\n");
}

function widthBucket(expression: string, min: string, max: string, buckets: string): string {
  const size = `((cast(${max} as numeric(28,6)) - cast(${min} as numeric(28,6))) / ${buckets})`;
  return [
    "case",
    `when ${expression} < ${min} then 0`,
    `when ${expression} >= ${max} then ${buckets} + 1`,
    `else cast(floor((${expression} - ${min}) / ${size}) as bigint) + 1`,
    "end",
  ].join(" ");
}

function haversine(lat1: string, lon1: string, lat2: string, lon2: string, unit: string): string {
  const part = (a: string, b: string) => `pow(sin((radians(${b}) - radians(${a})) / 2), 2)`;
  const distance = `2 * 3961 * asin(sqrt(${
    part(lat1, lat2)
  } + cos(radians(${lat1})) * cos(radians(${lat2})) * ${part(lon1, lon2)}))`;
  return unit === "km" ? `${distance} * 1.60934` : distance;
}

const summed = (fields: Value, sign: string): string => {
  if (!Array.isArray(fields)) throw new AppError("invalid", "expected a list of fields");
  return `coalesce(${fields.map(textOf).join(`, 0) ${sign} coalesce(`)}, 0)`;
};

const slug = (text: string): string =>
  text.toLowerCase().replace(/[ -]+/g, "_").replace(/[^a-z0-9_]+/g, "").replace(/^(?=\d)/, "_");

const deduplicate = (relation: string, partitionBy: string, orderBy: string): string =>
  `select * from ${relation}\nqualify row_number() over (partition by ${partitionBy} order by ${orderBy}) = 1`;

/** What needs rows, or what is there, at the time of the import. */
const needsRows = (name: string): JinjaFunction => () => {
  throw new AppError(
    "invalid",
    `dbt_utils.${name}() looks into the database while dbt compiles: write its values out`,
  );
};

export const UTILS_MACROS: Readonly<Record<string, JinjaFunction>> = {
  generate_surrogate_key: macro(["field_list"], surrogateKey),
  surrogate_key: (args) => surrogateKey(Array.isArray(args[0]) ? args[0] : [...args]),
  union_relations: macro(
    ["relations", "column_override", "include", "exclude", "source_column_name", "where"],
    (relations, _override, include, exclude, source, where) =>
      unionRelations(relations, exclude, include, source, where),
  ),
  pivot: macro(
    [
      "column",
      "values",
      "alias",
      "agg",
      "cmp",
      "prefix",
      "suffix",
      "then_value",
      "else_value",
      "quote_identifiers",
      "distinct",
    ],
    pivot,
  ),
  unpivot: macro(
    ["relation", "cast_to", "exclude", "remove", "field_name", "value_name", "quote_identifiers"],
    unpivot,
  ),
  date_spine: sqlMacro(["datepart", "start_date", "end_date"], dateSpine),
  generate_series: sqlMacro(
    ["upper_bound"],
    (bound) => `select generate_series as generated_number from generate_series(1, ${bound})`,
  ),
  group_by: macro(["n"], (n) => `group by ${Array.from({ length: Number(n) }, (_, at) => at + 1).join(",")}`),
  deduplicate: sqlMacro(["relation", "partition_by", "order_by"], deduplicate),
  safe_add: macro(["field_list"], (fields) => summed(fields, "+")),
  safe_subtract: macro(["field_list"], (fields) => summed(fields, "-")),
  safe_divide: sqlMacro(["numerator", "denominator"], (a, b) => `(${a}) / nullif((${b}), 0)`),
  width_bucket: sqlMacro(["expr", "min_value", "max_value", "num_buckets"], widthBucket),
  haversine_distance: sqlMacro(["lat1", "lon1", "lat2", "lon2", "unit"], haversine),
  nullcheck: macro(
    ["cols"],
    (columns) => itemsOf(columns).map((name) => `nullif(${textOf(name)}, '') as ${textOf(name)}`).join(",\n"),
  ),
  slugify: sqlMacro(["string"], slug),
  // What it says of a relation is that of another class than ours.
  _is_relation: () => "",
  _is_ephemeral: () => "",
  pretty_time: () => "",
  pretty_log_format: () => "",
  log_info: () => "",
  type_string: () => "varchar",
  get_single_value: singleValue,
  get_relations_by_pattern: needsRows("get_relations_by_pattern"),
  get_relations_by_prefix: needsRows("get_relations_by_prefix"),
};
