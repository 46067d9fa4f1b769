import type { FormattedText } from "../../contract/jobs/format_job.ts";
import type { DialectOptions } from "sql-formatter";
import { quoteLiteral, type SqlSession } from "../../contract/sql.ts";
import { isRecord } from "../../text/is_record.ts";
import { parseMacros } from "../language/macros/parse_macros.ts";
import { scanSql } from "../language/scan_sql.ts";
import { parseSerialized } from "../language/tree/serialized.ts";

/** Of the formatter: what a line may hold before a list in brackets is put on several. */
const EXPRESSION_WIDTH = 80;

/**
 * Formats one file of SQL. Only space between words and the case of keywords change: the comments before the first
 * word, the header among them, stay byte for byte, and what is behind them has the same words, texts and comments, and
 * is the same to DuckDB's own parser. What does not come out so is kept, with the reason. `session` is of any database.
 */
export async function formatSql(session: SqlSession, sql: string): Promise<FormattedText> {
  const { head, body } = splitHead(sql);
  if (body.trim() === "") return { kept: "there is no SQL in it" };
  if (sql.includes("\0")) return { kept: "it holds a NUL character" };
  const isCrlf = /\r\n/.test(body);
  // In a text each line break is part of the value.
  if (isCrlf && textsOf(body).some((text) => /(?<!\r)\n/.test(text))) {
    return { kept: "a text in it has line breaks of another kind than the file" };
  }
  let reason = "";
  // In upper case a name that is a keyword elsewhere would be another one: those files keep the case of words.
  for (const keywordCase of ["upper", "preserve"] as const) {
    const outcome = await formatBody(body, keywordCase);
    if ("kept" in outcome) {
      reason = outcome.kept;
      continue;
    }
    const wrong = await differenceBetween(session, body, outcome.text);
    if (wrong === undefined) {
      const text = `${head}${outcome.text}`;
      return { text: isCrlf ? text.replace(/\r?\n/g, "\r\n") : text };
    }
    reason = wrong;
  }
  return { kept: reason };
}

/** What stands before the first word, with the end of its last line, and the rest. */
function splitHead(sql: string): { readonly head: string; readonly body: string } {
  let end = 0;
  for (const token of scanSql(sql)) {
    if (token.kind === "comment") end = token.end;
    else if (token.kind !== "space") break;
  }
  if (end === 0) return { head: "", body: sql };
  const head = sql.slice(0, end);
  return {
    head: `${head}${/\r\n/.test(sql) ? "\r\n" : "\n"}`,
    body: sql.slice(end).replace(/^[^\S\r\n]*\r?\n?/, ""),
  };
}

async function formatBody(body: string, keywordCase: "upper" | "preserve"): Promise<FormattedText> {
  const { formatDialect, duckdb } = await import("sql-formatter");
  const dialect = withAllOperators(duckdb);
  const format = (text: string) => {
    const plain = text.replace(/\r\n?/g, "\n");
    const formatted = formatDialect(plain, {
      dialect,
      keywordCase,
      expressionWidth: EXPRESSION_WIDTH,
      linesBetweenQueries: 1,
    });
    return `${bracketsAsBefore(plain, formatted).trim()}\n`;
  };
  try {
    const once = format(body);
    // Some texts need a second look before they stay as they are.
    const twice = format(once);
    if (twice === once) return { text: once };
    return format(twice) === twice ? { text: twice } : { kept: "it comes out otherwise each time" };
  } catch (error) {
    const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    return { kept: `the formatter does not know what it says: ${reason}` };
  }
}

/** What the formatter's DuckDB does not know: operators, and columns by their numbers. */
function withAllOperators(dialect: DialectOptions): DialectOptions {
  const { operators = [], paramTypes, reservedSetOperations } = dialect.tokenizerOptions;
  return {
    ...dialect,
    tokenizerOptions: {
      ...dialect.tokenizerOptions,
      operators: [...operators, "&&", "<@", "@>", "<->", "<=>", "@"],
      paramTypes: { ...paramTypes, custom: [{ regex: String.raw`#\d+` }] },
      reservedSetOperations: [...reservedSetOperations, "UNION ALL BY NAME"],
    },
  };
}

/**
 * Whether there is a blank before an opening bracket is as its author wrote it: the formatter goes by lists of
 * functions and keywords, which know no macro.
 */
