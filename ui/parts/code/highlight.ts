/** Light colouring of source text: enough to read by, not a parser. */

export type Language = "sql" | "yaml" | "text";
export type TokenKind = "plain" | "comment" | "string" | "number" | "keyword" | "name";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const SQL_KEYWORDS = new Set(
  ("add all alter analyze and anti any array as asc asof attach begin between by cascade case cast check collate " +
    "column commit constraint copy create cross cube current database default delete desc describe detach " +
    "distinct drop else end escape except exclude execute exists explain extract false fetch filter first " +
    "following for foreign from full function glob group grouping having if ilike in index inner insert " +
    "intersect interval into is join key last lateral left like limit macro materialized merge natural not " +
    "null nulls offset on or order outer over partition pivot positional preceding pragma primary qualify " +
    "range recursive references replace returning right rollback rollup row rows sample schema select semi " +
    "sequence set sets show some struct summarize table temp temporary then to transaction trigger true truncate try_cast " +
    "unbounded union unique unnest unpivot update use using values variable view when where window with within")
    .split(" "),
);

const SQL_TOKEN = new RegExp(
  [
    "(?<comment>--[^\\n]*|/\\*[\\s\\S]*?(?:\\*/|$))",
    "(?<string>'(?:[^']|'')*(?:'|$)|\\$\\$[\\s\\S]*?(?:\\$\\$|$))",
    '(?<name>"(?:[^"]|"")*(?:"|$))',
    "(?<number>\\b\\d[\\d_]*(?:\\.\\d+)?(?:[eE][+-]?\\d+)?\\b)",
    "(?<word>[A-Za-z_][A-Za-z0-9_]*)",
  ].join("|"),
  "g",
);

const YAML_TOKEN = new RegExp(
  [
    "(?<comment>(?<=^|\\s)#[^\\n]*)",
    "(?<name>(?<=^[ \\t]*(?:- +)*|[{,] *)[A-Za-z_$][\\w$.-]*(?=:(?:\\s|$)))",
    "(?<string>'(?:[^'\\n]|'')*'|\"(?:[^\"\\\\\\n]|\\\\.)*\")",
    "(?<keyword>\\b(?:true|false|null)\\b(?=\\s*(?:[,}\\]#]|$)))",
    "(?<number>(?<=[:,\\[] *|- )-?\\d+(?:\\.\\d+)?(?=\\s*(?:[,}\\]#]|$)))",
  ].join("|"),
  "gm",
);

/** Longer texts are shown without colour: a page of tokens costs more than it helps. */
const MAX_COLOURED_CHARS = 200_000;

/** The text's lines, each as its tokens; the tokens' texts joined are the line. */
export function highlight(source: string, language: Language): Token[][] {
  const text = source.endsWith("\n") ? source.slice(0, -1) : source;
  const coloured = language !== "text" && text.length <= MAX_COLOURED_CHARS;
  return splitLines(
    coloured ? tokenize(text, language === "sql" ? SQL_TOKEN : YAML_TOKEN) : [{ kind: "plain", text }],
  );
}

/** The language of a file, by its name. */
export function languageOf(path: string): Language {
  if (/\.sql$/i.test(path)) return "sql";
  return /\.(?:ya?ml|json)$/i.test(path) ? "yaml" : "text";
}

function tokenize(text: string, pattern: RegExp): Token[] {
  const tokens: Token[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) tokens.push({ kind: "plain", text: text.slice(end, match.index) });
    tokens.push({ kind: kindOf(match.groups ?? {}), text: match[0] });
    end = match.index + match[0].length;
  }
  if (end < text.length) tokens.push({ kind: "plain", text: text.slice(end) });
  return tokens;
}

function kindOf(groups: Readonly<Record<string, string | undefined>>): TokenKind {
  if (groups.comment !== undefined) return "comment";
  if (groups.string !== undefined) return "string";
  if (groups.name !== undefined) return "name";
  if (groups.number !== undefined) return "number";
  if (groups.keyword !== undefined) return "keyword";
  return SQL_KEYWORDS.has(groups.word?.toLowerCase() ?? "") ? "keyword" : "plain";
}

function splitLines(tokens: readonly Token[]): Token[][] {
  let line: Token[] = [];
  const lines = [line];
  for (const { kind, text } of tokens) {
    for (const [index, part] of text.split("\n").entries()) {
      if (index > 0) lines.push(line = []);
      if (part !== "") line.push({ kind, text: part });
    }
  }
  return lines;
}
