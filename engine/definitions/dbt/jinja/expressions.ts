import { AppError } from "../../../../contract/errors.ts";
import type { Arguments, Expression, Parameter } from "./ast.ts";
import type { Token } from "./lexer.ts";

/** Reads expressions out of the tokens of one tag, one behind the other. */
export interface Tokens {
  peek(): Token | undefined;
  next(): Token;
  /** Takes the token where it is this one. */
  take(text: string): boolean;
  expect(text: string): void;
  name(): string;
  readonly line: number;
  /** Of the brackets that are open. */
  depth: number;
}

export function tokensOf(tokens: readonly Token[], line: number): Tokens {
  let at = 0;
  const isNext = (text: string) => tokens[at]?.kind !== "string" && tokens[at]?.text === text;
  const fail = (expected: string): never => {
    const found = tokens[at];
    throw new AppError(
      "invalid",
      `line ${found?.line ?? line}: expected ${expected}, found ${
        found === undefined ? "the end of the tag" : found.text
      }`,
    );
  };
  return {
    line,
    depth: 0,
    peek: () => tokens[at],
    next: () => tokens[at++] ?? fail("an expression"),
    take: (text) => isNext(text) && ++at > 0,
    expect(text) {
      if (!this.take(text)) fail(text);
    },
    name() {
      const token = tokens[at];
      if (token?.kind !== "name") return fail("a name");
      at++;
      return token.text;
    },
  };
}

const LEVELS: readonly (readonly string[])[] = [
  ["or"],
  ["and"],
  ["not"],
  ["==", "!=", "<", ">", "<=", ">=", "in"],
  ["~"],
  ["+", "-"],
  ["*", "/", "//", "%"],
];

/** Brackets inside of one another: each takes some of the machine's own stack. */
const MAX_NESTED = 100;

/** Throws `invalid` with the line for what is no expression. */
export function parseExpression(tokens: Tokens): Expression {
  if (++tokens.depth > MAX_NESTED) {
    throw new AppError("invalid", `line ${tokens.line}: brackets are nested more than ${MAX_NESTED} deep`);
  }
  const expression = parseChoice(tokens);
  tokens.depth--;
  return expression;
}

function parseChoice(tokens: Tokens): Expression {
  const value = parseLevel(tokens, 0);
  if (!tokens.take("if")) return value;
  const test = parseLevel(tokens, 0);
  const otherwise = tokens.take("else") ? parseExpression(tokens) : undefined;
  return { kind: "choice", test, then: value, otherwise, line: tokens.line };
}

/** `a, b` is a tuple where an expression may be one. */
export function parseTuple(tokens: Tokens): Expression {
  const first = parseExpression(tokens);
  if (tokens.peek()?.text !== ",") return first;
  const items = [first];
  while (tokens.take(",")) {
    if (tokens.peek() === undefined) break;
    items.push(parseExpression(tokens));
  }
  return { kind: "list", items, line: first.line };
}

function parseLevel(tokens: Tokens, level: number): Expression {
  const operators = LEVELS[level];
  if (operators === undefined) return parseUnary(tokens);
  if (operators[0] === "not") {
    if (!tokens.take("not")) return parseLevel(tokens, level + 1);
    return { kind: "unary", operator: "not", operand: parseLevel(tokens, level), line: tokens.line };
  }
  let left = parseLevel(tokens, level + 1);
  for (;;) {
    const token = tokens.peek();
    if (token === undefined || token.kind === "string") return left;
    if (operators.includes("in") && token.text === "not") {
      tokens.next();
      tokens.expect("in");
      const right = parseLevel(tokens, level + 1);
      left = { kind: "binary", operator: "not in", left, right, line: token.line };
    } else if (operators.includes(token.text)) {
      tokens.next();
      const right = parseLevel(tokens, level + 1);
      left = { kind: "binary", operator: token.text, left, right, line: token.line };
    } else return left;
  }
}

function parseUnary(tokens: Tokens): Expression {
  const token = tokens.peek();
  if (token?.kind === "operator" && (token.text === "-" || token.text === "+")) {
    tokens.next();
    return { kind: "unary", operator: token.text, operand: parseUnary(tokens), line: token.line };
  }
  const base = parsePostfix(tokens, parsePrimary(tokens));
  if (!tokens.take("**")) return base;
  return { kind: "binary", operator: "**", left: base, right: parseUnary(tokens), line: tokens.line };
}

const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
]);

