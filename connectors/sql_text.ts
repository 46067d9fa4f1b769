import type { SqlText } from "../contract/connector/sql_text.ts";
import type { ParamType } from "../contract/params/definition.ts";
import { quoteLiteral } from "../contract/sql.ts";
import { isCode, type SqlRules } from "./destination/statements.ts";

export interface SqlTextOptions {
  /** All that a server may be set to: what is code has to be so by each of them. */
  readonly rules: readonly SqlRules[];
  /** `'…'` by default. */
  text?(value: string): string;
  /** `DATE '…'` by default. */
  date?(day: string): string;
  /** Of ISO 8601 with a zone; `TIMESTAMPTZ '…'` by default. */
  timestamp?(iso: string): string;
}

export function createSqlText(
  {
    rules,
    text = quoteLiteral,
    date = (day) => `DATE ${quoteLiteral(day)}`,
    timestamp = (iso) => `TIMESTAMPTZ ${quoteLiteral(iso)}`,
  }: SqlTextOptions,
): SqlText {
  const writers: Readonly<Record<ParamType, (value: string) => string>> = {
    string: text,
    // Behind a minus of the user's own, one of ours would begin a comment.
    integer: (value) => value.startsWith("-") ? `(${value})` : value,
    number: (value) => value.startsWith("-") ? `(${value})` : value,
    boolean: (value) => value.toUpperCase(),
    date,
    timestamp,
  };
  return {
    literal: (value, type) => value === null ? "NULL" : writers[type](String(value)),
    isCode: (sql, at) => rules.every((rule) => isCode(sql, at, rule)),
  };
}

/** DuckDB's own SQL. */
export const DUCKDB_TEXT: SqlText = createSqlText({
  rules: [{ dollarQuotes: true, backslashes: "escape strings", nestedComments: true }],
});

/** SQLite has no type of its own for times: they are texts. */
export const SQLITE_TEXT: SqlText = createSqlText({
  rules: [{ brackets: true }],
  date: quoteLiteral,
  timestamp: quoteLiteral,
});

/** `2024-01-31 12:00:00.000001` in UTC, of ISO 8601 with a zone. */
export function utcText(iso: string): string {
  const [, fraction = ""] = /(\.\d+)/.exec(iso) ?? [];
  const whole = new Date(Date.parse(iso.replace(fraction, ""))).toISOString();
  return `${whole.slice(0, 19).replace("T", " ")}${fraction}`;
}
