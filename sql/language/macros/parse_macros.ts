import { nameFault } from "../../../contract/names.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import { nameKey } from "../../../contract/sql.ts";
import type { Fault } from "../../../text/fault.ts";
import { foreignSyntax } from "../foreign/syntax.ts";
import { placeAt } from "../position.ts";
import { scanSql, type SqlTokenKind } from "../scan_sql.ts";

/** One `CREATE MACRO` of a file in macros/: SQL that the models and checks of any pipeline call. */
export interface Macro {
  readonly name: string;
  readonly path: string;
  /** The whole text of its file; all offsets are of it, in UTF-16 units from 0. */
  readonly text: string;
  readonly position: number;
  /** From the parenthesis of its first parameters to the end of its last body. */
  readonly start: number;
  readonly end: number;
  /** Called in FROM. */
  readonly isTable: boolean;
  /** What of it is SQL that may refer to something: the bodies, and the defaults of parameters. */
  readonly parts: readonly MacroPart[];
}

export interface MacroPart {
  readonly kind: "default" | "expression" | "query";
  readonly start: number;
  readonly end: number;
}

/** A statement of a file, with the comments before it. */
export interface MacroStatement {
  readonly macro: Macro;
  readonly from: number;
  readonly to: number;
}

export interface ParsedMacros {
  readonly statements: readonly MacroStatement[];
  readonly faults: readonly Fault[];
}

/** Reads a file of macros/, as far as that goes without DuckDB. Never throws for what a user wrote. */
export function parseMacros(file: RevisionFile): ParsedMacros {
  const { path, content } = file;
  const faults: Fault[] = [];
  const fail = (position: number, message: string) =>
    faults.push({ ...placeAt(content, position, path), message, severity: "error" });
  const foreign = foreignSyntax(content);
  for (const { position, message } of foreign) fail(position, message);
  if (foreign.length > 0) return { statements: [], faults };
  const statements: MacroStatement[] = [];
  for (const { tokens, from, to } of statementsOf(content)) {
    try {
      const macro = new MacroReader(file, tokens).read();
      const wrong = nameFault("macro", macro.name);
      if (wrong === undefined) statements.push({ macro, from, to });
      else fail(macro.position, `${macro.name} cannot be the name of a macro: ${wrong}`);
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      fail(error.position, error.message);
    }
  }
  if (statements.length === 0 && faults.length === 0) {
    faults.push({
      file: path,
      line: 1,
      column: 1,
      message: "the file has no CREATE MACRO",
      severity: "warning",
    });
  }
  return { statements, faults };
}

/** Macros whose names are taken, in the order of their files. */
export function twinFaults(macros: readonly Macro[]): Fault[] {
  const first = new Map<string, Macro>();
  return macros.flatMap((macro): Fault[] => {
    const twin = first.get(nameKey(macro.name));
    if (twin === undefined) {
      first.set(nameKey(macro.name), macro);
      return [];
    }
    const { file, line } = placeAt(twin.text, twin.position, twin.path);
    const message =
      `the macro ${macro.name} is in ${file}:${line} already: forms of one macro stand in one ` +
      "CREATE MACRO, as (a) AS …, (a, b) AS …";
    return [{ ...placeAt(macro.text, macro.position, macro.path), message, severity: "error" }];
  });
}

interface Token {
  readonly kind: SqlTokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

interface TokenRun {
  /** Without spaces and comments. */
  readonly tokens: readonly Token[];
  readonly from: number;
  readonly to: number;
}

function statementsOf(text: string): TokenRun[] {
  const runs: TokenRun[] = [];
  let tokens: Token[] = [];
  let from = 0;
  const close = (to: number) => {
    if (tokens.length > 0) runs.push({ tokens, from, to });
    tokens = [];
    from = to;
  };
  for (const { kind, start, end } of scanSql(text)) {
    if (kind === "terminator") close(end);
    else if (kind !== "space" && kind !== "comment") {
      tokens.push({ kind, text: text.slice(start, end), start, end });
    }
  }
  close(text.length);
  return runs;
}

class Unexpected extends Error {
  readonly position: number;

  constructor(position: number, message: string) {
    super(message);
    this.position = position;
  }
}

const SHAPE = "expected CREATE MACRO name(parameters) AS an expression, or AS TABLE a SELECT";
const [OPENING, CLOSING] = ["([{", ")]}"];

/** Reads one statement. Throws Unexpected where it is no CREATE MACRO. */
class MacroReader {
  readonly #file: RevisionFile;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(file: RevisionFile, tokens: readonly Token[]) {
    this.#file = file;
    this.#tokens = tokens;
  }

