import type { QueryRows } from "../../../contract/queries/rows.ts";
import { formatPlural } from "../../../text/format.ts";
import { formatTable } from "../table.ts";
import { truncate } from "../text.ts";
import { visible } from "./visible.ts";

const MAX_CELL_WIDTH = 60;
const GAP = 2;
const NUMBER = /^(?:U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|BIGNUM|DECIMAL\(.*\))$/;

/** Whether values of the type stand to the right. */
export const isNumber = (type: string): boolean => NUMBER.test(type);

/** Rows under the names of their columns, as many of these as there is room for, one at least. Long values are cut with `…`. */
export function rowTable({ columns, rows }: Pick<QueryRows, "columns" | "rows">, width: number): string {
  const cells = rows.map((row) =>
    row.map((cell) => truncate(cell === null ? "NULL" : visible(cell), MAX_CELL_WIDTH))
  );
  const titles = columns.map(({ name, type }) => ({
    title: truncate(visible(name), MAX_CELL_WIDTH),
    ...(isNumber(type) ? { align: "right" as const } : {}),
  }));
  const widths = titles.map(({ title }, index) =>
    cells.reduce((most, row) => Math.max(most, [...row[index] ?? ""].length), [...title].length)
  );
  let shown = 0;
  for (let taken = -GAP; shown < titles.length; shown++) {
    taken += (widths[shown] ?? 0) + GAP;
    if (taken > width && shown > 0) break;
  }
  const text = formatTable(titles.slice(0, shown), cells.map((row) => row.slice(0, shown)));
  const left = titles.slice(shown).map(({ title }) => title);
  if (left.length === 0) return text;
  return `${text}\n\n${formatPlural(left.length, "more column")}: ${
    truncate(left.join(", "), Math.max(20, width - 20))
  }`;
}
