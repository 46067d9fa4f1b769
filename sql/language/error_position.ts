import type { SqlError } from "../../contract/sql.ts";
import { firstWord, scanSql } from "./scan_sql.ts";

/** Errors that say something of the text itself, not of rows. */
const TEXT_ERRORS = new Set(["Parser", "Binder", "Catalog", "Not implemented"]);

/** Words of messages that mean another word of the SQL, or one of several. */
const WORDS_OF_MESSAGES: readonly (readonly [message: RegExp, words: readonly string[]])[] = [
  [/^Set operations /, ["UNION", "INTERSECT", "EXCEPT"]],
  [/left side of join|right side of join/, ["USING"]],
  [/ORDER term/, ["ORDER"]],
  [/must appear in the GROUP BY/, ["HAVING"]],
  [/GROUP BY/, ["GROUP"]],
  [/time travel/, ["AT"]],
  [/^Cannot combine types /, ["VALUES", "UNION", "INTERSECT", "EXCEPT", "CASE", "COALESCE"]],
];

/**
 * Where in the SQL an error lies that DuckDB gives without a place: at what its message names, as a text, a column
 * behind EXCLUDE, the word COALESCE or UNION, a function; else at the first word. Undefined for errors of rows.
 */
export function guessPosition(sql: string, error: SqlError): number | undefined {
  const constant = textPosition(sql, error.message);
  if (constant !== undefined) return constant;
  if (!TEXT_ERRORS.has(error.type)) return undefined;
  const words = wordsOf(sql);
  for (const [message, keywords] of WORDS_OF_MESSAGES) {
    if (!message.test(error.message)) continue;
    const keyword = words.find(({ text }) => keywords.includes(text.toUpperCase()));
    if (keyword === undefined) continue;
    return namedBehind(words, error.message, keyword.start) ?? keyword.start;
  }
  const keyword = [...error.message.matchAll(/\b[A-Z]{4,}\b/g)].map(([word]) => word)
    .map((word) => words.find(({ text }) => text.toUpperCase() === word)).find((word) => word !== undefined);
  return namedBehind(words, error.message, keyword?.start ?? 0) ?? keyword?.start ??
    functionPosition(sql, words, error.message) ?? firstWord(sql)?.position;
}

interface Word {
  /** Without its quotes. */
  readonly text: string;
  readonly start: number;
}

function wordsOf(sql: string): Word[] {
  const words: Word[] = [];
  for (const { kind, start, end } of scanSql(sql)) {
    const text = sql.slice(start, end);
    if (kind === "word") words.push({ text, start });
    else if (kind === "text" && text.startsWith('"')) {
      words.push({ text: text.slice(1, -1).replaceAll('""', '"'), start });
    }
  }
  return words;
}

/** Of the first text in single quotes that the message quotes, or ends with, as `missing ): (` does of a pattern. */
function textPosition(sql: string, message: string): number | undefined {
  const lower = message.toLowerCase();
  for (const { kind, start, end } of scanSql(sql)) {
    if (kind !== "text" || sql[start] !== "'") continue;
    const text = sql.slice(start + 1, end - 1).replaceAll("''", "'").toLowerCase();
    if (text === "") continue;
    const isNamed = lower.includes(`"${text}"`) || lower.includes(`'${text}'`) ||
      lower.endsWith(`: ${text}`) ||
      lower.includes(` with name ${text} does not exist`);
    if (isNamed) return start;
  }
  return undefined;
}

/** The first call of a function that the message names, as `json_object() requires …` or `Wrong number of arguments to IF`. */
function functionPosition(sql: string, words: readonly Word[], message: string): number | undefined {
  const named = new Set([...message.toLowerCase().matchAll(/\b[a-z]\w+\b/g)].map(([word]) => word));
  if (named.has("lambda") || named.has("lambdas")) {
    const arrow = words.find(({ text }) => text.toLowerCase() === "lambda")?.start ?? sql.indexOf("->");
    if (arrow >= 0) return arrow;
  }
  return words.find(({ text, start }) =>
    named.has(text.toLowerCase()) && /^\s*\(/.test(sql.slice(start + text.length))
  )?.start;
}

/** The first place behind `from` of a name that the message quotes, or calls a name. */
function namedBehind(words: readonly Word[], message: string, from: number): number | undefined {
  for (const [, quoted, plain] of message.matchAll(/"([^"]+)"|\bwith name (\w+) does not exist/g)) {
    const name = quoted ?? plain ?? "";
    const found = words.find(({ text, start }) => start >= from && text.toLowerCase() === name.toLowerCase());
    if (found !== undefined) return found.start;
  }
  return undefined;
}
