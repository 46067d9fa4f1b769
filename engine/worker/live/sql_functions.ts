import type { SqlFunction } from "../../../contract/jobs/live_job.ts";
import type { SqlSession } from "../../../contract/sql.ts";
import { refusedCalls } from "../../../sql/language/allowed_functions.ts";

const KINDS: Readonly<Record<string, SqlFunction["kind"]>> = {
  scalar: "scalar",
  aggregate: "aggregate",
  table: "table",
  macro: "macro",
  table_macro: "table",
};

/** The functions that DuckDB has and SQL of a project may call, each form of each, by name. */
export async function sqlFunctions(session: SqlSession): Promise<SqlFunction[]> {
  const rows = await session.rows(
    `SELECT function_name AS name, function_type AS kind, to_json(parameters)::VARCHAR AS names,
      to_json(parameter_types)::VARCHAR AS types, return_type AS returns, varargs, description
    FROM duckdb_functions()
    WHERE internal AND regexp_full_match(function_name, '[a-z][a-z0-9_]*') AND function_type IN (${
      Object.keys(KINDS).map((kind) => `'${kind}'`).join(", ")
    })
    ORDER BY ALL`,
  );
  const found = new Map<string, SqlFunction>();
  for (const { name, kind, names, types, returns, varargs, description } of rows) {
    const own = KINDS[String(kind)];
    if (own === undefined || isRefused(String(name), own)) continue;
    const typesOf = textsIn(types);
    const parameters = textsIn(names).map((parameter, index) =>
      [parameter, typesOf[index] ?? ""].join(" ").trim()
    );
    const one: SqlFunction = {
      name: String(name),
      kind: own,
      parameters: varargs === null || varargs === undefined ? parameters : [...parameters, `… ${varargs}`],
      ...(returns === null ? {} : { returns: String(returns) }),
      ...(description === null ? {} : { description: String(description) }),
    };
    found.set(`${one.name}(${parameters.join()})`, one);
  }
  return [...found.values()];
}

function isRefused(name: string, kind: SqlFunction["kind"]): boolean {
  const call = { name };
  const tree = {
    functions: kind === "table" ? [call] : [],
    scalars: kind === "table" ? [] : [call],
  };
  return refusedCalls(tree, () => false).length > 0;
}

function textsIn(json: unknown): string[] {
  const list: unknown = typeof json === "string" ? JSON.parse(json) : [];
  return Array.isArray(list) ? list.map((one) => one === null ? "" : String(one)) : [];
}
