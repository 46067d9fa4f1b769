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

/** `2026-07-30 12:05` of formatTime's text. */
export function withoutSeconds(time: string): string {
  return time.replace(/^(\d{4}-\d\d-\d\d \d\d:\d\d):\d\d$/, "$1");
}

/** The end of a run's id, as the pages show it: commands take it for the id. */
export function shortRunId(id: string): string {
  return id.length <= 8 ? id : id.slice(-8);
}

/** At most `width` code points, with `…` in place of the rest. */
export function truncate(text: string, width: number): string {
  const points = [...text];
  return points.length <= width ? text : `${points.slice(0, Math.max(0, width - 1)).join("")}…`;
}
