import type { ColumnInfluence, ColumnSource } from "../../contract/lineage/lineage.ts";
import { type Column, isSameName, quoteLiteral, SqlError, type SqlSession } from "../../contract/sql.ts";
import { parseSelects, type ParseTree } from "../language/parse_tree.ts";
import { resolveTable, type TableNames } from "../language/resolve_table.ts";
import { copyOf, influencesOf, NOTHING, sourcesOf } from "./derived.ts";
import { allOf, completed } from "./made_trees.ts";
import { isNode, type Node } from "./node.ts";
import { readQuery } from "./query.ts";
import { type Macro, OpenQuestion, type Question, type Reader } from "./reader.ts";
import { NO_TABLES, type Relation, type RelationColumn, UnknownLineage } from "./scope.ts";
import { expandStar } from "./star.ts";

export interface LineageQuery {
  /** What its lineage is asked for by. */
  readonly name: string;
  readonly tree: ParseTree;
  /** As DuckDB binds it. */
  readonly columns: readonly Column[];
}

export interface LineageInput {
  readonly queries: readonly LineageQuery[];
  /** What names of tables stand for. */
  readonly names: TableNames;
  /** The columns of each table, by its node: `model:daily`, `extract:orders`; absent where they are not known. */
  readonly columns: ReadonlyMap<string, readonly Column[]>;
}

/** Where a query's columns come from: of tables by their nodes. */
export interface QueryLineage {
  readonly columns: readonly {
    readonly sources: readonly ColumnSource[];
    readonly influences: readonly ColumnInfluence[];
  }[];
  readonly influences: readonly ColumnInfluence[];
  /** The nodes of tables that it names, sorted. */
  readonly reads: readonly string[];
  /** Why the sources of its columns are not known; they have none then. */
  readonly unknown?: string;
}

/**
 * The sources of each query's columns, by the query's name. Nothing is guessed: where a query has something whose columns cannot be told, or
 * where DuckDB binds other columns than were found, it is unknown, with the reason. `session` has the macros.
 */
export async function queryLineage(
  session: SqlSession,
  input: LineageInput,
): Promise<Map<string, QueryLineage>> {
  const answers = new Map<string, readonly string[]>();
  const [aggregates, macros] = [await aggregateNames(session), await readMacros(session)];
  const found = new Map<string, QueryLineage>();
  for (const query of input.queries) {
    const attempt = () => lineageOf(query, input, { aggregates, macros, answers });
    found.set(query.name, await answering(session, answers, attempt, query));
  }
  return found;
}

interface Known {
  readonly aggregates: ReadonlySet<string>;
  readonly macros: Reader["macros"];
  readonly answers: ReadonlyMap<string, readonly string[]>;
}

/** Tries until DuckDB is asked all that the query needs. */
async function answering(
  session: SqlSession,
  answers: Map<string, readonly string[]>,
  attempt: () => QueryLineage,
  { columns }: LineageQuery,
): Promise<QueryLineage> {
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      const unknown = error instanceof UnknownLineage
        ? error.message
        : error instanceof RangeError
        ? "it is nested too deeply"
        : error instanceof OpenQuestion
        ? await answer(session, answers, error.question)
        : undefined;
      if (unknown === undefined && !(error instanceof OpenQuestion)) throw error;
      if (unknown !== undefined) return unknownLineage(columns, unknown);
    }
  }
}

function unknownLineage(columns: readonly Column[], unknown: string): QueryLineage {
  return {
    columns: columns.map(() => ({ sources: [], influences: [] })),
    influences: [],
    reads: [],
    unknown,
  };
}

function lineageOf(query: LineageQuery, input: LineageInput, known: Known): QueryLineage {
  const node = isNode(query.tree.statement) ? query.tree.statement["node"] : undefined;
  if (!isNode(node)) throw new UnknownLineage("the query has no tree");
  const reads = new Set<string>();
  const reader: Reader = {
    query: (inner, scope) => readQuery(inner, scope, reader),
    star: (star, scope) => expandStar(star, scope, reader),
    table: (reference) => tableRelation(reference, input, reads, reader),
    aggregates: known.aggregates,
    macros: known.macros,
    ask(question) {
      const asked = known.answers.get(keyOf(question));
      if (asked === undefined) throw new OpenQuestion(question);
      return asked;
    },
  };
  const relation = readQuery(node, { from: NO_TABLES, ctes: new Map() }, reader);
  return {
    columns: boundColumns(relation.columns, query.columns).map(({ value }) => ({
      sources: sourcesOf(value),
      influences: influencesOf(value),
    })),
    influences: influencesOf(relation.rows),
    reads: [...reads].sort(),
  };
}

