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
