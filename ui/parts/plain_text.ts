/**
 * Text from outside (log lines, errors, SQL) as it may be shown: escaping is JSX's work, this takes
 * out what no escaping helps against.
 */

// ECMA-48: CSI sequences (colours, cursor moves), OSC ones (hyperlinks) up to the line's end at most, other
// escapes.
const ANSI =
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|(?:\u001b\]|\u009d)[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?|\u001b[@-_]?/g;
// Every other control character but tab and newline, and the marks that turn the order of text around.
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** The text without terminal sequences, control characters and direction overrides. */
export function plainText(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(ANSI, "").replace(INVISIBLE, "");
}

/** At most `limit` code points, with `…` in place of the rest. */
export function truncate(text: string, limit: number): string {
  const points = [...text];
  return points.length <= limit ? text : `${points.slice(0, limit - 1).join("")}…`;
}
