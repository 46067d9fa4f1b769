import { scanSql } from "../language/scan_sql.ts";
import { type SqlWord, sqlWords, unquoted } from "./read_scopes.ts";

/** What is being written at a place of SQL. */
export interface SqlPlace {
  /** What may stand here: nothing in a comment or a text. */
  readonly wants: "table" | "value" | "nothing";
  /** The name at the place, of which a part may be written already. */
  readonly word: { readonly start: number; readonly end: number; readonly text: string };
  /** What stands before it with dots, as `["o"]` of `o.da`. */
  readonly qualifier: readonly string[];
  /** Where all of it begins. */
  readonly start: number;
  /** Whether a bracket follows: it is a function. */
  readonly isCall: boolean;
}

/** Words behind which a table comes. */
const BEFORE_TABLE: ReadonlySet<string> = new Set(["FROM", "JOIN"]);

/** `offset` in UTF-16 units: behind what is written. */
export function placeIn(sql: string, offset: number): SqlPlace {
  for (const { kind, start, end } of scanSql(sql)) {
    const isText = kind === "text" && !sql.startsWith('"', start);
    // A comment to the end of its line goes on where it ends.
    const isOpenEnded = kind === "comment" && sql.startsWith("--", start);
    const isInside = start < offset &&
      (offset < end || (isOpenEnded && offset === end) ||
        (isText && offset === end && !isClosed(sql, start, end)));
    if (isInside && (kind === "comment" || isText)) return nothing(offset);
    if (start >= offset) break;
  }
  const words = sqlWords(sql);
  const at = words.findIndex(({ start, end, isName }) => isName && start <= offset && offset <= end);
  const own = words[at];
  const before = own === undefined ? words.filter(({ end }) => end <= offset) : words.slice(0, at);
  const { qualifier, rest, start } = qualifierOf(before);
  const next = own === undefined ? undefined : words[at + 1];
  return {
    wants: wantsTable(rest) ? "table" : "value",
    word: own === undefined
      ? { start: offset, end: offset, text: "" }
      : { start: own.start, end: own.end, text: unquoted(own.text) },
    qualifier,
    start: start ?? own?.start ?? offset,
    isCall: next?.text === "(" && next.start === own?.end,
  };
}

const isClosed = (sql: string, start: number, end: number): boolean =>
  end - start > 1 && sql[end - 1] === sql[start];

const nothing = (offset: number): SqlPlace => ({
  wants: "nothing",
  word: { start: offset, end: offset, text: "" },
  qualifier: [],
  start: offset,
  isCall: false,
});

/** The names with dots at the end of the words, and what is before them. */
function qualifierOf(words: readonly SqlWord[]): {
  readonly qualifier: string[];
  readonly rest: readonly SqlWord[];
  readonly start: number | undefined;
} {
  const qualifier: string[] = [];
  let end = words.length;
  let start: number | undefined;
  while (words[end - 1]?.text === "." && words[end - 2]?.isName === true) {
    qualifier.unshift(unquoted(words[end - 2]?.text ?? ""));
    start = words[end - 2]?.start;
    end -= 2;
  }
  return { qualifier, rest: words.slice(0, end), start };
}

/** Whether a table comes behind the words: `FROM`, `JOIN`, or a comma in FROM. */
function wantsTable(words: readonly SqlWord[]): boolean {
  const last = words.at(-1);
  if (last === undefined) return false;
  if (BEFORE_TABLE.has(last.text.toUpperCase())) return !isOfFunction(words);
  if (last.text !== ",") return false;
  let depth = 0;
  for (let at = words.length - 2; at >= 0; at -= 1) {
    const word = words[at]?.text.toUpperCase() ?? "";
    if (word === ")") depth += 1;
    else if (word === "(") {
      if (depth === 0) return false;
      depth -= 1;
    } else if (depth === 0) {
      if (word === "FROM") return !isOfFunction(words.slice(0, at + 1));
      if (["SELECT", "WHERE", "BY", "ON", "HAVING", "QUALIFY", "VALUES", "WITH", "USING"].includes(word)) {
        return false;
      }
    }
  }
  return false;
}

/** `extract(day FROM …)`, `IS DISTINCT FROM`. */
function isOfFunction(words: readonly SqlWord[]): boolean {
  if (words.at(-2)?.text.toUpperCase() === "DISTINCT" && words.at(-1)?.text.toUpperCase() === "FROM") {
    return ["IS", "NOT"].includes(words.at(-3)?.text.toUpperCase() ?? "");
  }
  let depth = 0;
  for (let at = words.length - 2; at >= 0; at -= 1) {
    const word = words[at]?.text ?? "";
    if (word === ")") depth += 1;
    else if (word === "(") {
      if (depth === 0) {
        return /^(?:extract|substring|trim|overlay|position)$/i.test(words[at - 1]?.text ?? "");
      }
      depth -= 1;
    }
  }
  return false;
}
