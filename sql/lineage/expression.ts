import { nameKey } from "../../contract/sql.ts";
import { changed, deciding, type Derived, merged, NOTHING } from "./derived.ts";
import { isAggregate, isCount, isLambdaTaker } from "./functions.ts";
import { calledBy, isNode, type Node, nodesOf, textOf, textsOf } from "./node.ts";
import { macroArguments } from "./macros.ts";
import type { Reader } from "./reader.ts";
import { findColumn, resolveColumn, type Scope, UnknownLineage, withoutParams, withParams } from "./scope.ts";

/** Where the values of an expression come from. Throws UnknownLineage for what it does not know. */
export function deriveExpression(node: Node, scope: Scope, reader: Reader): Derived {
  const inner = (children: readonly Node[]) =>
    merged(children.map((child) => deriveExpression(child, scope, reader)));
  const computed = (...children: readonly unknown[]) =>
    changed(inner(children.filter(isNode)), "transformed");
  switch (node["class"]) {
    case "CONSTANT":
    case "PARAMETER":
    case "DEFAULT":
      return NOTHING;
    case "COLUMN_REF":
      return deriveColumn(node, scope);
    case "POSITIONAL_REFERENCE":
      return deriveReference(node, scope);
    case "STAR":
      return scope.star ?? merged(reader.star(node, scope).map(({ value }) => value));
    case "FUNCTION":
      return deriveCall(node, scope, reader);
    case "WINDOW":
      return deriveWindow(node, scope, reader);
    case "SUBQUERY":
      return deriveSubquery(node, scope, reader);
    case "CASE": {
      const checks = nodesOf(node["case_checks"]).flatMap((
        check,
      ) => [check["when_expr"], check["then_expr"]]);
      return computed(...checks, node["else_expr"]);
    }
    case "CAST":
    case "COLLATE":
      return computed(node["child"]);
    case "COMPARISON":
      return computed(node["left"], node["right"]);
    case "BETWEEN":
      return computed(node["input"], node["lower"], node["upper"]);
    case "CONJUNCTION":
      return computed(...nodesOf(node["children"]));
    // What is a lambda's stands in a call. Elsewhere `->` is JSON's.
    case "LAMBDA":
      return computed(node["lhs"], node["expr"]);
    case "OPERATOR":
      return deriveOperator(node, scope, reader);
    default:
      throw new UnknownLineage(`an expression of the kind ${String(node["class"])} is not known`);
  }
}

function deriveColumn(node: Node, scope: Scope): Derived {
  const names = textsOf(node["column_names"]);
  const value = resolveColumn(names, scope);
  // Of `{'a': x}` in a lambda with the param x DuckDB takes a column x where there is one.
  const isNamed = scope.params !== undefined && textOf(node["alias"]) !== undefined;
  return isNamed ? merged([value, findColumn(names, withoutParams(scope)) ?? NOTHING]) : value;
}

/** `#1` is a column of FROM. */
function deriveReference(node: Node, { from }: Scope): Derived {
  const columns = from.bindings.flatMap((table) => table.columns);
  const column = columns[Number(node["index"]) - 1];
  if (column === undefined || from.shared.length > 0) throw new UnknownLineage("a column by its number");
  return column.value;
}

function deriveOperator(node: Node, scope: Scope, reader: Reader): Derived {
  const children = nodesOf(node["children"]);
  const value = merged(children.map((child) => deriveExpression(child, scope, reader)));
  switch (node["type"]) {
    case "OPERATOR_IS_NULL":
    case "OPERATOR_IS_NOT_NULL":
      return changed(value, "transformed", true);
    // Which of the groupings a row is of says nothing of a value.
    case "GROUPING_FUNCTION":
      return deciding(value, "group");
    case "OPERATOR_UNPACK":
      return value;
    default:
      return changed(value, "transformed");
  }
}

function deriveCall(node: Node, scope: Scope, reader: Reader): Derived {
  const name = calledBy(node) ?? "";
  const children = argumentsOf(node, scope);
  const called = deriveMacro(name, children, scope, reader);
  if (called !== undefined) return called;
  const takesLambda = isLambdaTaker(name);
  const values = children.map((child, index) => {
    const isLambda = takesLambda && index > 0 && child["class"] === "LAMBDA";
    return isLambda ? deriveLambda(child, scope, reader) : deriveExpression(child, scope, reader);
  });
  const isOverRows = isAggregate(name, reader.aggregates);
  const value = changed(merged(values), isOverRows ? "aggregated" : "transformed", isCount(name));
  return merged([value, ...modifiersOf(node, scope, reader)]);
}

/** What a macro of the project gives; undefined where there is none of the name that takes so many. */
function deriveMacro(
  name: string,
  children: readonly Node[],
  scope: Scope,
  reader: Reader,
): Derived | undefined {
  const macro = macroArguments(reader.macros.get(name) ?? [], "scalar", children);
  if (macro === undefined) return undefined;
  const params = deriveAll(macro.given, scope, reader);
  return deriveExpression(macroExpression(macro.statement, name), withParams(scope, params), reader);
}

/** Schemas that have functions, to DuckDB before any column of the name. */
const FUNCTION_SCHEMAS = new Set(["main", "pg_catalog", "system"]);

