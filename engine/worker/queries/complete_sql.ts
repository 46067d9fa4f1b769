import type { Completion } from "../../../contract/queries/query.ts";
import {
  isSameName,
  nameKey,
  quoteIdentifier,
  quoteLiteral,
  type SqlSession,
} from "../../../contract/sql.ts";

const MAX_WORDS = 200;
const NAME = String.raw`(?:"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_]*)`;
/** A name that is begun behind a dot, and what stands before it. */
const QUALIFIED = new RegExp(String.raw`((?:${NAME}\.)+)("?[\p{L}\p{N}_]*)$`, "u");
const BEGUN = /[\p{L}\p{N}_]*$/u;

/**
 * How SQL that ends here may go on: tables, columns, functions and keywords as DuckDB's own completion has them, and behind a dot
 * the names that the catalogue has.
 */
export async function completeSql(session: SqlSession, sql: string): Promise<Completion> {
  const [, qualifier, begun = ""] = QUALIFIED.exec(sql) ?? [];
  if (qualifier !== undefined) {
    const names = await namesBehind(session, sql, partsOf(qualifier));
    return { start: sql.length - begun.length, words: startingWith(names, begun.replace(/^"/, "")) };
  }
  const typed = BEGUN.exec(sql)?.[0] ?? "";
  const start = sql.length - typed.length;
  if (typed === "") return { start, words: [] };
  const found = await session.rows(
    `SELECT suggestion AS word, suggestion_type AS type FROM sql_auto_complete(${quoteLiteral(sql)})`,
  );
  const isLoud = typed === typed.toUpperCase();
  const words = found.map(({ word, type }) =>
    type === "keyword" && isLoud ? String(word).toUpperCase() : String(word)
  );
  const databases = await session.rows(
    "SELECT database_name AS name FROM duckdb_databases() WHERE NOT internal AND database_name <> 'memory' ORDER BY name",
  );
  const pipelines = startingWith(databases.map(({ name }) => String(name)), typed).map((name) => `${name}.`);
  const begins = words.filter((word) => nameKey(word).startsWith(nameKey(typed)));
  return { start, words: [...new Set([...begins, ...pipelines])].slice(0, MAX_WORDS) };
}

/** Names that begin so, as SQL writes them. */
function startingWith(names: readonly string[], begun: string): string[] {
  const found = names.filter((name) => nameKey(name).startsWith(nameKey(begun)));
  return [...new Set(found)].sort().slice(0, MAX_WORDS).map(asWritten);
}

const asWritten = (name: string): string => /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);

const partsOf = (text: string): string[] =>
  [...text.matchAll(new RegExp(NAME, "gu"))].map(([part]) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part
  );

interface Place {
  readonly database: string;
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

/** What may stand behind `a.`, `a.b.` or `a.b.c.`: schemas and tables of a pipeline, tables of a schema, columns of a table. */
async function namesBehind(session: SqlSession, sql: string, parts: readonly string[]): Promise<string[]> {
  const rows = await session.rows(
    `SELECT database_name, schema_name, table_name, column_name, current_database() AS own FROM duckdb_columns()
     WHERE NOT internal AND schema_name <> '_sluice'`,
  );
  const places = rows.map((row): Place => ({
    database: String(row["database_name"]),
    schema: String(row["schema_name"]),
    table: String(row["table_name"]),
    column: String(row["column_name"]),
  }));
  const own = String(rows[0]?.["own"] ?? "");
  const where = (wanted: Partial<Place>) =>
    places.filter((place) =>
      (["database", "schema", "table"] as const).every((key) => {
        const name = wanted[key];
        return name === undefined || isSameName(place[key], name);
      })
    );
  const [first = "", second, third] = parts;
  if (third !== undefined) {
    return where({ database: first, schema: second ?? "", table: third }).map(({ column }) => column);
  }
  if (second !== undefined) {
    return [
      ...where({ database: first, schema: second }).map(({ table }) => table),
      ...where({ database: first, schema: "main", table: second }).map(({ column }) => column),
      ...where({ database: own, schema: first, table: second }).map(({ column }) => column),
    ];
  }
  const table = tableNamed(sql, first) ?? [first];
  return [
    ...where({ database: first, schema: "main" }).map(({ table }) => table),
    ...where({ database: first }).map(({ schema }) => schema).filter((schema) => schema !== "main"),
    ...where({ database: own, schema: first }).map(({ table }) => table),
    ...columnsOf(where, own, table),
  ];
}

function columnsOf(
  where: (wanted: Partial<Place>) => readonly Place[],
  own: string,
  parts: readonly string[],
): string[] {
  const [table = "", schema, database] = [...parts].reverse();
  const found = database !== undefined
    ? where({ database, schema: schema ?? "", table })
    : schema !== undefined
    ? [...where({ database: own, schema, table }), ...where({ database: schema, schema: "main", table })]
    : where({ database: own, table });
  return found.map(({ column }) => column);
}

/** The table that an alias of the statement stands for, by the parts of its name. */
function tableNamed(sql: string, alias: string): string[] | undefined {
  const tables = new RegExp(
    String.raw`(?:\bFROM|\bJOIN|,)\s+(${NAME}(?:\.${NAME})*)\s+(?:AS\s+)?(${NAME})`,
    "giu",
  );
  for (const [, table = "", name = ""] of sql.matchAll(tables)) {
    if (isSameName(partsOf(name)[0] ?? "", alias)) return partsOf(table);
  }
  return undefined;
}
