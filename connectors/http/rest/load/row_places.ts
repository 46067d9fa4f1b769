/** `{row.<column>}`: the value of the row that a request sends. */
const ROW_PLACE = /\{\s*row\.([^{}]+?)\s*\}/g;

/** Whether a text of the value, at any depth, names a column of the row. */
export function hasRowPlace(value: unknown): boolean {
  if (typeof value === "string") return value.search(ROW_PLACE) >= 0;
  return typeof value === "object" && value !== null && Object.values(value).some(hasRowPlace);
}

/** The text with its places filled in by `valueOf`, which is given a column's name and throws where there is none. */
export const fillRowPlaces = (text: string, valueOf: (column: string) => string): string =>
  text.replace(ROW_PLACE, (_, column: string) => valueOf(column));
