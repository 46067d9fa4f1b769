import { isSameName, SqlError, type SqlSession } from "../../../contract/sql.ts";
import { isFileName, isRefusedView, refusedCalls } from "../../../sql/language/allowed_functions.ts";
import { parseQuery, type ParseTree } from "../../../sql/language/parse_tree.ts";

/**
 * Whether the SQL is one query that reads tables and computes, and nothing else: no statement that changes something, no
 * function with side effects, nothing of the program's own. Returns the part that is to be run, behind `EXPLAIN` where it
 * begins with that. Throws SqlError with the place.
 */
export async function requireReadOnly(
  session: SqlSession,
  sql: string,
): Promise<{ readonly isExplained: boolean }> {
  const explain = EXPLAIN.exec(sql)?.[0] ?? "";
  // As long as before, so that places stay.
  const query = " ".repeat(explain.length) + sql.slice(explain.length);
  const tree = await parseQuery(session, query);
  const macros = tree.functions.length === 0 ? new Set<string>() : await tableMacros(session);
  const [refused] = refusedCalls(tree, (name) => macros.has(name));
  if (refused !== undefined) throw refusal(refused.message, refused.position);
  requireOwnTables(tree);
  return { isExplained: explain !== "" };
}

const SPACE = String.raw`(?:\s|--[^\n]*(?:\n|$)|/\*[\s\S]*?\*/)`;
const EXPLAIN = new RegExp(`^${SPACE}*EXPLAIN${SPACE}+(?:ANALYZE${SPACE}+)?`, "i");

function requireOwnTables({ tables }: ParseTree): void {
  for (const { schema, name, position } of tables) {
    if (isSameName(schema ?? "", "_sluice")) {
      throw refusal("the schema _sluice is the program's own: read raw tables and models", position);
    }
    if (isFileName(name)) {
      throw refusal(`"${name}" is no table: what is read here are the tables of pipelines`, position);
    }
    if (isRefusedView(name)) {
      throw refusal(`${name} cannot be read here: it names folders of the server`, position);
    }
  }
}

function refusal(message: string, position: number | undefined): SqlError {
  return new SqlError("invalid", message, {
    type: "Permission",
    ...(position === undefined ? {} : { position }),
  });
}

/** Those of the projects, which were looked at when they were applied. */
async function tableMacros(session: SqlSession): Promise<ReadonlySet<string>> {
  const rows = await session.rows(
    "SELECT DISTINCT lower(function_name) AS name FROM duckdb_functions() WHERE function_type = 'table_macro' AND NOT internal",
  );
  return new Set(rows.map(({ name }) => String(name)));
}
