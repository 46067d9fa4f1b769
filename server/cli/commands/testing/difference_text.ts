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

/** Of a log that does not say how wide it is: 80, without the indent that reports have. */
const DEFAULT_WIDTH = 76;
const MAX_LINES_OF_ROW = 8;

/**
 * The rows that differ: `-` is missing, `+` was not expected, `~` has `is → expected` where it differs. A line each where
 * `width` characters are enough, without the columns that are right in all of them where that is; else each row by
 * itself, with what differs below it.
 */
export function formatDifference(difference: TableDifference, width = DEFAULT_WIDTH): string {
  const { columns } = difference;
  const rows = difference.rows.slice(0, SHOWN_ROWS);
  const hidden = difference.missing + difference.unexpected + difference.changed - rows.length;
  const all = columns.map((_, index) => index);
  const telling = all.filter((index) => index === 0 || rows.some((row) => differsIn(row, index)));
  const left = columns.length - telling.length;
  const layouts = [
    () => tableLines(difference, rows, all),
    () => [
      ...tableLines(difference, rows, telling),
      `  ${formatPlural(left, "other column is right", "other columns are right")}`,
    ],
  ];
  const fitting = layouts.slice(0, left > 0 ? 2 : 1).map((layout) => layout()).find((lines) =>
    lines.every((line) => [...line].length <= width)
  );
  return [
    summaryOf(difference),
    ...fitting ?? rows.flatMap((row) => rowLines(difference, row, width)),
    ...(hidden > 0 ? [`  … and ${formatPlural(hidden, "more row", "more rows")}`] : []),
  ].join("\n");
}

/** The names of the columns, and the rows below them. */
function tableLines(
  { columns, isOrder }: TableDifference,
  rows: readonly RowDifference[],
  shown: readonly number[],
): string[] {
  const lines = [columns.map(cell), ...rows.map(cellsOf)].map((line) => shown.map((at) => line[at] ?? ""));
  const widths = shown.map((_, index) => Math.max(...lines.map((line) => [...line[index] ?? ""].length)));
  const [header = "", ...body] = lines.map((line) =>
    line.map((text, index) => text + " ".repeat((widths[index] ?? 0) - [...text].length)).join(" | ")
      .trimEnd()
  );
  return [
    `  ${header}`,
    ...body.map((line, index) => `${isOrder ? " " : MARKS[rows[index]?.kind ?? "changed"]} ${line}`),
  ];
}

/** A row with the names of its columns: what is right of a changed one as far as there is room, what differs below it. */
function rowLines({ columns, isOrder }: TableDifference, row: RowDifference, width: number): string[] {
  const cells = cellsOf(row).map((text, index) => `${cell(columns[index])}: ${text}`);
  const mark = isOrder ? " " : MARKS[row.kind];
  if (row.kind !== "changed") return wrapped(cells, width - 2, MAX_LINES_OF_ROW).map(hanging(mark));
  const [head = ""] = wrapped(cells.filter((_, index) => !differsIn(row, index)), width - 2, 1, false);
  const differing = cells.filter((_, index) => differsIn(row, index));
  const hidden = differing.length - MAX_LINES_OF_ROW;
  return [
    `${mark} ${head}`.trimEnd(),
    ...differing.slice(0, MAX_LINES_OF_ROW).map((text) => `    ${text}`),
    ...(hidden > 0 ? [`    … and ${formatPlural(hidden, "more column", "more columns")}`] : []),
  ];
}

const hanging = (mark: string) => (line: string, index: number): string =>
  `${index === 0 ? mark : " "} ${line}`;

/** The texts in lines, at most so many; what is left out is counted, unless `isCounted` is false. */
function wrapped(texts: readonly string[], width: number, maxLines: number, isCounted = true): string[] {
  const lines: string[] = [];
  let line = "";
  for (const [index, text] of texts.entries()) {
    const longer = line === "" ? text : `${line}, ${text}`;
    if (line === "" || [...longer].length < width) {
      line = longer;
      continue;
    }
    if (lines.length + 1 === maxLines) {
      const left = texts.length - index;
      const more = isCounted ? [`… and ${formatPlural(left, "more column", "more columns")}`] : [];
      return [...lines, line, ...more];
    }
    lines.push(`${line},`);
    line = text;
  }
  return line === "" ? lines : [...lines, line];
}

const differsIn = ({ kind, values, expected }: RowDifference, index: number): boolean =>
  kind !== "changed" || (values[index] ?? null) !== (expected?.[index] ?? null);

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
