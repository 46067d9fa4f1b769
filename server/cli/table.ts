import { oneLine, truncate } from "./text.ts";

/** A column of a table, and what may become of it where the table is wider than the terminal. */
export interface ColumnSpec {
  readonly title: string;
  readonly align?: "right";
  /** A shorter way to write a cell, taken first. */
  readonly short?: (cell: string) => string;
  /** Left out next, the last such column first. */
  readonly mayGo?: boolean;
  /** Cut at last, to so many columns of the terminal at least. */
  readonly minWidth?: number;
}

interface Table {
  readonly columns: readonly ColumnSpec[];
  readonly rows: readonly (readonly string[])[];
}

const GAP = 2;

/**
 * Rows under their titles, columns as wide as their widest cell. A table that is wider than `width` is made
 * to fit as its columns allow it.
 */
export function formatTable(
  columns: readonly ColumnSpec[],
  rows: readonly (readonly string[])[],
  width = Infinity,
): string {
  const table = fit({ columns, rows: rows.map((row) => row.map(oneLine)) }, width);
  const widths = table.columns.map((_, index) => widthOf(table, index));
  const line = (cells: readonly string[]) =>
    cells.map((cell, index) => pad(cell, widths[index] ?? 0, table.columns[index]?.align))
      .join(" ".repeat(GAP)).trimEnd();
  return [table.columns.map(({ title }) => title), ...table.rows].map(line).join("\n");
}

function fit(table: Table, width: number): Table {
  let fitted = table;
  if (totalWidth(fitted) > width) fitted = shorten(fitted);
  while (totalWidth(fitted) > width) {
    const index = fitted.columns.findLastIndex(({ mayGo = false }) => mayGo);
    if (index === -1) break;
    fitted = without(fitted, index);
  }
  while (totalWidth(fitted) > width) {
    const next = cutWidest(fitted, totalWidth(fitted) - width);
    if (next === undefined) break;
    fitted = next;
  }
  return fitted;
}

const shorten = ({ columns, rows }: Table): Table => ({
  columns,
  rows: rows.map((row) => row.map((cell, index) => columns[index]?.short?.(cell) ?? cell)),
});

const without = ({ columns, rows }: Table, index: number): Table => ({
  columns: columns.toSpliced(index, 1),
  rows: rows.map((row) => row.toSpliced(index, 1)),
});

/** The table with the widest of the columns that can be cut narrower by `excess`; undefined where none can. */
function cutWidest(table: Table, excess: number): Table | undefined {
  let widest: { index: number; width: number; least: number } | undefined;
  for (const [index, { minWidth, title }] of table.columns.entries()) {
    const width = widthOf(table, index);
    const least = Math.max(minWidth ?? Infinity, displayWidth(title));
    if (width > least && width > (widest?.width ?? 0)) widest = { index, width, least };
  }
  if (widest === undefined) return undefined;
  const { index } = widest;
  const width = Math.max(widest.least, widest.width - excess);
  return {
    columns: table.columns,
    rows: table.rows.map((row) => row.map((cell, at) => at === index ? truncate(cell, width) : cell)),
  };
}

function totalWidth(table: Table): number {
  const widths = table.columns.map((_, index) => widthOf(table, index));
  return widths.reduce((sum, width) => sum + width + GAP, -GAP);
}

const widthOf = ({ columns, rows }: Table, index: number): number =>
  rows.reduce(
    (most, row) => Math.max(most, displayWidth(row[index] ?? "")),
    displayWidth(columns[index]?.title ?? ""),
  );

function pad(cell: string, width: number, align: "right" | undefined): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(cell)));
  return align === "right" ? space + cell : cell + space;
}

/** Code points, which is near enough for names; combining marks take no column of their own. */
function displayWidth(text: string): number {
  return [...text.normalize("NFC")].length;
}
