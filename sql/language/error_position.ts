import type { SqlError } from "../../contract/sql.ts";
import { firstWord, scanSql } from "./scan_sql.ts";

/** Errors that say something of the text itself, not of rows. */
const TEXT_ERRORS = new Set(["Parser", "Binder", "Catalog"]);

/** What a constant may not be, of which DuckDB says no more when it binds it. */
const CONSTANT_ERROR = /specifier "(.+?)" not recognized/;

/** Words of messages that mean another word of the SQL, or one of several. */
const WORDS_OF_MESSAGES: readonly (readonly [message: RegExp, words: readonly string[]])[] = [
  [/^Set operations /, ["UNION", "INTERSECT", "EXCEPT"]],
  [/left side of join|right side of join/, ["USING"]],
  [/ORDER term/, ["ORDER"]],
  [/must appear in the GROUP BY/, ["HAVING"]],
  [/GROUP BY/, ["GROUP"]],
  [/time travel/, ["AT"]],
];

/**
 * Where in the SQL an error lies that DuckDB gives without a place: at what its message names, as a column
 * behind EXCLUDE, the word COALESCE or UNION; else at the first word. Undefined for errors of rows.
 */
export function guessPosition(sql: string, error: SqlError): number | undefined {
  const constant = CONSTANT_ERROR.exec(error.message)?.[1];
  if (constant !== undefined) return textPosition(sql, constant);
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
  return namedBehind(words, error.message, keyword?.start ?? 0) ?? keyword?.start ?? firstWord(sql)?.position;
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

/** The first place of the text in single quotes. */
function textPosition(sql: string, text: string): number | undefined {
  const quoted = `'${text.replaceAll("'", "''")}'`.toLowerCase();
  for (const { kind, start, end } of scanSql(sql)) {
    if (kind === "text" && sql.slice(start, end).toLowerCase() === quoted) return start;
  }
  return undefined;
}

/** The first place behind `from` of a name that the message quotes. */
function namedBehind(words: readonly Word[], message: string, from: number): number | undefined {
  for (const [, name = ""] of message.matchAll(/"([^"]+)"/g)) {
    const found = words.find(({ text, start }) => start >= from && text.toLowerCase() === name.toLowerCase());
    if (found !== undefined) return found.start;
  }
  return undefined;
}
