import type { CellForm, QueryRows } from "../../../contract/queries/rows.ts";
import { AppError } from "../../../contract/errors.ts";
import { listWords } from "../../../text/suggest.ts";
import type { Terminal } from "../terminal.ts";
import { isNumber, rowTable } from "./row_table.ts";
import { visible, visibleJson } from "./visible.ts";

export const ROW_FORMATS = ["table", "json", "ndjson", "csv", "markdown", "record"] as const;
export type RowFormat = (typeof ROW_FORMATS)[number];

/** Throws `invalid` for another word. */
export function readRowFormat(text: string): RowFormat {
  const format = ROW_FORMATS.find((known) => known === text);
  if (format !== undefined) return format;
  throw new AppError("invalid", `--format is "${text}", expected ${listWords(ROW_FORMATS, "or")}`);
}

/** How a format wants its values. */
export const cellsOf = (format: RowFormat): CellForm =>
  format === "json" || format === "ndjson" ? "json" : format === "csv" ? "text" : "shown";

type Rows = Pick<QueryRows, "columns" | "rows">;

/** The rows in a format, whose values `cellsOf` says. On a person's terminal no character of them steers it. */
export function formatRows(
  format: RowFormat,
  rows: Rows,
  terminal: Pick<Terminal, "isScreen" | "tableColumns">,
): string {
  switch (format) {
    case "table":
      return rowTable(rows, terminal.tableColumns());
    case "json":
      return jsonRows(rows);
    case "ndjson":
      return jsonObjects(rows).join("\n");
    case "csv":
      return csvRows(rows, terminal.isScreen ? visible : (text) => text);
    case "markdown":
      return markdownRows(rows);
    case "record":
      return recordRows(rows);
  }
}

/** A line a value, for rows that are wider than any terminal. */
function recordRows({ columns, rows }: Rows): string {
  const names = columns.map(({ name }) => visible(name));
  const width = Math.max(0, ...names.map((name) => [...name].length));
  return rows.map((row, index) => {
    const lines = row.map((cell, at) => {
      const name = names[at] ?? "";
      return `${name}${" ".repeat(width - [...name].length)} | ${cell === null ? "NULL" : visible(cell)}`;
    });
    return [`-- ${index + 1} --`, ...lines].join("\n");
  }).join("\n");
}

const jsonRows = (rows: Rows): string => {
  const objects = jsonObjects(rows);
  return objects.length === 0 ? "[]" : `[\n${objects.join(",\n")}\n]`;
};

/** Values are JSON already: what JavaScript would make of their numbers is not asked. */
function jsonObjects({ columns, rows }: Rows): string[] {
  const names = columns.map(({ name }) => visibleJson(JSON.stringify(name)));
  return rows.map((row) =>
    `{${row.map((cell, index) => `${names[index]}:${cell === null ? "null" : visibleJson(cell)}`).join(",")}}`
  );
}

/** By RFC 4180; NULL is empty, and an empty text has quotes. */
function csvRows({ columns, rows }: Rows, shown: (text: string) => string): string {
  const field = (cell: string | null) =>
    cell === null ? "" : cell === "" || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  return [columns.map(({ name }) => name), ...rows]
    .map((line) => line.map((cell) => field(cell === null ? null : shown(cell))).join(",")).join("\n");
}

function markdownRows({ columns, rows }: Rows): string {
  const line = (cells: readonly (string | null)[]) =>
    `| ${cells.map((cell) => cell === null ? "NULL" : markdownCell(cell)).join(" | ")} |`;
  return [
    line(columns.map(({ name }) => name)),
    `| ${columns.map(({ type }) => isNumber(type) ? "---:" : "---").join(" | ")} |`,
    ...rows.map(line),
  ].join("\n");
}

const markdownCell = (cell: string): string =>
  cell.split(/\r\n|\r|\n/).map((line) =>
    visible(line).replaceAll("\\", "\\\\").replaceAll("|", "\\|").replaceAll("<", "&lt;")
  ).join("<br>");
