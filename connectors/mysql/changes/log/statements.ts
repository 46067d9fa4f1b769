import type { TableName } from "../../table_name.ts";

/**
 * What the statements in the log mean for tables that are followed. With binlog_format = ROW these are those
 * that define tables, and the borders of transactions; a statement whose meaning is not certain counts as one
 * after which a table has to be read again.
 */
export type Statement =
  | { readonly kind: "begin" | "commit" | "rollback" | "harmless" }
  /** Undoes a part of its transaction. */
  | { readonly kind: "rollback to" }
  | { readonly kind: "truncate" | "columns"; readonly tables: readonly TableName[] }
  /** The tables may have other rows than before. */
  | { readonly kind: "anew"; readonly tables: readonly TableName[] }
  | { readonly kind: "drop database"; readonly database: string }
  /** Changes rows without their being logged: of any of the tables that it names. */
  | { readonly kind: "rows"; readonly tables: readonly TableName[] };

interface Token {
  readonly kind: "word" | "name" | "text" | "symbol";
  readonly text: string;
  /** How many parentheses are open. */
  readonly depth: number;
}

const TOKEN =
  /\s+|#[^\n]*|--(?=\s|$)[^\n]*|\/\*!(?:\d+)?|\/\*M!(?:\d+)?|\/\*[^]*?\*\/|\*\/|`((?:[^`]|``)*)`|"((?:[^"\\]|\\[^]|"")*)"|'(?:[^'\\]|\\[^]|'')*'|([\w$\u0080-\uffff]+)|([^])/gu;

/** Comments whose content is run are read as what they have. */
function tokensOf(sql: string): readonly Token[] {
  const tokens: Token[] = [];
  let depth = 0;
  for (const [whole, quoted, doubleQuoted, word, symbol] of sql.matchAll(TOKEN)) {
    if (quoted !== undefined) tokens.push({ kind: "name", text: quoted.replaceAll("``", "`"), depth });
    else if (doubleQuoted !== undefined) {
      tokens.push({ kind: "name", text: doubleQuoted.replaceAll('""', '"'), depth });
    } else if (word !== undefined) tokens.push({ kind: "word", text: word, depth });
    else if (symbol !== undefined) {
      if (symbol === ")") depth -= 1;
      tokens.push({ kind: "symbol", text: symbol, depth });
      if (symbol === "(") depth += 1;
    } else if (whole.startsWith("'")) tokens.push({ kind: "text", text: whole, depth });
  }
  return tokens;
}

/** `database` is the one that the statement's own names are in. */
export function readStatement(sql: string, database: string): Statement {
  return new StatementReader(tokensOf(sql), database).read();
}

/** Words that may stand between what is done and the table. */
const BETWEEN = new Set(["ONLINE", "IGNORE", "TABLE", "TABLES", "IF", "NOT", "EXISTS"]);
const ROW_VERBS = new Set([
  "INSERT",
  "UPDATE",
  "DELETE",
  "REPLACE",
  "LOAD",
  "WITH",
  "MERGE",
  "SELECT",
  "CALL",
  "DO",
  "VALUES",
  "TABLE",
  "IMPORT",
]);

class StatementReader {
  readonly #tokens: readonly Token[];
  readonly #database: string;

  constructor(tokens: readonly Token[], database: string) {
    this.#tokens = tokens;
    this.#database = database;
  }