function bracketsAsBefore(before: string, after: string): string {
  const gaps = gapsOf(before);
  let text = "";
  for (const [index, { gap, token }] of gapsOf(after).entries()) {
    const written = gaps[index];
    const isBracket = (token === "(" || token === "[") && written?.token === token;
    text += `${isBracket && /^ ?$/.test(gap) && /^ ?$/.test(written.gap) ? written.gap : gap}${token}`;
  }
  return text;
}

/** Each word, text, sign and comment with the space before it. */
function gapsOf(sql: string): { readonly gap: string; readonly token: string }[] {
  const found: { gap: string; token: string }[] = [];
  let gap = "";
  for (const { kind, start, end } of scanSql(sql)) {
    if (kind === "space") gap += sql.slice(start, end);
    else {
      found.push({ gap, token: sql.slice(start, end) });
      gap = "";
    }
  }
  return found;
}

/** What a formatted text lost or changed; undefined where it is the same. */
async function differenceBetween(
  session: SqlSession,
  before: string,
  after: string,
): Promise<string | undefined> {
  if (wordsOf(before).join("\0") !== wordsOf(after).join("\0")) {
    return "a word or a comment would change or move";
  }
  const [old, now] = await treesOf(session, [before, after]);
  if (old?.fault !== undefined) return `it does not parse: ${old.fault}`;
  if (old?.tree !== undefined) return old.tree === now?.tree ? undefined : OTHER_TREE;
  const [parts, formattedParts] = [macroParts(before), macroParts(after)];
  // Of other statements nobody but DuckDB knows what the case of a word means.
  if (parts === undefined) return textsAs(before, after) ? undefined : OTHER_TREE;
  const trees = async (sqls: readonly string[]) =>
    (await treesOf(session, sqls)).map(({ tree }) => tree).join("\n");
  return await trees(parts) === await trees(formattedParts ?? []) ? undefined : OTHER_TREE;
}

const OTHER_TREE = "it would not be the same to DuckDB";

/** Whether all words are written alike. */
function textsAs(before: string, after: string): boolean {
  const written = (sql: string) =>
    gapsOf(sql).map(({ token }) => /^(?:--|\/\*)/.test(token) ? "" : token).join("\0");
  return written(before) === written(after);
}

/** The SQL in a file of macros, as queries; undefined where it is no such file. */
function macroParts(sql: string): string[] | undefined {
  const { statements, faults } = parseMacros({ path: "", content: sql });
  if (statements.length === 0 || faults.length > 0) return undefined;
  return statements.flatMap(({ macro }) =>
    macro.parts.map(({ kind, start, end }) => {
      const part = sql.slice(start, end);
      return kind === "query" ? part : `SELECT (\n${part}\n)`;
    })
  );
}

/**
 * Words and comments in their order: without regard to the case of words, which the trees decide about, and to how
 * comments are indented.
 */
function wordsOf(sql: string): string[] {
  return [...scanSql(sql)].flatMap(({ kind, start, end }) => {
    const text = sql.slice(start, end);
    if (kind === "space") return [];
    if (kind === "comment") return [text.replace(/\s+/g, " ").trim()];
    return [kind === "text" ? text.replaceAll("\r\n", "\n") : text.toLowerCase()];
  });
}

const textsOf = (sql: string): string[] =>
  [...scanSql(sql)].filter(({ kind }) => kind === "text").map(({ start, end }) => sql.slice(start, end));

interface SeenTree {
  /** Without positions; undefined for what is no SELECT. */
  readonly tree?: string;
  readonly fault?: string;
}

/** The texts as DuckDB's parser sees them. */
async function treesOf(session: SqlSession, sqls: readonly string[]): Promise<readonly SeenTree[]> {
  if (sqls.length === 0) return [];
  const columns = sqls.map((sql, index) =>
    `json_serialize_sql(${quoteLiteral(sql.replaceAll("\r\n", "\n"))}) AS t${index}`
  );
  const [row] = await session.rows(`SELECT ${columns.join(", ")}`);
  return sqls.map((_, index): SeenTree => {
    const text = String(row?.[`t${index}`]);
    const tree: unknown = parseSerialized(text);
    if (!isRecord(tree) || tree["error"] !== true) return { tree: text.replace(/"query_location":\d+/g, "") };
    return tree["error_type"] === "parser" ? { fault: String(tree["error_message"]) } : {};
  });
}
