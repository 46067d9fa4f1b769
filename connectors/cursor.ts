import { quoteIdentifier } from "../contract/sql.ts";

/**
 * The common cursor's one home: which rows an incremental stream asks its source for. Rows with the
 * cursor's own value come again (a row may have been written in the same moment as the last one
 * read), and so do rows without a value, which no comparison would ever find. The engine drops what
 * it has already: engine/warehouse/raw_rows.ts.
 */

/** The condition in SQL. `bound` is the cursor's value as a literal or parameter of the source's SQL. */
export function cursorCondition(column: string, bound: string): string {
  return `(${column} >= ${bound} OR ${column} IS NULL)`;
}

/**
 * The condition for DuckDB, with the value as its parameter `$1`. Where the column has another type
 * than the cursor (a file without rows, or with other values, was typed anew), what cannot be compared
 * is let through: what becomes of the column is decided where its rows are stored.
 */
export function duckdbCursorCondition(
  cursor: { readonly column: string; readonly type: string },
  type: string = cursor.type,
): string {
  const column = quoteIdentifier(cursor.column);
  const compared = type === cursor.type ? column : `TRY_CAST(${column} AS ${cursor.type})`;
  return cursorCondition(compared, `CAST($1 AS ${cursor.type})`);
}

/** The same for values that only code can compare; `compare` is negative where `value` is before the cursor. */
export function isAtCursor<T>(value: T | null, compare: (value: T) => number): boolean {
  return value === null || compare(value) >= 0;
}
