import type { RowDifference, TableDifference } from "../../../../contract/testing/outcome.ts";
import { formatPlural } from "../../../../text/format.ts";
import { oneLine, truncate } from "../../text.ts";

const MAX_CELL_WIDTH = 40;
const SHOWN_ROWS = 20;
const MARKS: Readonly<Record<RowDifference["kind"], string>> = {
  missing: "-",
  unexpected: "+",
  changed: "~",
};

/** The rows that differ, a line each: `-` is missing, `+` was not expected, `~` has `is → expected` where it differs. */
export function formatDifference(difference: TableDifference): string {
  const { columns, rows } = difference;
  const shown = rows.slice(0, SHOWN_ROWS);
  const lines = [columns.map(cell), ...shown.map(cellsOf)];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => [...line[index] ?? ""].length)));
  const [header = "", ...body] = lines.map((line) =>
    line.map((text, index) => text + " ".repeat((widths[index] ?? 0) - [...text].length)).join(" | ")
      .trimEnd()
  );
  const hidden = difference.missing + difference.unexpected + difference.changed - shown.length;
  return [
    summaryOf(difference),
    `  ${header}`,
    ...body.map((line, index) =>
      `${difference.isOrder ? " " : MARKS[shown[index]?.kind ?? "changed"]} ${line}`
    ),
    ...(hidden > 0 ? [`  … and ${formatPlural(hidden, "more row", "more rows")}`] : []),
  ].join("\n");
}

/** `1 row is missing (-), 2 rows have other values (~)`. */
export function summaryOf({ missing, unexpected, changed, isOrder }: TableDifference): string {
  if (isOrder) return "The rows are right, and come in another order; they are:";
  const rows = (count: number, is: string, are: string) =>
    count === 0 ? [] : [`${formatPlural(count, "row")} ${count === 1 ? is : are}`];
  return [
    ...rows(changed, "has other values (~, is → expected)", "have other values (~, is → expected)"),
    ...rows(missing, "is missing (-)", "are missing (-)"),
    ...rows(unexpected, "was not expected (+)", "were not expected (+)"),
  ].join(", ");
}

function cellsOf({ values, expected }: RowDifference): string[] {
  return values.map((value, index) => {
    const wanted = expected?.[index];
    return expected === undefined || wanted === value ? cell(value) : `${cell(value)} → ${cell(wanted)}`;
  });
}

/** A text that looks like NULL is told apart by its quotes. */
function cell(value: string | null | undefined): string {
  if (value === null || value === undefined) return "NULL";
  const text = value === "" || value === "NULL" || value !== value.trim() ? JSON.stringify(value) : value;
  return truncate(oneLine(text.replaceAll("\n", "\\n")), MAX_CELL_WIDTH);
}
