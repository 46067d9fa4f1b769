/**
 * The parts of a name in a text, as `query_table('raw.orders')` has it, the table's last: split as DuckDB splits it, where quotes
 * may stand anywhere in a part, blanks belong to it, and a quote in quotes cannot be written.
 */
export function nameParts(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  let isQuoted = false;
  for (const char of text) {
    if (char === '"') isQuoted = !isQuoted;
    else if (char === "." && !isQuoted) {
      parts.push(part);
      part = "";
    } else part += char;
  }
  return part === "" ? parts : [...parts, part];
}
