import { AppError } from "../../../../contract/errors.ts";
import type { Expression, Node } from "./ast.ts";
import { bounded } from "./bounded.ts";
import { parseExpression, parseParameters, parseTuple, type Tokens, tokensOf } from "./expressions.ts";
import { lexTemplate, type Piece } from "./lexer.ts";

/** The tree of a template with dbt's own blocks. Throws `invalid` with the line for what it cannot read. */
export function parseTemplate(source: string): Node[] {
  const reader: Reader = { pieces: lexTemplate(source), at: 0, depth: 0 };
  return bounded(() => parseBody(reader, []).nodes);
}

interface Reader {
  readonly pieces: readonly Piece[];
  at: number;
  /** Of the tags that are open. */
  depth: number;
}

const MAX_NESTED = 100;

interface Body {
  readonly nodes: Node[];
  /** The word that ended it; empty at the end of the template. */
  readonly ending: string;
  readonly rest: Tokens;
}

/** Up to one of these tags, which is taken. */
function parseBody(
  reader: Reader,
  endings: readonly string[],
  opened?: { word: string; line: number },
): Body {
  const nodes: Node[] = [];
  if (opened !== undefined && ++reader.depth > MAX_NESTED) {
    throw new AppError("invalid", `line ${opened.line}: tags are nested more than ${MAX_NESTED} deep`);
  }
  while (reader.at < reader.pieces.length) {
    const piece = reader.pieces[reader.at++];
    if (piece === undefined) break;
    const { line } = piece;
    if (piece.kind === "text") nodes.push({ kind: "text", text: piece.text, line });
    else {
      const tokens = tokensOf(piece.tokens, line);
      if (piece.kind === "output") {
        if (tokens.peek() === undefined) continue;
        nodes.push({ kind: "output", value: parseTuple(tokens), line });
        requireEnd(tokens);
      } else {
        const word = tokens.name();
        if (endings.includes(word)) {
          reader.depth--;
          return { nodes, ending: word, rest: tokens };
        }
        const node = parseTag(reader, word, tokens, line);
        if (node !== undefined) nodes.push(node);
      }
    }
  }
  if (opened !== undefined) {
    throw new AppError("invalid", `line ${opened.line}: {% ${opened.word} %} is not closed`);
  }
  return { nodes, ending: "", rest: tokensOf([], 0) };
}

function parseTag(reader: Reader, word: string, tokens: Tokens, line: number): Node | undefined {
  const opened = { word, line };
  switch (word) {
    case "if":
      return parseIf(reader, tokens, line);
    case "for":
      return parseFor(reader, tokens, line);
    case "set":
      return parseSet(reader, tokens, line);
    case "do":
      return { kind: "do", value: parseExpression(tokens), line };
    case "break":
    case "continue":
      return { kind: "leave", goesOn: word === "continue", line };
    case "macro":
    case "test":
    case "data_test": {
      const name = tokens.name();
      tokens.expect("(");
      const parameters = parseParameters(tokens);
      const ends = [`end${word}`, "endtest", "enddata_test"].slice(0, word === "macro" ? 1 : 3);
      const { nodes: body } = parseBody(reader, ends, opened);
      return { kind: "macro", name, isTest: word !== "macro", parameters, body, line };
    }
    case "call": {
      const parameters = tokens.take("(") ? parseParameters(tokens) : [];
      const call = parseExpression(tokens);
      return {
        kind: "call_block",
        parameters,
        call,
        body: parseBody(reader, ["endcall"], opened).nodes,
        line,
      };
    }
    case "filter": {
      const name = tokens.name();
      const args = { positional: [], named: [] };
      return { kind: "filter_block", name, args, body: parseBody(reader, ["endfilter"], opened).nodes, line };
    }
    case "snapshot":
    case "docs":
    case "materialization": {
      const name = tokens.name();
      const { nodes: body } = parseBody(reader, [`end${word}`], opened);
      return { kind: "block", block: word, name, body, line };
    }
    // What a package imports of itself is there anyway.
    case "import":
    case "from":
    case "include":
      return undefined;
    default:
      throw new AppError("invalid", `line ${line}: {% ${word} %} is not known`);
  }
}

function parseIf(reader: Reader, tokens: Tokens, line: number): Node {
  const branches: { test: Expression; body: Node[] }[] = [];
  const opened = { word: "if", line };
  let test = parseExpression(tokens);
  requireEnd(tokens);
  for (;;) {
    const body = parseBody(reader, ["elif", "else", "endif"], opened);
    branches.push({ test, body: body.nodes });
    if (body.ending === "endif") return { kind: "if", branches, otherwise: undefined, line };
    if (body.ending === "else") {
      return { kind: "if", branches, otherwise: parseBody(reader, ["endif"], opened).nodes, line };
    }
    test = parseExpression(body.rest);
  }
}

function parseFor(reader: Reader, tokens: Tokens, line: number): Node {
  const isBracketed = tokens.take("(");
  const names = [tokens.name()];
  while (tokens.take(",")) names.push(tokens.name());
  if (isBracketed) tokens.expect(")");
  tokens.expect("in");
  const iterable = parseTuple(tokens);
  // The condition of `for x in y if z` is no choice.
  const isFiltered = iterable.kind === "choice" && iterable.otherwise === undefined;
  const of = isFiltered ? iterable.then : iterable;
  const condition = isFiltered ? iterable.test : undefined;
  const opened = { word: "for", line };
  const body = parseBody(reader, ["else", "endfor"], opened);
  const otherwise = body.ending === "else" ? parseBody(reader, ["endfor"], opened).nodes : [];
  return { kind: "for", names, of, condition, body: body.nodes, otherwise, line };
}

function parseSet(reader: Reader, tokens: Tokens, line: number): Node {
  const targets: Expression[] = [];
  do {
    const name = tokens.name();
    let target: Expression = { kind: "name", name, line };
    while (tokens.take(".")) target = { kind: "attribute", of: target, name: tokens.name(), line };
    targets.push(target);
  } while (tokens.take(","));
  if (tokens.take("=")) {
    const value = parseTuple(tokens);
    requireEnd(tokens);
    return { kind: "set", targets, value, line };
  }
  const [target] = targets;
  const name = target?.kind === "name" ? target.name : "";
  return { kind: "set_block", name, body: parseBody(reader, ["endset"], { word: "set", line }).nodes, line };
}

function requireEnd(tokens: Tokens): void {
  const token = tokens.peek();
  if (token !== undefined) {
    throw new AppError("invalid", `line ${token.line}: ${token.text} was not expected here`);
  }
}
