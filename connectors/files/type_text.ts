const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]" };

/**
 * Whether the text can stand for one type in SQL and nothing beside it: its brackets and quotes close,
 * and there is no comma, semicolon or comment outside of them. Whether DuckDB has the type shows
 * when it reads.
 */
export function isTypeText(text: string): boolean {
  const open: string[] = [];
  // Quoted names and texts are one piece each.
  for (const [piece] of text.matchAll(/"(?:[^"]|"")*"|'(?:[^']|'')*'|--|\/\*|[^]/g)) {
    const closing = CLOSING[piece];
    if (closing !== undefined) open.push(closing);
    else if (piece === ")" || piece === "]") {
      if (open.pop() !== piece) return false;
    } else if (piece === "," && open.length === 0) return false;
    else if (["--", "/*", ";", '"', "'", "\0"].includes(piece)) return false;
  }
  return open.length === 0;
}