  read(): Macro {
    this.#readHead();
    const { name, position } = this.#readName();
    const start = this.#peek()?.start ?? this.#lastEnd;
    const parts: MacroPart[] = [];
    let isTable = false;
    do {
      parts.push(...this.#readParameters());
      this.#expect("AS");
      const isQuery = this.#take("TABLE");
      isTable ||= isQuery;
      parts.push(this.#readBody(isQuery));
    } while (this.#takeSign(","));
    const { path, content: text } = this.#file;
    return { name, path, text, position, start, end: this.#lastEnd, isTable, parts };
  }

  #readHead(): void {
    this.#expect("CREATE");
    if (this.#take("OR")) this.#expect("REPLACE");
    if (!this.#take("TEMP")) this.#take("TEMPORARY");
    if (!this.#take("MACRO")) this.#expect("FUNCTION");
    if (this.#take("IF")) {
      this.#expect("NOT");
      this.#expect("EXISTS");
    }
  }

  #readName(): { readonly name: string; readonly position: number } {
    const first = this.#identifier();
    if (this.#peek()?.text !== ".") return first;
    const dot = this.#peek();
    if (first.name.toLowerCase() !== "main") {
      throw new Unexpected(first.position, "leave out the schema: macros are called by their names alone");
    }
    if (dot !== undefined) this.#at++;
    return this.#identifier();
  }

  #identifier(): { readonly name: string; readonly position: number } {
    const token = this.#peek();
    if (token?.kind === "word") {
      this.#at++;
      return { name: token.text, position: token.start };
    }
    if (token?.kind === "text" && token.text.startsWith('"')) {
      this.#at++;
      return { name: token.text.slice(1, -1).replaceAll('""', '"'), position: token.start };
    }
    throw this.#unexpected(SHAPE);
  }

  /** The defaults of the parameters. */
  #readParameters(): MacroPart[] {
    if (this.#peek()?.text !== "(") throw this.#unexpected("expected ( and the macro's parameters");
    const close = this.#closingOf(this.#at);
    const parts: MacroPart[] = [];
    for (let from = this.#at + 1; from < close;) {
      const to = this.#commaFrom(from, close);
      const sign = this.#defaultSign(from, to);
      const [first, last] = [this.#tokens[sign], this.#tokens[to - 1]];
      if (sign < to && first !== undefined && last !== undefined) {
        parts.push({ kind: "default", start: first.start, end: last.end });
      }
      from = to + 1;
    }
    this.#at = close + 1;
    return parts;
  }

  /** Behind `:=` or `=>`; `to` where there is none. */
  #defaultSign(from: number, to: number): number {
    for (let index = from; index + 1 < to; index++) {
      const sign = `${this.#tokens[index]?.text}${this.#tokens[index + 1]?.text}`;
      if (sign === ":=" || sign === "=>") return index + 2;
    }
    return to;
  }

  #readBody(isQuery: boolean): MacroPart {
    const first = this.#peek();
    if (first === undefined) {
      throw this.#unexpected(
        isQuery ? "expected a SELECT behind AS TABLE" : "expected an expression behind AS",
      );
    }
    const end = isQuery ? this.#endOfQuery() : this.#commaFrom(this.#at, this.#tokens.length);
    const last = this.#tokens[end - 1];
    if (end === this.#at || last === undefined) throw this.#unexpected("expected an expression behind AS");
    this.#at = end;
    return { kind: isQuery ? "query" : "expression", start: first.start, end: last.end };
  }

  /** A query has commas of its own: one that begins another form has `(…) AS TABLE` behind it. */
  #endOfQuery(): number {
    const { length } = this.#tokens;
    for (let comma = this.#commaFrom(this.#at, length); comma < length;) {
      if (this.#tokens[comma + 1]?.text === "(") {
        const close = this.#closingOf(comma + 1);
        if (this.#isWord(close + 1, "AS") && this.#isWord(close + 2, "TABLE")) return comma;
      }
      comma = this.#commaFrom(comma + 1, length);
    }
    return length;
  }

  /** The first comma that stands in no brackets; `to` where there is none. */
  #commaFrom(from: number, to: number): number {
    for (let index = from; index < to; index++) {
      const { text = "", start = 0 } = this.#tokens[index] ?? {};
      if (text === ",") return index;
      if (text.length === 1 && CLOSING.includes(text)) throw new Unexpected(start, `${text} closes nothing`);
      if (text.length === 1 && OPENING.includes(text)) index = this.#closingOf(index);
    }
    return to;
  }

  #closingOf(open: number): number {
    let depth = 0;
    for (let index = open; index < this.#tokens.length; index++) {
      const { text = "" } = this.#tokens[index] ?? {};
      if (text.length !== 1) continue;
      if (OPENING.includes(text)) depth++;
      else if (CLOSING.includes(text) && --depth === 0) return index;
    }
    const { text, start = 0 } = this.#tokens[open] ?? {};
    throw new Unexpected(start, `${text} is not closed`);
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  get #lastEnd(): number {
    return this.#tokens.at(-1)?.end ?? 0;
  }

  #isWord(index: number, word: string): boolean {
    const token = this.#tokens[index];
    return token?.kind === "word" && token.text.toUpperCase() === word;
  }

  #take(word: string): boolean {
    const isThere = this.#isWord(this.#at, word);
    if (isThere) this.#at++;
    return isThere;
  }

  #takeSign(sign: string): boolean {
    const isThere = this.#peek()?.text === sign;
    if (isThere) this.#at++;
    return isThere;
  }

  #expect(word: string): void {
    if (!this.#take(word)) throw this.#unexpected(SHAPE);
  }

  #unexpected(message: string): Unexpected {
    const token = this.#peek();
    return token === undefined
      ? new Unexpected(this.#lastEnd, `${message}; the statement ends here`)
      : new Unexpected(token.start, message);
  }
}
