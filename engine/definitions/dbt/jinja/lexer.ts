import { AppError } from "../../../../contract/errors.ts";

/** A template's outer layer: text, `{{ … }}` and `{% … %}`. Comments are gone, white space is trimmed as asked for. */
export type Piece =
  | { readonly kind: "text"; readonly text: string; readonly line: number }
  | { readonly kind: "output" | "tag"; readonly tokens: readonly Token[]; readonly line: number };

export interface Token {
  readonly kind: "name" | "string" | "number" | "operator";
  readonly text: string;
  readonly line: number;
}

const OPENING = /\{\{[-+]?|\{%[-+]?|\{#[-+]?/g;
const TOKEN =
  /(?<space>\s+)|(?<number>\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<name>[\p{L}_][\p{L}\p{N}_]*)|(?<string>'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*")|(?<operator>\*\*|\/\/|==|!=|<=|>=|[-+*/%~<>=()[\]{},.:|])/uy;
const RAW_END = /\{%[-+]?\s*endraw\s*[-+]?%\}/g;

/** Throws `invalid` with the line for what is not closed. */
export function lexTemplate(source: string): Piece[] {
  const pieces: Piece[] = [];
  const lines = lineCounter(source);
  let at = 0;
  let trimNext = false;
  const pushText = (end: number, trimEnd: boolean) => {
    const from = at;
    let text = source.slice(from, end);
    if (trimNext) text = text.trimStart();
    if (trimEnd) text = text.trimEnd();
    trimNext = false;
    if (text !== "") pieces.push({ kind: "text", text, line: lines(from) });
  };
  while (at < source.length) {
    OPENING.lastIndex = at;
    const opening = OPENING.exec(source);
    if (opening === null) {
      pushText(source.length, false);
      break;
    }
    const start = opening.index;
    const inside = OPENING.lastIndex;
    pushText(start, opening[0].endsWith("-"));
    const line = lines(start);
    if (source[start + 1] === "#") {
      const end = source.indexOf("#}", inside);
      if (end === -1) throw unclosed("{#", line);
      trimNext = source[end - 1] === "-" && end > inside;
      at = end + 2;
      continue;
    }
    const kind = source[start + 1] === "{" ? "output" : "tag";
    const { tokens, end, trims } = lexInside(source, inside, kind === "output" ? "}}" : "%}", lines);
    trimNext = trims;
    at = end;
    if (kind === "tag" && tokens.length === 1 && tokens[0]?.text === "raw") {
      RAW_END.lastIndex = at;
      const rawEnd = RAW_END.exec(source);
      if (rawEnd === null) throw unclosed("{% raw %}", line);
      pushText(rawEnd.index, false);
      at = RAW_END.lastIndex;
      continue;
    }
    pieces.push({ kind, tokens, line });
  }
  return pieces;
}

function lexInside(
  source: string,
  from: number,
  closing: string,
  lines: (offset: number) => number,
): { tokens: Token[]; end: number; trims: boolean } {
  const tokens: Token[] = [];
  let depth = 0;
  for (let at = from; at < source.length;) {
    // `}}` may close two dicts as well.
    if (depth === 0) {
      const signed = /^[-+]/.test(source.slice(at, at + 1)) && source.startsWith(closing, at + 1);
      if (signed || source.startsWith(closing, at)) {
        return { tokens, end: at + closing.length + (signed ? 1 : 0), trims: source[at] === "-" };
      }
    }
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(source);
    if (match === null) {
      throw new AppError("invalid", `line ${lines(at)}: "${source.slice(at, at + 12)}" is no Jinja`);
    }
    const { space, number, name, string } = match.groups ?? {};
    const [text] = match;
    if (space === undefined) {
      if ("([{".includes(text)) depth++;
      if (")]}".includes(text)) depth--;
      const kind = number !== undefined
        ? "number"
        : name !== undefined
        ? "name"
        : string !== undefined
        ? "string"
        : "operator";
      tokens.push({ kind, text: kind === "string" ? unquote(text) : text, line: lines(at) });
    }
    at = TOKEN.lastIndex;
  }
  throw unclosed(closing === "}}" ? "{{" : "{%", lines(from));
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

/** Python keeps a backslash before what it does not know. */
function unquote(text: string): string {
  return text.slice(1, -1).replace(
    /\\([\s\S])/g,
    (whole, letter: string) => letter === "\n" ? "" : ESCAPES[letter] ?? whole,
  );
}

function unclosed(what: string, line: number): AppError {
  return new AppError("invalid", `line ${line}: ${what} is not closed`);
}

function lineCounter(source: string): (offset: number) => number {
  let known = 0;
  let line = 1;
  return (offset) => {
    if (offset < known) [known, line] = [0, 1];
    for (; known < offset; known++) if (source.charCodeAt(known) === 10) line++;
    return line;
  };
}