/** What a call is given; of `a.upper()` and `t.a.upper()` the column first, which DuckDB's parser takes for a schema. */
function argumentsOf(node: Node, scope: Scope): readonly Node[] {
  const given = nodesOf(node["children"]);
  const names = [textOf(node["catalog"]), textOf(node["schema"])].filter((name) => name !== undefined);
  if (names.length === 0 || (names.length === 1 && FUNCTION_SCHEMAS.has(nameKey(names[0] ?? "")))) {
    return given;
  }
  if (findColumn(names, scope) === undefined) {
    if (names.some((name) => FUNCTION_SCHEMAS.has(nameKey(name)))) return given;
    throw new UnknownLineage(`${names.join(".")} in front of a function was not found`);
  }
  return [{ class: "COLUMN_REF", type: "COLUMN_REF", column_names: names }, ...given];
}

/** FILTER and ORDER BY inside a call. */
function modifiersOf(node: Node, scope: Scope, reader: Reader): Derived[] {
  const { filter, order_bys: order } = node;
  return [
    ...isNode(filter) ? [deciding(deriveExpression(filter, scope, reader), "filter")] : [],
    ...isNode(order) ? ordersOf(order["orders"], scope, reader).map((by) => deciding(by, "order")) : [],
  ];
}

function ordersOf(orders: unknown, scope: Scope, reader: Reader): Derived[] {
  return nodesOf(orders).flatMap(({ expression }) =>
    isNode(expression) ? [deriveExpression(expression, scope, reader)] : []
  );
}

/** The params are elements of the list beside it, which is a source by itself. */
function deriveLambda(node: Node, scope: Scope, reader: Reader): Derived {
  const { lhs, expr } = node;
  if (!isNode(expr) || !isNode(lhs)) throw new UnknownLineage("a lambda of a kind that is not known");
  const params = lhs["class"] === "COLUMN_REF" ? [lhs] : nodesOf(lhs["children"]);
  const names = params.flatMap((param) => textsOf(param["column_names"]).slice(0, 1));
  const bound = new Map(names.map((name) => [nameKey(name), NOTHING]));
  return deriveExpression(expr, withParams(scope, bound), reader);
}

/** Functions that give another row's value, not one of several. */
const OF_ANOTHER_ROW = new Set([
  "WINDOW_FIRST_VALUE",
  "WINDOW_LAST_VALUE",
  "WINDOW_NTH_VALUE",
  "WINDOW_LEAD",
  "WINDOW_LAG",
  "WINDOW_FILL",
]);

function deriveWindow(node: Node, scope: Scope, reader: Reader): Derived {
  const derive = (child: unknown) => isNode(child) ? [deriveExpression(child, scope, reader)] : [];
  const name = calledBy(node) ?? "";
  const children = argumentsOf(node, scope);
  const called = deriveMacro(name, children, scope, reader);
  const given = called === undefined ? children.flatMap(derive) : [called];
  const values = [...given, ...derive(node["default_expr"])];
  const isOfAnotherRow = OF_ANOTHER_ROW.has(String(node["type"]));
  const value = changed(merged(values), isOfAnotherRow ? "transformed" : "aggregated", isCount(name));
  const deciders = [
    ...nodesOf(node["partitions"]).flatMap(derive),
    ...ordersOf(node["orders"], scope, reader),
    ...ordersOf(node["arg_orders"], scope, reader),
    ...[node["start_expr"], node["end_expr"], node["offset_expr"]].flatMap(derive),
  ];
  const filters = [node["filter_expr"], node["filter"]].flatMap(derive);
  return merged([
    value,
    ...deciders.map((decider) => deciding(decider, "window")),
    ...filters.map((filter) => deciding(filter, "filter")),
  ]);
}

function deriveSubquery(node: Node, scope: Scope, reader: Reader): Derived {
  const query = isNode(node["subquery"]) ? node["subquery"]["node"] : undefined;
  if (!isNode(query)) throw new UnknownLineage("a subquery of a kind that is not known");
  const { columns, rows } = reader.query(query, scope);
  const value = merged(columns.map((column) => column.value));
  switch (textOf(node["subquery_type"])) {
    // Whether there are rows is all that matters.
    case "EXISTS":
    case "NOT_EXISTS":
      return rows;
    case "SCALAR":
      return merged([value, rows]);
    default: {
      const child = isNode(node["child"]) ? [deriveExpression(node["child"], scope, reader)] : [];
      return merged([changed(merged([...child, value]), "transformed"), rows]);
    }
  }
}

function deriveAll(given: ReadonlyMap<string, Node | undefined>, scope: Scope, reader: Reader) {
  return new Map(
    [...given].map(([name, node]) =>
      [name, node === undefined ? NOTHING : deriveExpression(node, scope, reader)] as const
    ),
  );
}

function macroExpression(statement: unknown, name: string): Node {
  const query = isNode(statement) ? statement["node"] : undefined;
  const [expression] = isNode(query) ? nodesOf(query["select_list"]) : [];
  if (expression === undefined) throw new UnknownLineage(`the macro ${name} cannot be read`);
  return expression;
}
