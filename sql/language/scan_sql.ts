/**
 * The outermost layer of DuckDB's SQL: where comments, strings and statements begin and end. What
 * stands between them is for DuckDB's own parser.
 */

export type SqlTokenKind = "space" | "comment" | "text" | "word" | "terminator" | "other";

export interface SqlToken {
  readonly kind: SqlTokenKind;
  /** UTF-16 offsets; `end` is behind the last unit. */
  readonly start: number;
  readonly end: number;
}

const SPACE = /[\s\uFEFF]+/y;
const LINE_COMMENT = /--[^\r\n]*/y;
const ESCAPED_TEXT = /[eE]'(?:[^'\\]|''|\\[\s\S])*'?/y;
const TEXT = /'(?:[^']|'')*'?/y;
const QUOTED_NAME = /"(?:[^"]|"")*"?/y;
const DOLLAR_QUOTE = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy;
const WORD = /[\p{L}\p{N}_][\p{L}\p{N}_$]*/uy;

/** Every unit of the text belongs to one token. Never throws: what is not closed ends with the text. */
export function* scanSql(sql: string): Generator<SqlToken> {
  for (let start = 0; start < sql.length;) {
    const [kind, end] = tokenAt(sql, start);
    yield { kind, start, end };
    start = end;
  }
}

function tokenAt(sql: string, start: number): [SqlTokenKind, number] {
  const match = (pattern: RegExp): number | undefined => {
    pattern.lastIndex = start;
    return pattern.exec(sql) === null ? undefined : pattern.lastIndex;
  };
  const space = match(SPACE);
  if (space !== undefined) return ["space", space];
  const lineComment = match(LINE_COMMENT);
  if (lineComment !== undefined) return ["comment", lineComment];
  if (sql.startsWith("/*", start)) return ["comment", blockCommentEnd(sql, start)];
  const text = match(ESCAPED_TEXT) ?? match(TEXT) ?? match(QUOTED_NAME) ?? dollarQuoteEnd(sql, start);
  if (text !== undefined) return ["text", text];
  if (sql[start] === ";") return ["terminator", start + 1];
  const word = match(WORD);
  return word === undefined ? ["other", start + 1] : ["word", word];
}

/** Block comments nest in DuckDB. */
function blockCommentEnd(sql: string, start: number): number {
  let depth = 1;
  let at = start + 2;
  while (depth > 0) {
    const opening = sql.indexOf("/*", at);
    const closing = sql.indexOf("*/", at);
    if (closing === -1) return sql.length;
    const isNested = opening !== -1 && opening < closing;
    depth += isNested ? 1 : -1;
    at = (isNested ? opening : closing) + 2;
  }
  return at;
}

function dollarQuoteEnd(sql: string, start: number): number | undefined {
  DOLLAR_QUOTE.lastIndex = start;
  const tag = DOLLAR_QUOTE.exec(sql)?.[0];
  if (tag === undefined) return undefined;
  const closing = sql.indexOf(tag, start + tag.length);
  return closing === -1 ? sql.length : closing + tag.length;
}

/** The first word in upper case, as `SELECT`, with its offset; `undefined` where there is no statement. */
export function firstWord(sql: string): { readonly word: string; readonly position: number } | undefined {
  for (const token of scanSql(sql)) {
    if (token.kind === "word") {
      return { word: sql.slice(token.start, token.end).toUpperCase(), position: token.start };
    }
    // `((SELECT …))` is a SELECT.
    const isOpening = token.kind === "other" && sql[token.start] === "(";
    if (token.kind !== "space" && token.kind !== "comment" && !isOpening) return undefined;
  }
  return undefined;
}

/** The same text, as long as before, with blanks for `;`: one statement that can stand in brackets. */
export function withoutTerminators(sql: string): string {
  let result = "";
  for (const token of scanSql(sql)) {
    result += token.kind === "terminator" ? " " : sql.slice(token.start, token.end);
  }
  return result;
}

/** The names in `getvariable('name')`, as they are written. */
export function variableNames(sql: string): string[] {
  const tokens = [...scanSql(sql)].filter(({ kind }) => kind !== "space" && kind !== "comment")
    .map(({ start, end }) => sql.slice(start, end));
  return tokens.flatMap((word, index) => {
    const name = tokens[index + 2] ?? "";
    const isCall = word.toLowerCase() === "getvariable" && tokens[index + 1] === "(" && name.startsWith("'");
    return isCall ? [name.slice(1, -1).replaceAll("''", "'")] : [];
  });
}
