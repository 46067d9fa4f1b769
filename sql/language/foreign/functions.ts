/** Functions of other databases, by their names in lower case, and what DuckDB has for them. */
const FOREIGN_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ["nvl", "coalesce(a, b)"],
  ["isnull", "coalesce(a, b), or a IS NULL"],
  ["iff", "if(condition, a, b)"],
  ["iif", "if(condition, a, b)"],
  ["decode", "CASE a WHEN b THEN c ELSE d END"],
  ["dateadd", "day + INTERVAL 1 DAY, or date_add(day, INTERVAL 1 DAY)"],
  ["date_parse", "strptime(text, '%Y-%m-%d')"],
  ["to_date", "CAST(text AS DATE), or strptime(text, '%d.%m.%Y')"],
  ["to_char", "strftime(day, '%Y-%m-%d'), or CAST(a AS VARCHAR)"],
  ["to_varchar", "CAST(a AS VARCHAR)"],
  ["to_number", "CAST(text AS DECIMAL(18, 2))"],
  ["safe_divide", "a / nullif(b, 0)"],
  ["div0", "coalesce(a / nullif(b, 0), 0)"],
  ["zeroifnull", "coalesce(a, 0)"],
  ["getdate", "now()"],
  ["sysdate", "now()"],
  ["current_datetime", "now()::TIMESTAMP"],
  ["charindex", "strpos(text, part)"],
  ["listagg", "string_agg(a, ', ' ORDER BY a)"],
  ["group_concat", "string_agg(a, ', ' ORDER BY a)"],
  ["object_construct", "json_object('key', a)"],
  ["generate_array", "range(1, 10)"],
  ["flatten", "unnest(list)"],
  ["convert", "CAST(a AS VARCHAR)"],
  ["safe_cast", "TRY_CAST(a AS INTEGER)"],
  ["datetime", "CAST(a AS TIMESTAMP)"],
  ["to_timestamp_ntz", "CAST(text AS TIMESTAMP)"],
  ["parse_json", "CAST(text AS JSON)"],
  ["timestampdiff", "date_diff('day', a, b)"],
  ["timestampadd", "a + INTERVAL 1 DAY"],
  ["countif", "count_if(condition)"],
  ["array_agg_distinct", "list(DISTINCT a)"],
  ["collect_list", "list(a)"],
  ["regexp_substr", "regexp_extract(text, pattern)"],
  ["regexp_like", "regexp_matches(text, pattern)"],
  ["rlike", "regexp_matches(text, pattern)"],
  ["surrogate_key", "md5(concat_ws('|', a, b))"],
  ["generate_surrogate_key", "md5(concat_ws('|', a, b))"],
]);

/** Types of other databases, and what DuckDB calls them. */
const FOREIGN_TYPES: ReadonlyMap<string, string> = new Map([
  ["number", "DECIMAL(18, 2) or BIGINT"],
  ["varchar2", "VARCHAR"],
  ["nvarchar", "VARCHAR"],
  ["float64", "DOUBLE"],
  ["bignumeric", "DECIMAL(38, 9)"],
  ["money", "DECIMAL(18, 2)"],
  ["timestamp_ntz", "TIMESTAMP"],
  ["timestamp_ltz", "TIMESTAMPTZ"],
  ["timestamp_tz", "TIMESTAMPTZ"],
  ["variant", "JSON"],
  ["object", "JSON"],
  ["serial", "BIGINT"],
]);

/** Functions that are only there with OVER. */
const WINDOW_FUNCTIONS: ReadonlySet<string> = new Set([
  "row_number",
  "rank",
  "dense_rank",
  "percent_rank",
  "cume_dist",
  "ntile",
  "lag",
  "lead",
  "first_value",
  "last_value",
  "nth_value",
]);

/** What to write in place of a function that DuckDB has not, as a sentence's end; undefined for one that is unknown. */
export function inPlaceOfFunction(name: string): string | undefined {
  const key = name.toLowerCase();
  if (WINDOW_FUNCTIONS.has(key)) return `${name} is a window function: write ${name}(…) OVER (…)`;
  const instead = FOREIGN_FUNCTIONS.get(key);
  return instead && `function ${name} does not exist in DuckDB: write ${instead}`;
}

/** The same of a type. */
export function inPlaceOfType(name: string): string | undefined {
  const instead = FOREIGN_TYPES.get(name.toLowerCase());
  return instead && `type ${name} does not exist in DuckDB: write ${instead}`;
}
