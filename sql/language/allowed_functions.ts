import { nameKey } from "../../contract/sql.ts";
import type { ParseTree } from "./tree/tree_walk.ts";

/**
 * What the SQL of a project may call. DuckDB has functions that read files, write them, change
 * settings or carry SQL in a text, and a SELECT reaches all of them. Tables come from streams and
 * models, so a query needs none of those: table functions are allowed by name, and what a newer
 * DuckDB adds is refused until it is listed here.
 */

/** Table functions that only compute, or that describe the warehouse itself. */
const ALLOWED_TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  "duckdb_columns",
  "duckdb_constraints",
  "duckdb_dependencies",
  "duckdb_functions",
  "duckdb_indexes",
  "duckdb_keywords",
  "duckdb_schemas",
  "duckdb_sequences",
  "duckdb_tables",
  "duckdb_types",
  "duckdb_views",
  "generate_series",
  "icu_calendar_names",
  "json_each",
  "json_tree",
  "pg_timezone_names",
  "query_table",
  "range",
  "repeat",
  "repeat_row",
  "summary",
  "test_all_types",
  "test_vector_types",
  "unnest",
]);

/** Table functions that are refused, for messages and for the test that knows all of DuckDB's. */
const FILE_FUNCTION = /^(?:read_|parquet_|glob$|sniff_csv$)/;
const SQL_CARRIERS: ReadonlySet<string> = new Set(["query", "json_execute_serialized_sql"]);

/** Scalar functions that do more than compute a value. */
const REFUSED_SCALARS: ReadonlyMap<string, string> = new Map([
  ["current_setting", "it reads the settings of DuckDB, which name folders of the server"],
  ["getenv", "it reads the server's environment"],
  // It binds its text, which opens the files that the text names.
  ["json_serialize_plan", "its SQL is in a text, where nothing can look at it"],
  ["write_log", "it writes into DuckDB's log"],
]);

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

/** DuckDB's own views by their schemas. Any other name behind these schemas may be a file: "information_schema.csv" is one. */
const OWN_VIEWS: Readonly<Record<string, ReadonlySet<string>>> = {
  main: words(
    `duckdb_columns duckdb_constraints duckdb_databases duckdb_indexes duckdb_logs duckdb_schemas duckdb_tables
    duckdb_types duckdb_views pragma_database_list sqlite_master sqlite_schema sqlite_temp_master sqlite_temp_schema`,
  ),
  pg_catalog: words(`pg_am pg_attrdef pg_attribute pg_class pg_collation pg_constraint pg_database pg_depend
    pg_description pg_enum pg_index pg_indexes pg_namespace pg_prepared_statements pg_proc pg_sequence pg_sequences
    pg_settings pg_tables pg_tablespace pg_type pg_views`),
  information_schema: words(
    `character_sets check_constraints columns constraint_column_usage constraint_table_usage
    key_column_usage referential_constraints schemata table_constraints tables views`,
  ),
};

/** DuckDB's own views over table functions that are refused. */
const REFUSED_VIEWS: ReadonlySet<string> = new Set([
  "duckdb_databases",
  "duckdb_logs",
  "pg_database",
  "pg_prepared_statements",
  "pg_settings",
  "pragma_database_list",
]);

/** A call that is refused, in the words of a fault. */
export interface RefusedCall {
  readonly message: string;
  /** UTF-16 units from 0 in the SQL; absent where DuckDB does not say. */
  readonly position?: number;
}

export const isAllowedTableFunction = (name: string): boolean => ALLOWED_TABLE_FUNCTIONS.has(name);
export const isRefusedScalar = (name: string): boolean => REFUSED_SCALARS.has(name);
export const isRefusedView = (name: string): boolean => REFUSED_VIEWS.has(nameKey(name));

/** Whether DuckDB itself has a view of the name, which stands alone or behind its schema. */
export function isOwnView(name: string, schema?: string): boolean {
  // Those of information_schema are not found by their names alone.
  const schemas = schema === undefined ? ["main", "pg_catalog"] : [nameKey(schema)];
  return schemas.some((one) => Object.hasOwn(OWN_VIEWS, one) && OWN_VIEWS[one]?.has(nameKey(name)));
}

/** Whether DuckDB may take a name that is no table's for a file's. */
export const isFileName = (name: string): boolean => /[./\\*]/.test(name);

/**
 * The calls in a query that are refused, in the order of the parse tree. What a macro of the project calls is looked at by
 * itself.
 */
export function refusedCalls(
  tree: Pick<ParseTree, "functions" | "scalars">,
  isMacro: (name: string) => boolean = () => false,
): RefusedCall[] {
  const refused: RefusedCall[] = [];
  const refuse = (position: number | undefined, message: string) =>
    refused.push({ message, ...(position === undefined ? {} : { position }) });
  for (const { name, position, hasConstantTables } of tree.functions) {
    if (name === "query_table" && !hasConstantTables) {
      refuse(position, "query_table() cannot be called here: give the names of its tables as plain texts");
    } else if (!isAllowedTableFunction(name) && !isMacro(name)) {
      refuse(position, `${name}() cannot be called here: ${reasonAgainst(name)}`);
    }
  }
  for (const { name, position } of tree.scalars) {
    const reason = REFUSED_SCALARS.get(name);
    if (reason !== undefined) refuse(position, `${name}() cannot be called here: ${reason}`);
  }
  return refused;
}

function reasonAgainst(name: string): string {
  if (FILE_FUNCTION.test(name)) return "files are read by a stream of the pipeline, as extract: with path:";
  if (SQL_CARRIERS.has(name)) return "its SQL is in a text, where its tables cannot be seen";
  return "SQL here reads the tables of its pipeline and computes, and nothing else";
}
