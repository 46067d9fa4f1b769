/**
 * Where the statements of a text begin and end, by what the destination's SQL takes for a string, a comment or a
 * body of statements. Never throws: what is not closed ends with the text, and the destination says so.
 */

export interface SqlRules {
  /** `$tag$ … $tag$` is a string. */
  readonly dollarQuotes?: boolean;
  /** A backslash in a string takes the next character: in all of them, or in `E'…'` only. */
  readonly backslashes?: "all" | "escape strings";
  /** Block comments nest. */
  readonly nestedComments?: boolean;
  /** `` `name` ``; and `# comment`, with a blank behind `--`. */
  readonly isMysql?: boolean;
  /** `[name]` */
  readonly brackets?: boolean;
  /** Whose rule says where a body ends that has statements of its own, as a trigger's. */
  readonly bodies?: "sqlite" | "postgres" | "mysql";
}

export interface Statement {
  /** Without the `;` and the blanks around it; comments are kept. */
  readonly sql: string;
  /** The first words, in upper case, for what it is. */
  readonly words: readonly string[];
}

const KEPT_WORDS = 8;
const BODY: Readonly<Record<string, RegExp>> = {
  sqlite: /^(?:EXPLAIN )?CREATE (?:TEMP |TEMPORARY )?TRIGGER\b/,
  postgres: /^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)\b/,
  mysql: /^CREATE (?:.* )?(?:FUNCTION|PROCEDURE|TRIGGER|EVENT)\b/,
};

export function splitStatements(text: string, rules: SqlRules): readonly Statement[] {
  const statements: Statement[] = [];
  let begin = 0;
  let body = new Body(rules);
  const end = (at: number) => {
    if (!body.isEmpty) statements.push({ sql: text.slice(begin, at).trim(), words: body.words });
    body = new Body(rules);
    begin = at + 1;
  };
  for (let at = 0; at < text.length;) {
    const next = skipBlank(text, at, rules);
    if (next > at) {
      at = next;
      continue;
    }
    const quoted = skipQuoted(text, at, rules);
    if (quoted > at) {
      body.see("'");
      at = quoted;
      continue;
    }
    const [word] = WORD.exec(text.slice(at, at + MAX_WORD)) ?? [];
    if (word !== undefined) {
      body.see(word.toUpperCase());
      at += word.length;
    } else if (text[at] === ";" && body.endsHere()) {
      end(at);
      at++;
    } else {
      body.see(text[at] ?? "");
      at++;
    }
  }
  end(text.length);
  return statements;
}

/** Whether the offset is in no string, quoted name or comment. */
export function isCode(text: string, offset: number, rules: SqlRules): boolean {
  for (let at = 0; at < offset;) {
    const next = Math.max(skipBlank(text, at, rules), skipQuoted(text, at, rules));
    if (next > offset) return false;
    // Within a word a quote or a tag begins nothing.
    const [word] = next > at ? [] : WORD.exec(text.slice(at, at + MAX_WORD)) ?? [];
    at = next > at ? next : at + (word?.length ?? 1);
  }
  return true;
}

const MAX_WORD = 200;
const WORD = /^[\p{L}_][\p{L}\p{N}_$]*/u;

/** What is known of the statement so far. */
class Body {
  readonly words: string[] = [];
  readonly #rules: SqlRules;
  isEmpty = true;
  #depth = 0;
  #last = "";
  #beforeLast = "";

  constructor(rules: SqlRules) {
    this.#rules = rules;
  }

  see(token: string): void {
    this.isEmpty = false;
    this.#beforeLast = this.#last;
    this.#last = token;
    if (!/^[\p{L}_]/u.test(token)) return;
    if (this.words.length < KEPT_WORDS) this.words.push(token);
    if (this.#rules.bodies !== "postgres" || !this.#hasBody()) return;
    // As psql counts.
    if (token === "BEGIN" || (token === "CASE" && this.#depth > 0)) this.#depth++;
    if (token === "END" && this.#depth > 0) this.#depth--;
  }

  /** Whether a `;` ends the statement. */
  endsHere(): boolean {
    if (!this.#hasBody()) return true;
    if (this.#rules.bodies === "postgres") return this.#depth === 0;
    // SQLite's own rule of a whole statement; MySQL's clients want another delimiter, so there the rest is one.
    return this.#rules.bodies === "sqlite" && this.#last === "END" && this.#beforeLast === ";";
  }

  #hasBody(): boolean {
    const pattern = BODY[this.#rules.bodies ?? ""];
    return pattern !== undefined && pattern.test(this.words.join(" "));
  }
}

/** Behind a blank or a comment that begins here. */
function skipBlank(text: string, at: number, rules: SqlRules): number {
  if (/\s/.test(text[at] ?? "")) return at + 1;
  const isLine = text.startsWith("--", at) && (!rules.isMysql || /^\s?$/.test(text[at + 2] ?? "")) ||
    (rules.isMysql === true && text[at] === "#");
  if (isLine) return ends(text.indexOf("\n", at), text, 1);
  if (!text.startsWith("/*", at)) return at;
  // What MySQL runs of a comment is no blank.
  if (rules.isMysql && /^\/\*M?!/.test(text.slice(at, at + 4))) return at;
  let depth = 1;
  let next = at + 2;
  while (depth > 0) {
    const closing = text.indexOf("*/", next);
    if (closing === -1) return text.length;
    const opening = rules.nestedComments ? text.indexOf("/*", next) : -1;
    const isNested = opening !== -1 && opening < closing;
    depth += isNested ? 1 : -1;
    next = (isNested ? opening : closing) + 2;
  }
  return next;
}

/** Behind a string or a quoted name that begins here. */
function skipQuoted(text: string, at: number, rules: SqlRules): number {
  const first = text[at] ?? "";
  if (first === "[" && rules.brackets) return ends(text.indexOf("]", at), text, 1);
  if (first === "`" && (rules.isMysql || rules.brackets)) return quoteEnd(text, at, "`", false);
  if (first === '"') return quoteEnd(text, at, '"', rules.backslashes === "all");
  if (first === "'") return quoteEnd(text, at, "'", rules.backslashes === "all");
  if (/^[eE]'/.test(text.slice(at, at + 2)) && rules.backslashes === "escape strings") {
    return isInsideWord(text, at) ? at : quoteEnd(text, at + 1, "'", true);
  }
  if (first !== "$" || !rules.dollarQuotes || isInsideWord(text, at)) return at;
  const [tag] = /^\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/u.exec(text.slice(at, at + MAX_WORD)) ?? [];
  return tag === undefined ? at : ends(text.indexOf(tag, at + tag.length), text, tag.length);
}

const isInsideWord = (text: string, at: number): boolean => /[\p{L}\p{N}_$]/u.test(text[at - 1] ?? "");

function quoteEnd(text: string, at: number, quote: string, hasBackslashes: boolean): number {
  for (let next = at + 1; next < text.length; next++) {
    if (text[next] === "\\" && hasBackslashes) next++;
    else if (text[next] === quote) {
      if (text[next + 1] !== quote) return next + 1;
      next++;
    }
  }
  return text.length;
}

const ends = (found: number, text: string, length: number): number =>
  found === -1 ? text.length : found + length;
