/** Macros of DuckDB's own that make one value of several rows. */
const AGGREGATING_MACROS = new Set(["geomean", "geometric_mean", "wavg", "weighted_avg"]);

export function isAggregate(name: string, aggregates: ReadonlySet<string>): boolean {
  return aggregates.has(name) || AGGREGATING_MACROS.has(name);
}

const COUNTS = new Set([
  "approx_count_distinct",
  "count",
  "count_if",
  "count_star",
  "countif",
  "regr_count",
]);

/** Whether it tells how many values there are, and nothing of what they are. */
export const isCount = (name: string): boolean => COUNTS.has(name);

const LAMBDA_TAKERS = new Set([
  "apply",
  "array_apply",
  "array_filter",
  "array_reduce",
  "array_transform",
  "filter",
  "list_apply",
  "list_filter",
  "list_reduce",
  "list_transform",
  "reduce",
]);

export const isLambdaTaker = (name: string): boolean => LAMBDA_TAKERS.has(name);
