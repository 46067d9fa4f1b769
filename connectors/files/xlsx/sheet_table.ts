import { AppError } from "../../../contract/errors.ts";
import { nameKey } from "../../../contract/sql.ts";
import type { StoredFile } from "../../locations/location.ts";
import type { StreamOptions } from "../options.ts";
import { cellName, parseRange, type Range } from "./names.ts";
import { type Cell, type CellKind, sheetRows } from "./sheet_rows.ts";
import { findSheet, openWorkbook } from "./workbook.ts";

/** The table that stands on a sheet: its columns, and rows with a value for each. */

export interface TableRow {
  /** Of the sheet, from 1. */
  readonly row: number;
  readonly cells: readonly (Cell | undefined)[];
}

export interface SheetTable {
  readonly sheet: string;
  readonly names: readonly string[];
  /** The place of the first column on the sheet, from 0. */
  readonly firstColumn: number;
  /** Those below the names. They can be read once. */
  readonly rows: AsyncIterable<TableRow>;
}

/** Without names of their own, columns are as many as the first rows have. */
const ROWS_FOR_WIDTH = 1_000;

/**
 * Reads the table of a workbook, and gives it to `use` while the file is open. Throws `invalid` for a
 * sheet or names that are not there, and, from the rows, for cells with errors and values without a column.
 */
export async function withTable<T>(
  file: StoredFile,
  options: StreamOptions,
  signal: AbortSignal,
  use: (table: SheetTable) => Promise<T>,
): Promise<T> {
  using workbook = await openWorkbook(file, signal);
  const sheet = findSheet(workbook, options.sheet);
  const range = parseRange(options.range);
  const wrong = (what: string) =>
    new AppError("invalid", `Cannot read "${file.shown}" sheet "${sheet.name}": ${what}`);
  const rows = rangeRows(sheetRows(workbook, sheet, signal), range, options.skip_rows)
    [Symbol.asyncIterator]();
  const held: TableRow[] = [];
  let names: string[] | undefined;
  let firstColumn = range.firstColumn;
  while (held.length < ROWS_FOR_WIDTH) {
    const next = await rows.next();
    if (next.done) break;
    if (!options.header) {
      held.push(next.value);
      continue;
    }
    // The table begins where its names do.
    const start = next.value.cells.findIndex((cell) => cell !== undefined);
    if (options.range === undefined) firstColumn += Math.max(start, 0);
    names = namesOf(next.value, options.range === undefined ? start : 0, range, firstColumn, wrong);
    break;
  }
  if (!options.header) {
    const width = Number.isFinite(range.lastColumn)
      ? range.lastColumn - range.firstColumn + 1
      : Math.max(0, ...held.map(({ cells }) => cells.length));
    names = Array.from({ length: width }, (_, index) => `column${index}`);
  }
  if (names === undefined || names.length === 0) {
    throw wrong(options.header ? "it has no row of column names" : "it has no rows");
  }
  const shift = firstColumn - range.firstColumn;
  const width = names.length;
  async function* tableRows(): AsyncIterable<TableRow> {
    const each = async function* () {
      yield* held;
      for (let next = await rows.next(); !next.done; next = await rows.next()) yield next.value;
    };
    for await (const { row, cells } of each()) {
      const outside = cells.findIndex((cell, index) =>
        cell !== undefined && (index < shift || index >= shift + width)
      );
      if (outside !== -1) {
        throw wrong(
          `cell ${cellName(outside + range.firstColumn, row)} has a value and its column no name; ` +
            "name it, or set options.range",
        );
      }
      const values = cells.slice(shift, shift + width).map((cell, index) =>
        checkCell(cell, firstColumn + index, row)
      );
      if (values.some((cell) => cell !== undefined)) yield { row, cells: values };
    }
  }
  const nulls = new Set(typeof options.null === "string" ? [options.null] : options.null);
  nulls.delete("");
  function checkCell(cell: Cell | undefined, column: number, row: number): Cell | undefined {
    if (cell?.kind === "text") return nulls.has(cell.text) ? undefined : cell;
    if (cell?.kind !== "error") return cell;
    switch (options.error_cells) {
      case "null":
        return undefined;
      case "text":
        return { kind: "text", text: cell.text };
      case "fail":
        throw wrong(
          `cell ${
            cellName(column, row)
          } is ${cell.text}; correct it, or set options.error_cells to null or text`,
        );
    }
  }
  try {
    return await use({ sheet: sheet.name, names, firstColumn, rows: tableRows() });
  } finally {
    await rows.return(undefined);
  }
}

/** The rows within the range, without those to skip; cells are counted from the range's first column. */
async function* rangeRows(
  rows: AsyncIterable<TableRow>,
  range: Range,
  skip: number,
): AsyncGenerator<TableRow> {
  for await (const { row, cells } of rows) {
    if (row < range.firstRow + skip) continue;
    if (row > range.lastRow) return;
    const inside = cells.slice(range.firstColumn, range.lastColumn + 1);
    if (inside.some((cell) => cell !== undefined)) yield { row, cells: inside };
  }
}

function namesOf(
  { row, cells }: TableRow,
  start: number,
  range: Range,
  firstColumn: number,
  wrong: (what: string) => AppError,
): string[] {
  const end = Number.isFinite(range.lastColumn) ? range.lastColumn - firstColumn + 1 : cells.length - start;
  const names = Array.from({ length: end }, (_, index) => {
    const name = cells[start + index]?.text.trim() ?? "";
    return name === "" ? `column${index}` : name;
  });
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (seen.has(nameKey(name))) {
      throw wrong(
        `the column "${name}" is there twice (${cellName(firstColumn + index, row)}); rename one of them`,
      );
    }
    seen.add(nameKey(name));
  }
  return names;
}

/** Finds the type that holds all cells of a column. */
export class KindGuess {
  readonly #kinds = new Set<CellKind>();

  observe({ kind }: Cell): void {
    this.#kinds.add(kind);
  }

  /** DuckDB's type; VARCHAR where cells are of several kinds, or none was seen. */
  get type(): string {
    const isOf = (...kinds: CellKind[]) => [...this.#kinds].every((kind) => kinds.includes(kind));
    if (this.#kinds.size === 0) return "VARCHAR";
    if (isOf("integer")) return "BIGINT";
    if (isOf("integer", "double")) return "DOUBLE";
    if (isOf("date")) return "DATE";
    if (isOf("date", "timestamp")) return "TIMESTAMP";
    if (isOf("time")) return "TIME";
    if (isOf("interval")) return "INTERVAL";
    return isOf("boolean") ? "BOOLEAN" : "VARCHAR";
  }
}
