import type { ColumnChoice } from "../contract/connector/source.ts";
import type { AppError } from "../contract/errors.ts";

/**
 * The columns that were asked for, in the source's order. A name means the column that is written so,
 * or else the one that differs by case only. Throws `missing` for a name without a column.
 */
export function chooseColumns<T extends { readonly name: string }>(
  columns: readonly T[],
  choice: ColumnChoice | undefined,
  missing: (name: string) => AppError,
): readonly T[] {
  if (choice === undefined) return columns;
  const find = (name: string) => {
    const found = columns.find((column) => column.name === name) ??
      columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
    if (found === undefined) throw missing(name);
    return found;
  };
  const only = choice.only === undefined ? undefined : new Set(choice.only.map(find));
  const except = new Set((choice.except ?? []).map(find));
  return columns.filter((column) => (only === undefined || only.has(column)) && !except.has(column));
}
