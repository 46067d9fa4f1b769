import { AppError } from "../../../../contract/errors.ts";
import { argument, type JinjaFunction, type JinjaObject, textOf, type Value } from "../jinja/values.ts";
import { MARKS } from "./rendering.ts";

/**
 * One value of a query that dbt runs while it compiles, as `run_query()` and `get_single_value()` do: the model asks it
 * itself, by a subquery, when it runs. What is computed from it in the template is a fault, since it is not known yet.
 */
function queryValue(sql: string): JinjaObject {
  const [open, close] = MARKS.query;
  const refused = (what: string): never => {
    throw new AppError(
      "invalid",
      `${what} of what a query gives, which the database knows when the model runs: write it into the SQL`,
    );
  };
  return {
    isUnknown: true,
    get: (key) => {
      if (key === "strftime") return ([format]) => queryValue(`strftime(${sql}, '${textOf(format)}')`);
      if (key === "isoformat" || key === "strip") return () => queryValue(`cast(${sql} as varchar)`);
      return refused(`.${key}`);
    },
    slice: (start, stop) => {
      const from = start ?? 0;
      if (from < 0 || stop === undefined || stop < 0) return refused("a slice");
      return queryValue(`substring(cast(${sql} as varchar), ${from + 1}, ${stop - from})`);
    },
    text: () => `${open}${sql}${close}`,
  };
}

/** A query's result as templates look at it: `[0][0]`, `.columns[0].values()[0]`, `['data'][0][0]`. */
function resultValue(query: string): JinjaObject {
  const refused = () => {
    throw new AppError(
      "invalid",
      "a query asks the database for rows while dbt compiles: write what it gives into the SQL",
    );
  };
  const first = (key: string, then: () => Value): Value =>
    key === "0" || key === "first" ? then() : refused();
  const value = () => queryValue(`(${query.trim().replace(/;\s*$/, "")})`);
  const row = (): JinjaObject => ({ get: (key) => first(key, value), text: refused });
  const column = (): JinjaObject => ({
    get: (key) => key === "values" ? () => row() : first(key, value),
    text: refused,
  });
  const columns: JinjaObject = { get: (key) => first(key, column), text: refused };
  const rows: JinjaObject = { get: (key) => first(key, row), text: refused };
  return {
    get: (key) => {
      if (key === "columns") return columns;
      if (key === "rows" || key === "data" || key === "table") return rows;
      return first(key, row);
    },
    text: refused,
  };
}

/** The functions that ask the database. */
export function queryFunctions(): Readonly<Record<string, JinjaFunction>> {
  const statements = new Map<string, string>();
  return {
    run_query: ([query]) => resultValue(textOf(query)),
    statement: (args, kwargs) => {
      const caller = kwargs.get("caller");
      const name = textOf(argument(args, kwargs, 0, "name") ?? "");
      if (typeof caller !== "function") {
        throw new AppError("invalid", "statement() without a text in {% call %} is not known");
      }
      statements.set(name, textOf(caller([], new Map())));
      return "";
    },
    load_result: ([name]) => {
      const query = statements.get(textOf(name));
      return query === undefined ? null : resultValue(query);
    },
  };
}

/** Of dbt_utils: one value of a query, or the default where it gives none. */
export const singleValue: JinjaFunction = (args, kwargs) => {
  const query = textOf(argument(args, kwargs, 0, "query")).trim().replace(/;\s*$/, "");
  const otherwise = argument(args, kwargs, 1, "default");
  if (otherwise === undefined || otherwise === null) return queryValue(`(${query})`);
  const text = typeof otherwise === "number"
    ? String(otherwise)
    : `'${textOf(otherwise).replaceAll("'", "''")}'`;
  return queryValue(`coalesce((${query}), ${text})`);
};
