/** A place in a text, both counted from 1; columns are UTF-16 units. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

const SPACE = /[ \t\r\n]*/y;
// deno-lint-ignore no-control-regex -- JSON forbids exactly these inside a string
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** What may come next: a value, a key, the colon after it, what follows a value, or nothing more. */
type Expected = "value" | "value or ]" | "key" | "key or }" | ":" | "after value" | "end";

/**
 * Where a text stops being JSON (RFC 8259). JSON.parse says it for some faults only, and not for the
 * commonest: a comma before a closing bracket. Undefined for a text that is JSON.
 */
export function findJsonFault(text: string): TextPosition | undefined {
  const open: ("[" | "{")[] = [];
  let expected: Expected = "value";
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    at += found?.length ?? 0;
    return found !== undefined;
  };
  for (;;) {
    take(SPACE);
    if (expected === "end" && at === text.length) return undefined;
    const next: Expected | undefined = step(text.charAt(at), expected, open);
    if (next !== undefined) {
      at++;
      expected = next;
    } else if (isKey(expected) && take(STRING)) expected = ":";
    else if (isValue(expected) && (take(STRING) || take(SCALAR))) expected = afterValue(open);
    else return positionOf(text, at);
  }
}

/** The state after a single character of punctuation; undefined where it is none or not allowed. */
function step(char: string, expected: Expected, open: ("[" | "{")[]): Expected | undefined {
  const inner = open.at(-1);
  if (isValue(expected) && char === "{") return open.push("{"), "key or }";
  if (isValue(expected) && char === "[") return open.push("["), "value or ]";
  if (expected === ":" && char === ":") return "value";
  if (expected === "after value" && char === ",") return inner === "{" ? "key" : "value";
  const closesObject = char === "}" && inner === "{" &&
    (expected === "key or }" || expected === "after value");
  const closesArray = char === "]" && inner === "[" &&
    (expected === "value or ]" || expected === "after value");
  if (!closesObject && !closesArray) return undefined;
  open.pop();
  return afterValue(open);
}

function afterValue(open: readonly string[]): Expected {
  return open.length === 0 ? "end" : "after value";
}

function isValue(expected: Expected): boolean {
  return expected === "value" || expected === "value or ]";
}

function isKey(expected: Expected): boolean {
  return expected === "key" || expected === "key or }";
}

function positionOf(text: string, at: number): TextPosition {
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: at - lineStart + 1 };
}
