import { isSameName, nameKey } from "../../contract/sql.ts";
import { changed, merged } from "./derived.ts";
import { deriveExpression } from "./expression.ts";
import { calling, listOf, selecting, textConstant } from "./made_trees.ts";
import { constantOf, isNode, type Node, nodesOf, textOf, textsOf } from "./node.ts";
import type { Reader } from "./reader.ts";
import { type FromScope, type RelationColumn, requireName, resolveColumn, type Scope } from "./scope.ts";

/** The columns that `*`, `t.*` or `COLUMNS(…)` stands for, with what EXCLUDE, REPLACE and RENAME make of them. */
export function expandStar(node: Node, scope: Scope, reader: Reader): RelationColumn[] {
  const { expr } = node;
  if (!isNode(expr)) return expandTables(node, scope, reader);
  const inner = starIn(expr);
  const all = expandTables(inner ?? node, scope, reader);
  const wanted = namesFor(expr, all.map(requireName), reader);
  if (wanted === undefined) return all;
  return all.filter((column) => wanted.some((name) => isSameName(requireName(column), name)));
}

/** `* LIKE 'a%'`: a call on a `*`, which DuckDB takes as a choice of columns. */
export function filteredStar(node: Node): Node | undefined {
  const [star, pattern] = nodesOf(node["children"]);
  const isChoice = node["class"] === "FUNCTION" && star?.["class"] === "STAR" && star["columns"] !== true &&
    pattern !== undefined && textOf(node["function_name"]) !== undefined;
  if (!isChoice) return undefined;
  const parameter = { class: "COLUMN_REF", type: "COLUMN_REF", column_names: ["c"] };
  const body = { ...node, children: [parameter, ...nodesOf(node["children"]).slice(1)] };
  return { class: "STAR", type: "STAR", columns: true, expr: filterOf(star, parameter, body) };
}

function filterOf(star: Node, parameter: Node, body: Node): Node {
  const lambda = {
    class: "LAMBDA",
    type: "LAMBDA",
    lhs: parameter,
    expr: body,
    syntax_type: "LAMBDA_KEYWORD",
  };
  return calling("list_filter", [star, lambda]);
}

function expandTables(node: Node, scope: Scope, reader: Reader): RelationColumn[] {
  const relation = textOf(node["relation_name"]);
  const columns = relation === undefined ? allColumns(scope.from) : columnsOfTable(relation, scope);
  const excluded = [...textsOf(node["exclude_list"]), ...qualifiedNames(node["qualified_exclude_list"])];
  const replaced = new Map(
    nodesOf(node["replace_list"]).flatMap(({ key, value }) =>
      typeof key === "string" && isNode(value) ? [[nameKey(key), value] as const] : []
    ),
  );
  const renamed = new Map(
    nodesOf(node["rename_list"]).flatMap(({ key, value }) => {
      const column = isNode(key) ? textOf(key["column"]) : textOf(key);
      return column === undefined || typeof value !== "string" ? [] : [[nameKey(column), value] as const];
    }),
  );
  if (replaced.size > 0 && columns.some(({ isSpread }) => isSpread === true)) {
    // Which of the fields is replaced is not known.
    const values = [...replaced.values()].map((value) => deriveExpression(value, scope, reader));
    return columns.map((column) => ({ ...column, value: merged([column.value, ...values]) }));
  }
  return columns.filter(({ name }) =>
    !excluded.some((other) => name !== undefined && isSameName(other, name))
  )
    .map((column) => {
      const key = nameKey(column.name ?? "");
      const value = replaced.get(key);
      return {
        ...column,
        name: renamed.get(key) ?? column.name,
        value: value === undefined ? column.value : deriveExpression(value, scope, reader),
      };
    });
}

function qualifiedNames(list: unknown): string[] {
  return nodesOf(list).flatMap((item) => textOf(item["column"]) ?? []);
}

/** A column that several tables share stands where the first of them has it. */
function allColumns({ bindings, shared }: FromScope): RelationColumn[] {
  const given = new Set<string>();
  return bindings.flatMap((table) =>
    table.columns.flatMap((column) => {
      const one = shared.find(({ name, bindings }) =>
        column.name !== undefined && isSameName(name, column.name) && bindings.includes(table)
      );
      if (one === undefined) return [column];
      if (given.has(nameKey(one.name))) return [];
      given.add(nameKey(one.name));
      return [{ ...column, value: one.value }];
    })
  );
}

/** Of a table; or the fields of a struct, which is no table's name. */
function columnsOfTable(name: string, scope: Scope): readonly RelationColumn[] {
  const table = scope.from.bindings.find(({ alias }) => alias !== undefined && isSameName(alias, name));
  if (table !== undefined) return table.columns;
  const value = changed(resolveColumn([name], scope), "transformed");
  return [{ name: undefined, value, isSpread: true }];
}

/** A `*` inside COLUMNS, as in COLUMNS(* EXCLUDE a) and COLUMNS(c -> …). */
function starIn(expression: Node): Node | undefined {
  if (expression["class"] === "STAR") return expression;
  return nodesOf(expression["children"]).find((child) => child["class"] === "STAR");
}

/** Which of the names COLUMNS chooses; undefined for all. */
function namesFor(expression: Node, names: readonly string[], reader: Reader): readonly string[] | undefined {
  if (expression["class"] === "STAR") return undefined;
  const listed = listOf(names);
  const pattern = constantOf(expression);
  if (typeof pattern === "string") {
    const parameter = { class: "COLUMN_REF", type: "COLUMN_REF", column_names: ["c"] };
    const matches = calling("regexp_matches", [parameter, textConstant(pattern)]);
    return reader.ask({ kind: "texts", statement: selecting(filterOf(listed, parameter, matches)) });
  }
  const choice = expression["class"] === "FUNCTION" && expression["function_name"] === "list_filter"
    ? { ...expression, children: [listed, ...nodesOf(expression["children"]).slice(1)] }
    : expression;
  return reader.ask({ kind: "texts", statement: selecting(choice) });
}