function tableRelation(
  reference: Parameters<Reader["table"]>[0],
  { names, columns }: LineageInput,
  reads: Set<string>,
  reader: Reader,
): Relation {
  const resolved = resolveTable(reference, names);
  if ("message" in resolved) throw new UnknownLineage(resolved.message);
  if (!("table" in resolved)) {
    // One of DuckDB's own.
    const { name, schema, catalog } = reference;
    const relation = {
      type: "BASE_TABLE",
      table_name: name,
      ...(schema === undefined ? {} : { schema_name: schema }),
      ...(catalog === undefined ? {} : { catalog_name: catalog }),
    };
    const own = reader.ask({ kind: "columns", statement: allOf(relation) });
    return { columns: own.map((column) => ({ name: column, value: NOTHING })), rows: NOTHING };
  }
  const { table } = resolved;
  reads.add(table);
  const known = columns.get(table);
  if (known === undefined) throw new UnknownLineage(`the columns of ${reference.name} are not known`);
  return { columns: known.map(({ name }) => ({ name, value: copyOf(table, name) })), rows: NOTHING };
}

/** The columns that were found, one for each that DuckDB binds. */
function boundColumns(found: readonly RelationColumn[], bound: readonly Column[]): readonly RelationColumn[] {
  const [spread, another] = found.filter((column) => column.isSpread === true);
  const more = bound.length - found.length;
  const columns = spread === undefined || another !== undefined || more < 0
    ? found
    : found.flatMap((column) =>
      column === spread && more > 0
        ? Array.from({ length: more + 1 }, () => ({ name: undefined, value: column.value }))
        : [column]
    );
  if (columns.length !== bound.length) {
    throw new UnknownLineage(`${found.length} columns were found where DuckDB has ${bound.length}`);
  }
  for (const [index, { name, isSpread }] of columns.entries()) {
    const own = bound[index]?.name ?? "";
    // Of columns with one name DuckDB numbers the later ones.
    const isNamed = name === undefined || isSpread === true || isSameName(name, own) ||
      isSameName(name, own.replace(/[_:]\d+$/, ""));
    if (!isNamed) throw new UnknownLineage(`the column ${name} was found where DuckDB has ${own}`);
  }
  return columns;
}

const keyOf = (question: Question): string => JSON.stringify(question);

/** Returns why there is no answer. */
async function answer(
  session: SqlSession,
  answers: Map<string, readonly string[]>,
  question: Question,
): Promise<string | undefined> {
  try {
    answers.set(keyOf(question), await askDuckdb(session, question));
    return undefined;
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return `DuckDB does not tell its columns: ${error.message}`;
  }
}

async function askDuckdb(session: SqlSession, { kind, statement }: Question): Promise<readonly string[]> {
  const sql = await sqlOf(session, statement);
  if (kind === "name") return [sql.replace(/^SELECT /, "")];
  if (kind === "columns") return (await session.describe(sql)).map(({ name }) => name);
  const rows = await session.rows(`SELECT unnest(names) AS name FROM (${sql}) AS chosen(names)`);
  return rows.map(({ name }) => String(name));
}

async function sqlOf(session: SqlSession, statement: Node): Promise<string> {
  const tree = JSON.stringify({ error: false, statements: [completed(statement)] });
  const [row] = await session.rows(`SELECT json_deserialize_sql(${quoteLiteral(tree)}) AS sql`);
  return String(row?.["sql"]);
}

async function aggregateNames(session: SqlSession): Promise<ReadonlySet<string>> {
  const rows = await session.rows(
    "SELECT DISTINCT lower(function_name) AS name FROM duckdb_functions() WHERE function_type = 'aggregate'",
  );
  return new Set(rows.map(({ name }) => String(name)));
}

/** Those of the project. What calls one that cannot be read is unknown. */
async function readMacros(session: SqlSession): Promise<Map<string, Macro[]>> {
  const rows = await session.rows(
    `SELECT lower(function_name) AS name, function_type AS kind, macro_definition AS body,
      to_json(parameters)::VARCHAR AS params
    FROM duckdb_functions() WHERE NOT internal AND function_type IN ('macro', 'table_macro')`,
  );
  const macros = new Map<string, Macro[]>();
  const bodies = rows.map(({ kind, body }) => kind === "macro" ? `SELECT ${String(body)}` : String(body));
  const trees = await parseSelects(session, bodies);
  for (const [index, { name, kind, params }] of rows.entries()) {
    const tree = trees[index];
    const names: unknown = JSON.parse(String(params));
    const macro: Macro = {
      kind: kind === "macro" ? "scalar" : "table",
      params: Array.isArray(names) ? names.map(String) : [],
      statement: tree instanceof SqlError ? undefined : tree?.statement,
    };
    macros.set(String(name), [...macros.get(String(name)) ?? [], macro]);
  }
  return macros;
}
