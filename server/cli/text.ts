/** How values read on a terminal. */

const MISSING = "-";

/** `840 ms`, `12.4 s`, `3 m 05 s`, `2 h 05 m`; a dash for null. */
export function formatDuration(durationMs: number | null): string {
  if (durationMs === null) return MISSING;
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 60_000) return `${(Math.floor(durationMs / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(durationMs / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, "0")} s`;
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} m`;
}

const COUNT = new Intl.NumberFormat("en-US");

/** `1,234,567`; a dash for null. */
export function formatCount(count: number | null): string {
  return count === null ? MISSING : COUNT.format(count);
}

const SIZE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

/** Decimal units: `512 B`, `1.2 kB`, `83 MB`; a dash for null. */
export function formatBytes(sizeBytes: number | null): string {
  if (sizeBytes === null) return MISSING;
  let scaled = sizeBytes;
  let unit = 0;
  while (scaled >= 999.5 && unit < SIZE_UNITS.length - 1) {
    scaled /= 1_000;
    unit += 1;
  }
  return `${scaled.toFixed(unit === 0 || scaled >= 9.95 ? 0 : 1)} ${SIZE_UNITS[unit] ?? ""}`;
}

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
