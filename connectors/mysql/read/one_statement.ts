/**
 * What a piece of SQL is made of, as far as semicolons are concerned: comments, texts and names.
 * Sources: https://dev.mysql.com/doc/refman/8.4/en/comments.html and …/string-literals.html
 */
const TOKEN =
  /#[^\n]*|--(?=[\s\0]|$)[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`|;|[\s\S]/g;
/** Where sql_mode says that a backslash is a character like any other. */
const TOKEN_WITHOUT_ESCAPES =
  /#[^\n]*|--(?=[\s\0]|$)[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|;|[\s\S]/g;

/** The query without the semicolons at its end, and the comments behind them: it goes into a subquery. */
export function withoutEnd(query: string, sqlMode: string): string {
  const token = /\bNO_BACKSLASH_ESCAPES\b/.test(sqlMode) ? TOKEN_WITHOUT_ESCAPES : TOKEN;
  let end: number | undefined;
  for (const { 0: found, index } of query.matchAll(token)) {
    if (found === ";") end ??= index;
    else if (!/^(?:\s|--(?:\s|$)|#|\/\*(?!!))/.test(found)) {
      // A second statement: the server refuses it.
      if (end !== undefined) return query;
    }
  }
  return query.slice(0, end);
}
