import { MISSING } from "../../text/format.ts";

/** How values read on a terminal. */

/** `2026-07-30 12:05:09` in UTC; a dash for null. */
export function formatTime(iso: string | null): string {
  return iso === null ? MISSING : iso.slice(0, 19).replace("T", " ");
}

// Anything that could move the cursor, change the screen or turn the order of text around.
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text from outside as one line without control characters: a log line cannot steer the terminal. */
export function oneLine(text: string): string {
  return text.replace(/\s*\r?\n\s*/g, " ").replace(UNPRINTABLE, "");
}

/** The same for text that may have several lines. */
export function printable(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(UNPRINTABLE, "");
}

export interface ColumnSpec {
  readonly title: string;
  readonly align?: "right";
}

/** Rows under their titles, columns as wide as their widest cell. */
export function formatTable(columns: readonly ColumnSpec[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...rows.map((row) => displayWidth(row[index] ?? "")))
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.align)).join("  ").trimEnd();
  return [line(columns.map((column) => column.title)), ...rows.map((row) => line(row.map(oneLine)))].join(
    "\n",
  );
}

function pad(cell: string, width: number, align: "right" | undefined): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(cell)));
  return align === "right" ? space + cell : cell + space;
}

/** Code points, which is near enough for names; combining marks take no column of their own. */
function displayWidth(text: string): number {
  return [...text.normalize("NFC")].length;
}

/** At most `width` code points, with `…` in place of the rest. */
export function truncate(text: string, width: number): string {
  const points = [...text];
  return points.length <= width ? text : `${points.slice(0, Math.max(0, width - 1)).join("")}…`;
}
