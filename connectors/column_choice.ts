import type { ColumnChoice } from "../contract/connector/source.ts";
import { AppError } from "../contract/errors.ts";
import { isSameName } from "../contract/sql.ts";

/** The column that is written so, or else the one that differs by case only; undefined where there is neither. */
export function findColumn<T extends { readonly name: string }>(
  columns: readonly T[],
  name: string,
): T | undefined {
  return columns.find((column) => column.name === name) ??
    columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
}

/**
 * The columns that were asked for, in the source's order, each by its name as `findColumn` takes it. Throws
 * `missing` for a name without a column.
 */
export function chooseColumns<T extends { readonly name: string }>(
  columns: readonly T[],
  choice: ColumnChoice | undefined,
  missing: (name: string) => AppError,
): readonly T[] {
  if (choice === undefined) return columns;
  const find = (name: string) => {
    const found = findColumn(columns, name);
    if (found === undefined) throw missing(name);
    return found;
  };
  const only = choice.only === undefined ? undefined : new Set(choice.only.map(find));
  const except = new Set((choice.except ?? []).map(find));
  return columns.filter((column) => (only === undefined || only.has(column)) && !except.has(column));
}

/**
 * Columns of the warehouse differ by more than the case of their letters. Throws `invalid` for names that do
 * not, and where there are none; `action` heads the message.
 */
export function checkColumnNames(names: readonly string[], action: string): void {
  if (names.length === 0) throw new AppError("invalid", `${action}: columns leaves out every column`);
  for (const [i, name] of names.entries()) {
    const other = names.slice(0, i).find((earlier) => isSameName(earlier, name));
    if (other === undefined) continue;
    const [one, two] = [JSON.stringify(other), JSON.stringify(name)];
    const met = other === name
      ? `two columns are named ${one}`
      : `the columns ${one} and ${two} differ by case only`;
    throw new AppError("invalid", `${action}: ${met}; give one an alias in a query`);
  }
}
