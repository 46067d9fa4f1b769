import { AppError } from "../../../../contract/errors.ts";
import {
  argument,
  itemsOf,
  type JinjaFunction,
  type JinjaObject,
  textOf,
  type Value,
} from "../jinja/values.ts";
import type { Findings } from "../findings.ts";
import { MARKS, type Queries, type RenderingState } from "./rendering.ts";
import { answerValue, asksRows } from "./result_values.ts";

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
  const refused = asksRows;
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
    items: refused,
    text: refused,
  };
}

interface QueryWork {
  readonly queries: Queries;
  readonly state: RenderingState;
  readonly findings: Findings;
}

/** The functions that ask the database: what is known already is written out, and the rest is noted in the state. */
export function queryFunctions(
  { queries, state, findings }: QueryWork,
): {
  readonly names: Readonly<Record<string, JinjaFunction>>;
  readonly utils: Readonly<Record<string, JinjaFunction>>;
} {
  const statements = new Map<string, string>();
  const ask = (sql: string): JinjaObject | undefined => {
    const answer = queries.answer(sql);
    if (answer === undefined) {
      state.queries.add(sql);
      return undefined;
    }
    const text = sql.replace(/[\uE000-\uE0FF]/g, "").replace(/\s+/g, " ").trim();
    findings.note(
      state.current?.file ?? "dbt_project.yml",
      `the rows of a query are written out as they are now: ${text.slice(0, 120)}`,
    );
    return answerValue(answer);
  };
  const result = (sql: string): JinjaObject => ask(sql) ?? resultValue(sql);
  const names: Readonly<Record<string, JinjaFunction>> = {
    run_query: ([query]) => result(textOf(query)),
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
      return query === undefined ? null : result(query);
    },
  };
  /** Of dbt_utils: the different values of a column, those first that come most often. */
  const columnValues: JinjaFunction = (args, kwargs) => {
    const given = (at: number, name: string) => argument(args, kwargs, at, name);
    const column = textOf(given(1, "column"));
    const [order, where, most] = [given(2, "order_by"), given(5, "where"), given(3, "max_records")];
    const isGiven = (value: Value) => value !== undefined && value !== null;
    const rows = ask(
      [
        `select ${column} as value`,
        `from ${textOf(given(0, "table"))}`,
        ...(isGiven(where) ? [`where ${textOf(where)}`] : []),
        `group by ${column}`,
        `order by ${isGiven(order) ? textOf(order) : "count(*) desc"}`,
        ...(isGiven(most) ? [`limit ${textOf(most)}`] : []),
      ].join("\n"),
    ) ?? asksRows();
    return itemsOf(rows).flatMap((row) => itemsOf(row));
  };
  /** Of dbt_utils: the columns of a query by their names. */
  const resultsAsDict: JinjaFunction = (args, kwargs) => {
    const table = ask(textOf(argument(args, kwargs, 0, "query"))) ?? asksRows();
    const rows = itemsOf(table).map(itemsOf);
    return new Map(
      itemsOf(table.get("column_names")).map((name, at) => [name, rows.map((row) => row[at])]),
    );
  };
  return { names, utils: { get_column_values: columnValues, get_query_results_as_dict: resultsAsDict } };
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
