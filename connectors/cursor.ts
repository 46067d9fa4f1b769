import type { Until } from "../contract/connector/source.ts";
import { quoteIdentifier } from "../contract/sql.ts";

/**
 * The common cursor's one home: which rows an incremental stream asks its source for. Rows with the
 * cursor's own value come again (a row may have been written in the same moment as the last one
 * read), and so do rows without a value, which no comparison would ever find. The engine drops what
 * it has already: engine/warehouse/raw_rows.ts.
 *
 * `until` closes the window at the greatest value that there was when the run began: what comes later is the
 * next run's. Values that no bound holds (infinite, NaN) are asked for whatever it is. A range that is read
 * again is just the rows from the cursor until before its end.
 */

/** Bounds as literals or parameters of the source's SQL. */
export interface SqlWindow {
  readonly from?: string | undefined;
  readonly until?: string | undefined;
  readonly isRange?: boolean | undefined;
  /** A condition for values beyond every bound; left out for types that have none. */
  readonly endless?: string | undefined;
}

/** The condition in SQL; undefined where all rows are asked for. */
export function windowCondition(column: string, window: SqlWindow): string | undefined {
  const { from, until, isRange = false, endless } = window;
  if (from === undefined && until === undefined) return undefined;
  const lower = from === undefined ? [] : [`${column} >= ${from}`];
  if (until === undefined) return `(${[...lower, `${column} IS NULL`].join(" OR ")})`;
  if (isRange) return `(${[...lower, `${column} < ${until}`].join(" AND ")})`;
  const closed = `${column} <= ${until}`;
  const upper = endless === undefined ? closed : `(${closed} OR ${endless})`;
  return `(${[...lower, upper].join(" AND ")} OR ${column} IS NULL)`;
}

export interface DuckdbBound {
  readonly column: string;
  readonly value: string;
  readonly type: string;
}

/**
 * The condition for DuckDB; `bind` takes a value and returns its parameter or literal. Where the column has
 * another type than the cursor (a file without rows, or with other values, was typed anew), what cannot be
 * compared is let through: what becomes of the column is decided where its rows are stored.
 */
export function duckdbWindowCondition(
  cursor: DuckdbBound | undefined,
  until: Until | undefined,
  bind: (value: string) => string,
  type?: string,
): string | undefined {
  const bound = cursor ?? until;
  if (bound === undefined) return undefined;
  const own = type ?? bound.type;
  const column = quoteIdentifier(bound.column);
  const compared = own === bound.type ? column : `TRY_CAST(${column} AS ${bound.type})`;
  const literal = (one: DuckdbBound) => `CAST(${bind(one.value)} AS ${one.type})`;
  return windowCondition(compared, {
    ...(cursor === undefined ? {} : { from: literal(cursor) }),
    ...(until === undefined ? {} : { until: literal(until), isRange: until.isRange }),
    ...(hasEndless(bound.type) ? { endless: `NOT isfinite(${compared})` } : {}),
  });
}

const hasEndless = (duckType: string): boolean => /^(?:FLOAT|DOUBLE|DATE|TIMESTAMP)/.test(duckType);

/** The finite values of a column of DuckDB: those that can be a bound. */
export const duckdbFinite = (column: string, type: string): string =>
  hasEndless(type) ? `isfinite(${column})` : `${column} IS NOT NULL`;

/** What code compares values by: negative where `value` comes before the bound, positive where it comes after. */
export interface CodeWindow<T> {
  readonly from?: ((value: T) => number) | undefined;
  readonly until?: ((value: T) => number) | undefined;
  readonly isRange?: boolean | undefined;
  readonly isEndless?: ((value: T) => boolean) | undefined;
}

/** The same as `windowCondition` for values that only code can compare. */
export function isInWindow<T>(value: T | null, window: CodeWindow<T>): boolean {
  const { from, until, isRange = false, isEndless } = window;
  if (value === null) return !isRange;
  if (from !== undefined && from(value) < 0) return false;
  if (until === undefined) return true;
  const distance = until(value);
  return isRange ? distance < 0 : distance <= 0 || isEndless?.(value) === true;
}
