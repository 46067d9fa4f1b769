import { quoteLiteral, SqlError, type SqlSession } from "../../contract/sql.ts";
import { isRecord } from "../../text/is_record.ts";
import type { Memo } from "../../text/memo.ts";
import { foreignClause } from "./foreign/clauses.ts";
import { offsetOfByte, offsetOfCodePoint } from "./position.ts";
import { firstWord, scanSql } from "./scan_sql.ts";
import { parseSerialized } from "./tree/serialized.ts";
import { type ParseTree, readTree } from "./tree/tree_walk.ts";

export type {
  FunctionReference,
  ParseTree,
  TableFunctionReference,
  TableReference,
  VariableReference,
} from "./tree/tree_walk.ts";

/**
 * Parsing goes by DuckDB's `json_serialize_sql`, this many texts a query: a round trip costs more than the
 * parse.
 */
const TEXTS_PER_QUERY = 50;
/** And no more text than this a query, in UTF-16 units. */
const MAX_QUERY_LENGTH = 1_000_000;

/** What one SELECT refers to. Throws SqlError (invalid) for anything else, with the position of the fault. */
export async function parseSelect(session: SqlSession, sql: string): Promise<ParseTree> {
  const [tree] = await parseSelects(session, [sql]);
  if (tree === undefined) throw notSelect(sql);
  if (tree instanceof SqlError) throw tree;
  return tree;
}

/** As parseSelect, for a query that may also describe: DESCRIBE, SUMMARIZE and SHOW are one, too. */
export async function parseQuery(session: SqlSession, sql: string): Promise<ParseTree> {
  const row = await parseBatch(session, [sql]);
  const tree = treeOf(sql, row?.["t0"], true);
  if (tree instanceof SqlError) throw tree;
  return tree;
}

/** The tables that a SELECT reads, without its common table expressions, each as often as it is named. */
export async function tablesOf(session: SqlSession, sql: string): Promise<ParseTree["tables"]> {
  return (await parseSelect(session, sql)).tables;
}

/** As parseSelect for many texts: for each, in order, its tree or what is wrong with it. Those in `known` are not parsed again. */
export async function parseSelects(
  session: SqlSession,
  sqls: readonly string[],
  known?: Memo<ParseTree | SqlError>,
): Promise<(ParseTree | SqlError)[]> {
  if (known !== undefined) {
    const open = [...new Set(sqls.filter((sql) => known.recall(sql, []) === undefined))];
    const parsed = new Map((await parseSelects(session, open)).map((tree, index) => [open[index], tree]));
    return sqls.map((sql) => known.of(sql, [], () => parsed.get(sql) ?? notSelect(sql)));
  }
  const trees: (ParseTree | SqlError)[] = [];
  const all = [...batches(sqls)];
  // While one batch is read here DuckDB parses the next.
  let ahead = parseBatch(session, all[0]);
  for (const [at, batch] of all.entries()) {
    const row = await ahead;
    ahead = parseBatch(session, all[at + 1]);
    for (const [index, sql] of batch.entries()) trees.push(treeOf(sql, row?.[`t${index}`]));
  }
  return trees;
}

/** The row of their trees, as `t0`, `t1` and so on; undefined for no batch. */
async function parseBatch(
  session: SqlSession,
  batch: readonly string[] = [],
): Promise<Readonly<Record<string, unknown>> | undefined> {
  if (batch.length === 0) return undefined;
  const columns = batch.map((sql, index) =>
    `json_serialize_sql(${
      quoteLiteral(sql)
    }, skip_null := true, skip_empty := true, skip_default := true) AS t${index}`
  );
  const [row] = await session.rows(`SELECT ${columns.join(", ")}`);
  return row;
}

function* batches(sqls: readonly string[]): Generator<string[]> {
  let batch: string[] = [];
  let length = 0;
  for (const sql of sqls) {
    if (batch.length === TEXTS_PER_QUERY || (batch.length > 0 && length + sql.length > MAX_QUERY_LENGTH)) {
      yield batch;
      batch = [];
      length = 0;
    }
    batch.push(sql);
    length += sql.length;
  }
  if (batch.length > 0) yield batch;
}

function treeOf(sql: string, serialized: unknown, mayDescribe = false): ParseTree | SqlError {
  const tree: unknown = typeof serialized === "string" ? parseSerialized(serialized) : undefined;
  if (!isRecord(tree)) return notSelect(sql);
  if (tree["error"] === true) {
    if (tree["error_type"] !== "parser") return notSelect(sql);
    const position = isNumeric(tree["position"])
      ? offsetOfCodePoint(sql, Number(tree["position"]))
      : undefined;
    const foreign = foreignClause(sql, position);
    const at = foreign?.position ?? position;
    return new SqlError("invalid", foreign?.message ?? String(tree["error_message"]), {
      type: "Parser",
      ...(at === undefined ? {} : { position: at }),
    });
  }
  const statements = Array.isArray(tree["statements"]) ? tree["statements"] : [];
  const keyword = firstWord(sql);
  if (statements.length !== 1 || (!mayDescribe && keyword !== undefined && NOT_A_SELECT.has(keyword.word))) {
    return notSelect(sql, statements.length);
  }
  return readTree(statements[0], (byteOffset) => offsetOfByte(sql, byteOffset));
}

/** Statements that DuckDB turns into a SELECT but that are no query of tables. */
const NOT_A_SELECT = new Set(["DESCRIBE", "DESC", "SUMMARIZE", "SHOW"]);
const QUERY_WORDS = new Set(["SELECT", "FROM", "WITH", "VALUES", "TABLE", "PIVOT", "UNPIVOT"]);

function notSelect(sql: string, statements?: number): SqlError {
  const keyword = firstWord(sql);
  let message = `expected one SELECT, but this is ${keyword?.word ?? "something else"}`;
  if (keyword === undefined && statements === 0) message = "expected one SELECT, but there is no statement";
  else if (statements !== undefined && statements > 1) {
    message = `expected one SELECT, but there are ${statements} statements`;
    return new SqlError("invalid", message, { type: "Parser", position: secondStatement(sql) ?? 0 });
  } else if (keyword !== undefined && QUERY_WORDS.has(keyword.word)) {
    message = /\bPIVOT/i.test(sql)
      ? "the columns of a PIVOT without IN depend on its rows: list them, as PIVOT … ON year IN (2023, 2024)"
      : "expected one SELECT, but there are other statements";
  }
  return new SqlError("invalid", message, { type: "Parser", position: keyword?.position ?? 0 });
}

/** Where the first word behind a semicolon stands. */
function secondStatement(sql: string): number | undefined {
  let isBehind = false;
  for (const { kind, start } of scanSql(sql)) {
    if (isBehind && kind !== "space" && kind !== "comment") return start;
    isBehind ||= kind === "terminator";
  }
  return undefined;
}

function isNumeric(value: unknown): boolean {
  return typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value));
}