function parsePrimary(tokens: Tokens): Expression {
  const token = tokens.next();
  const { line, text } = token;
  if (token.kind === "number") return { kind: "literal", value: Number(text.replaceAll("_", "")), line };
  if (token.kind === "string") {
    let value = text;
    while (tokens.peek()?.kind === "string") value += tokens.next().text;
    return { kind: "literal", value, line };
  }
  if (token.kind === "name") {
    const constant = CONSTANTS.get(text);
    return constant === undefined
      ? { kind: "name", name: text, line }
      : { kind: "literal", value: constant, line };
  }
  if (text === "(") {
    if (tokens.take(")")) return { kind: "list", items: [], line };
    const value = parseExpression(tokens);
    if (tokens.take(")")) return value;
    const items = [value];
    while (tokens.take(",")) {
      if (tokens.peek()?.text === ")") break;
      items.push(parseExpression(tokens));
    }
    tokens.expect(")");
    return { kind: "list", items, line };
  }
  if (text === "[") return { kind: "list", items: parseUntil(tokens, "]", parseExpression), line };
  if (text === "{") {
    const entries = parseUntil(tokens, "}", (inner) => {
      const key = parseExpression(inner);
      inner.expect(":");
      return [key, parseExpression(inner)] as const;
    });
    return { kind: "dict", entries, line };
  }
  throw new AppError("invalid", `line ${line}: expected an expression, found ${text}`);
}

function parseUntil<T>(tokens: Tokens, closing: string, parse: (tokens: Tokens) => T): T[] {
  const found: T[] = [];
  while (!tokens.take(closing)) {
    found.push(parse(tokens));
    if (tokens.take(closing)) break;
    tokens.expect(",");
  }
  return found;
}

const NO_ARGUMENTS: Arguments = { positional: [], named: [] };

function parsePostfix(tokens: Tokens, base: Expression): Expression {
  let value = base;
  for (;;) {
    const line = tokens.peek()?.line ?? tokens.line;
    if (tokens.take(".")) {
      const token = tokens.next();
      value = token.kind === "number"
        ? { kind: "item", of: value, index: { kind: "literal", value: Number(token.text), line }, line }
        : { kind: "attribute", of: value, name: token.text, line };
    } else if (tokens.take("[")) {
      value = parseSubscript(tokens, value, line);
    } else if (tokens.take("(")) {
      value = { kind: "call", callee: value, args: parseArguments(tokens), line };
    } else if (tokens.take("|")) {
      const name = tokens.name();
      value = { kind: "filter", of: value, name, args: optionalArguments(tokens), line };
    } else if (tokens.take("is")) {
      const isNegated = tokens.take("not");
      const name = tokens.name();
      value = { kind: "test", of: value, name, args: testArguments(tokens), isNegated, line };
    } else return value;
  }
}

const optionalArguments = (tokens: Tokens): Arguments =>
  tokens.take("(") ? parseArguments(tokens) : NO_ARGUMENTS;

/** `x is divisibleby 3` needs no brackets. */
function testArguments(tokens: Tokens): Arguments {
  const token = tokens.peek();
  if (token?.kind !== "string" && token?.kind !== "number") return optionalArguments(tokens);
  return { positional: [{ value: parsePrimary(tokens), isSpread: false }], named: [] };
}

function parseSubscript(tokens: Tokens, of: Expression, line: number): Expression {
  const start = tokens.peek()?.text === ":" ? undefined : parseExpression(tokens);
  if (start !== undefined && tokens.take("]")) return { kind: "item", of, index: start, line };
  tokens.expect(":");
  const stop = tokens.peek()?.text === "]" ? undefined : parseExpression(tokens);
  tokens.expect("]");
  return { kind: "slice", of, start, stop, line };
}

/** Behind the opening bracket. */
function parseArguments(tokens: Tokens): Arguments {
  const positional: { value: Expression; isSpread: boolean }[] = [];
  const named: (readonly [string, Expression])[] = [];
  parseUntil(tokens, ")", (inner) => {
    if (inner.take("**")) named.push(["**", parseExpression(inner)]);
    else if (inner.take("*")) positional.push({ value: parseExpression(inner), isSpread: true });
    else {
      const value = parseExpression(inner);
      if (value.kind === "name" && inner.take("=")) named.push([value.name, parseExpression(inner)]);
      else positional.push({ value, isSpread: false });
    }
  });
  return { positional, named };
}

/** `(a, b=1)` of a macro, behind the opening bracket. */
export function parseParameters(tokens: Tokens): Parameter[] {
  return parseUntil(tokens, ")", (inner) => {
    const name = inner.name();
    return { name, default: inner.take("=") ? parseExpression(inner) : undefined };
  });
}
