import { scanSql, type SqlToken } from "../scan_sql.ts";

/** Something in a text that is no SQL of DuckDB, with what to write in its place. */
export interface ForeignSyntax {
  readonly message: string;
  /** UTF-16 units from 0. */
  readonly position: number;
}

/**
 * What SQL of other tools has and DuckDB has not: Jinja, names in backticks, placeholders. DuckDB would
 * call it a syntax error, or take a backtick for an operator.
 */
export function foreignSyntax(sql: string): ForeignSyntax[] {
  const found: ForeignSyntax[] = [];
  const tokens = [...scanSql(sql)];
  let end = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.start < end || token.kind !== "other") continue;
    const jinja = jinjaAt(sql, token.start);
    const known = jinja ?? backticksAt(sql, token.start) ?? placeholderAt(sql, tokens, index);
    if (known === undefined) continue;
    found.push({ message: known.message, position: token.start });
    end = known.end;
  }
  return found;
}

interface Found {
  readonly message: string;
  readonly end: number;
}

const JINJA = /\{\{([\s\S]*?)\}\}|\{%([\s\S]*?)%\}|\{#[\s\S]*?#\}/y;
const TEXTS = /'([^']*)'|"([^"]*)"/g;

function jinjaAt(sql: string, start: number): Found | undefined {
  JINJA.lastIndex = start;
  const match = JINJA.exec(sql);
  if (match === null) {
    if (!/^\{[{%#]/.test(sql.slice(start, start + 2))) return undefined;
    return { message: "Jinja is not understood here: a model is plain SQL", end: sql.length };
  }
  const shown = match[0].length > 60 ? `${match[0].slice(0, 57)}…` : match[0].replace(/\s+/g, " ");
  return { message: `${shown} is Jinja: ${inPlaceOf(match[1], match[2])}`, end: JINJA.lastIndex };
}

/** What takes the place of dbt's own calls. */
function inPlaceOf(expression: string | undefined, statement: string | undefined): string {
  const [, call = ""] = /^-?\s*([\w.]+)/.exec(expression ?? "") ?? [];
  const names = [...(expression ?? "").matchAll(TEXTS)].map(([, single, double]) => single ?? double ?? "");
  const [first = "", second] = names;
  switch (call) {
    case "ref":
      return `write the model's name alone, ${second ?? first}`;
    case "source":
      return `write the stream, raw.${second ?? first}`;
    case "this":
      return "write the model's own name";
    case "var":
      return `write getvariable('${first}'), and give the pipeline a param of that name`;
    case "config":
      return "write a header, as /* @sluice materialized: incremental */";
  }
  if (/is_incremental/.test(statement ?? "")) {
    return "write a condition that holds in the first run too, as getvariable('cursor') IS NULL OR …";
  }
  return "a model is plain SQL, without templates";
}

function backticksAt(sql: string, start: number): Found | undefined {
  if (sql[start] !== "`") return undefined;
  const close = sql.indexOf("`", start + 1);
  const line = /[\r\n]/.exec(sql.slice(start))?.index ?? Infinity;
  if (close === -1 || close - start > line) {
    return { message: "a backtick is no SQL: names stand in double quotes", end: start + 1 };
  }
  const name = sql.slice(start + 1, close);
  const plain = /^[A-Za-z_]\w*$/.test(name) ? `${name}, or "${name}"` : `"${name.replaceAll('"', '""')}"`;
  return { message: `names stand in double quotes, not in backticks: write ${plain}`, end: close + 1 };
}

/** `?`, `$1`, `$name`: nothing would give it a value. */
function placeholderAt(sql: string, tokens: readonly SqlToken[], index: number): Found | undefined {
  const token = tokens[index];
  if (token === undefined) return undefined;
  const next = tokens[index + 1];
  const sign = sql[token.start];
  if (sign === "?") {
    return { message: "? is a placeholder, and nothing fills it: write getvariable('name')", end: token.end };
  }
  if (sign !== "$" || next?.kind !== "word") return undefined;
  const name = sql.slice(next.start, next.end);
  const example = /^\d+$/.test(name) ? "name" : name;
  return {
    message: `$${name} is a placeholder, and nothing fills it: write getvariable('${example}')`,
    end: next.end,
  };
}