  read(): Statement {
    const [verb, second] = [this.#word(0), this.#word(1)];
    switch (verb) {
      case "BEGIN":
      case "START":
        return { kind: "begin" };
      case "XA":
        return second === "START" || second === "BEGIN" ? { kind: "begin" } : HARMLESS;
      case "COMMIT":
        return { kind: "commit" };
      case "ROLLBACK":
        return { kind: this.#words().includes("TO") ? "rollback to" : "rollback" };
      case "TRUNCATE":
        return { kind: "truncate", tables: this.#namesFrom(this.#nameAt(1)).slice(0, 1) };
      case "RENAME":
        return second === "USER" ? HARMLESS : { kind: "anew", tables: this.#allNames() };
      case "DROP":
        return this.#drop(second);
      case "CREATE":
        return this.#create();
      case "ALTER":
        return this.#alter();
      default:
        return verb !== undefined && ROW_VERBS.has(verb)
          ? { kind: "rows", tables: this.#allNames() }
          : HARMLESS;
    }
  }

  #drop(second: string | undefined): Statement {
    if (second === "DATABASE" || second === "SCHEMA") {
      return { kind: "drop database", database: this.#tokens[this.#nameAt(2)]?.text ?? "" };
    }
    if (second !== "TABLE" && second !== "TABLES") return HARMLESS;
    return { kind: "anew", tables: this.#allNames() };
  }

  #create(): Statement {
    const words = this.#words();
    const at = words.indexOf("TABLE");
    // CREATE [OR REPLACE] TABLE [IF NOT EXISTS]; one that is there already stays as it is.
    const isTable = at === 1 || at === 3 && words[1] === "OR";
    if (!isTable || words[at + 1] === "IF") return HARMLESS;
    return { kind: "anew", tables: this.#namesFrom(this.#nameAt(at + 1)).slice(0, 1) };
  }

  #alter(): Statement {
    const words = this.#words();
    const at = words.findIndex((word) => word === "TABLE");
    if (at < 1 || at > 3 || !words.slice(1, at).every((word) => BETWEEN.has(word ?? ""))) return HARMLESS;
    const nameAt = this.#nameAt(at);
    const [table] = this.#namesFrom(nameAt);
    if (table === undefined) return { kind: "anew", tables: this.#allNames() };
    const after = nameAt + (this.#tokens[nameAt + 1]?.text === "." ? 3 : 1);
    const kinds = this.#clauses(after).map(clauseKind);
    if (words.slice(1, at).includes("IGNORE") || kinds.includes("anew")) {
      return { kind: "anew", tables: this.#allNames() };
    }
    return kinds.includes("columns") ? { kind: "columns", tables: [table] } : HARMLESS;
  }

  /** The words of each clause, in upper case. */
  #clauses(from: number): readonly (readonly string[])[] {
    const clauses: string[][] = [[]];
    for (const { kind, text, depth } of this.#tokens.slice(from)) {
      if (kind === "symbol" && text === "," && depth === 0) clauses.push([]);
      else if (depth === 0) clauses.at(-1)?.push(kind === "word" ? text.toUpperCase() : "");
    }
    return clauses;
  }

  #words(): readonly (string | undefined)[] {
    return this.#tokens.map(({ kind, text }) => kind === "word" ? text.toUpperCase() : undefined);
  }

  #word(place: number): string | undefined {
    const token = this.#tokens[place];
    return token?.kind === "word" ? token.text.toUpperCase() : undefined;
  }

  /** Where the first name stands from there on. */
  #nameAt(from: number): number {
    let at = from;
    while (BETWEEN.has(this.#word(at) ?? "")) at += 1;
    return at;
  }

  #namesFrom(from: number): TableName[] {
    const names: TableName[] = [];
    for (let at = from; at < this.#tokens.length; at += 1) {
      const token = this.#tokens[at];
      if (token === undefined || token.kind !== "word" && token.kind !== "name") continue;
      const second = this.#tokens[at + 1]?.text === "." ? this.#tokens[at + 2] : undefined;
      if (second !== undefined && (second.kind === "word" || second.kind === "name")) {
        names.push({ database: token.text, table: second.text });
        at += 2;
      } else names.push({ database: this.#database, table: token.text });
    }
    return names;
  }

  /** All that may be the name of a table: words of SQL among them. */
  #allNames(): TableName[] {
    return this.#namesFrom(0);
  }
}

const HARMLESS: Statement = { kind: "harmless" };

const KEYS = new Set([
  "INDEX",
  "KEY",
  "UNIQUE",
  "FULLTEXT",
  "SPATIAL",
  "CONSTRAINT",
  "FOREIGN",
  "CHECK",
  "PRIMARY",
]);
const OPTIONS = new Set([
  "ENABLE",
  "DISABLE",
  "COMMENT",
  "AUTO_INCREMENT",
  "ROW_FORMAT",
  "KEY_BLOCK_SIZE",
  "ALGORITHM",
  "LOCK",
  "FORCE",
  "ENGINE",
  "STATS_PERSISTENT",
  "STATS_AUTO_RECALC",
  "STATS_SAMPLE_PAGES",
  "MAX_ROWS",
  "MIN_ROWS",
  "AVG_ROW_LENGTH",
  "WAIT",
  "NOWAIT",
]);
/** What becomes of partitions and of files without any row being logged. */
const FILES = new Set([
  "TRUNCATE",
  "EXCHANGE",
  "DISCARD",
  "IMPORT",
  "COALESCE",
  "REORGANIZE",
  "REMOVE",
  "PARTITION",
]);

function clauseKind([first = "", second = ""]: readonly string[]): "harmless" | "columns" | "anew" {
  if (OPTIONS.has(first)) return "harmless";
  if (FILES.has(first)) return "anew";
  if (first === "ADD" || first === "DROP" || first === "RENAME" || first === "ALTER") {
    if (KEYS.has(second)) return "harmless";
    if (second === "PARTITION") return first === "ADD" ? "harmless" : "anew";
    if (second === "SYSTEM" || second === "PERIOD") return "anew";
    if (first === "RENAME" && second !== "COLUMN") return "anew";
  }
  return first === "CONVERT" && second !== "TO" ? "anew" : "columns";
}
