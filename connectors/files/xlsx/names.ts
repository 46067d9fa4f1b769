/** Names of cells, ranges and sheets, and how many there may be (ECMA-376, and Excel's specifications and limits). */

/** The last column is XFD. */
export const MAX_COLUMNS = 16_384;
export const MAX_ROWS = 1_048_576;
export const MAX_CELL_CHARACTERS = 32_767;

/** Counted from 0 for columns, from 1 for rows; without an end they are infinite. */
export interface Range {
  readonly firstColumn: number;
  readonly lastColumn: number;
  readonly firstRow: number;
  readonly lastRow: number;
}

const RANGE = /^\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6})(?::\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6})?)?$/;

/** Whether the text is a range of cells: `B3`, `B3:F100`, `B3:F`. */
export function isRange(text: string): boolean {
  return RANGE.test(text);
}

/** The whole sheet without a text. */
export function parseRange(text: string | undefined): Range {
  const [, firstColumn, firstRow, lastColumn, lastRow] = RANGE.exec(text ?? "A1") ?? [];
  return {
    firstColumn: columnOf(firstColumn ?? "A"),
    firstRow: Number(firstRow ?? 1),
    lastColumn: lastColumn === undefined ? Number.POSITIVE_INFINITY : columnOf(lastColumn),
    lastRow: lastRow === undefined ? Number.POSITIVE_INFINITY : Number(lastRow),
  };
}

export function isSheetName(name: string): boolean {
  return name.length > 0 && name.length <= 31 && !/[[\]:*?/\\]|^'|'$/.test(name);
}

/** The column of a cell's name, from 0. */
export function columnOf(cell: string): number {
  let column = 0;
  for (let at = 0; at < cell.length; at++) {
    const code = cell.charCodeAt(at) & ~0x20;
    if (code < 65 || code > 90) break;
    column = column * 26 + code - 64;
  }
  return column - 1;
}

/** `columnName(0)` is A. */
export function columnName(column: number): string {
  const rest = Math.floor(column / 26);
  return (rest === 0 ? "" : columnName(rest - 1)) + String.fromCharCode(65 + column % 26);
}

export function cellName(column: number, row: number): string {
  return `${columnName(column)}${row}`;
}
