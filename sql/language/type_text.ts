import { scanSql } from "./scan_sql.ts";

/** Words that bring an expression into the definition of a column. */
const EXPRESSION_WORDS: ReadonlySet<string> = new Set(["AS", "CHECK", "DEFAULT", "GENERATED", "USING"]);
const OPENING: Readonly<Record<string, string>> = { "(": ")", "[": "]" };

/**
 * Whether the text may be the type of a column and can be nothing else beside it: its quotes and brackets are closed, and it has no
 * operator, comment, comma, `;` or expression. Whether DuckDB has the type is another question.
 */
export function isTypeText(text: string): boolean {
  const ending = "\n)";
  const tokens = [...scanSql(`${text}${ending}`)];
  // What is open takes the bracket at the end into itself.
  if (tokens.pop()?.start !== text.length + ending.length - 1) return false;
  const open: string[] = [];
  for (const { kind, start, end } of tokens) {
    const token = text.slice(start, end);
    if (kind === "space" || (kind === "text" && (open.length > 0 || token.startsWith('"')))) continue;
    if (kind === "word") {
      if (open.length === 0 && EXPRESSION_WORDS.has(token.toUpperCase())) return false;
      continue;
    }
    const closing = OPENING[token];
    if (closing !== undefined) open.push(closing);
    else if (token === ")" || token === "]") {
      if (open.pop() !== token) return false;
    } else if (token !== "." && (token !== "," || open.length === 0)) return false;
  }
  return open.length === 0;
}
