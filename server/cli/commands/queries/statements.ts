import { scanSql, type SqlToken } from "../../../../sql/language/scan_sql.ts";

export interface Statement {
  /** Without the `;` that ends it. */
  readonly sql: string;
  /** Whether it has its `;`. */
  readonly isEnded: boolean;
  /** The line on which it begins, from 1. */
  readonly line: number;
}

/** The statements of a text; blanks and comments alone are none. */
export function splitStatements(text: string): Statement[] {
  const statements: Statement[] = [];
  let start = 0;
  let first: SqlToken | undefined;
  const add = (end: number, isEnded: boolean) => {
    if (first === undefined) return;
    statements.push({ sql: text.slice(start, end), isEnded, line: text.slice(0, start).split("\n").length });
  };
  for (const token of scanSql(text)) {
    if (token.kind === "terminator") {
      add(token.start, true);
      start = token.end;
      first = undefined;
    } else if (first === undefined && token.kind !== "space" && token.kind !== "comment") {
      // What stands before it is not its own, so that its first line is its line 1.
      first = token;
      start = token.start;
    }
  }
  add(text.length, false);
  return statements;
}

/** The statement on one line as a history keeps it; undefined where a text in it has several. */
export function onOneLine(sql: string): string | undefined {
  let line = "";
  for (const { kind, start, end } of scanSql(sql)) {
    const text = sql.slice(start, end);
    if (kind === "space" || kind === "comment") line += line.endsWith(" ") ? "" : " ";
    else if (text.includes("\n")) return undefined;
    else line += text;
  }
  return line.replace(/^ +| +$/g, "");
}
