/**
 * What a piece of SQL is made of, as far as semicolons are concerned: comments (those with * nest, which
 * a regular expression cannot follow: its first end is taken), texts, names, texts in dollar quotes.
 * Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 */
const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?\*\/|[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?\$\1\$|;|[\s\S]/g;

/** The query without the semicolons at its end, and the comments behind them: it goes into a subquery. */
export function withoutEnd(query: string): string {
  let end: number | undefined;
  for (const { 0: token, index } of query.matchAll(TOKEN)) {
    if (token === ";") end ??= index;
    else if (!/^(?:\s|--|\/\*)/.test(token)) {
      // A second statement: PostgreSQL refuses it.
      if (end !== undefined) return query;
    }
  }
  return query.slice(0, end);
}
