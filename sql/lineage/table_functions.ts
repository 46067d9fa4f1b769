import { nameKey } from "../../contract/sql.ts";
import { nameParts } from "../language/tree/name_parts.ts";
import { changed, deciding, type Derived, merged, NOTHING } from "./derived.ts";
import { deriveExpression } from "./expression.ts";
import { macroArguments } from "./macros.ts";
import { allOf } from "./made_trees.ts";
import { calledBy, constantOf, isNode, type Node, nodesOf } from "./node.ts";
import type { Reader } from "./reader.ts";
import { NO_TABLES, type Relation, type Scope, UnknownLineage, withParams } from "./scope.ts";

/** Columns of functions that may be given columns of the tables before them; DuckDB is asked for those of others. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  unnest: ["unnest"],
  range: ["range"],
  generate_series: ["generate_series"],
  json_each: ["key", "value", "type", "atom", "id", "parent", "fullkey", "path"],
  json_tree: ["key", "value", "type", "atom", "id", "parent", "fullkey", "path"],
};

/** A function in FROM, and the name that it has there. */
export function readTableFunction(
  node: Node,
  around: Scope,
  reader: Reader,
): [relation: Relation, name: string] {
  const call = node["function"];
  if (!isNode(call)) throw new UnknownLineage("a table function of a kind that is not known");
  const name = calledBy(call) ?? "";
  const children = nodesOf(call["children"]);
  const macro = macroArguments(reader.macros.get(name) ?? [], "table", children);
  if (macro !== undefined) {
    const params = new Map(
      [...macro.given].map(([param, value]): [string, Derived] => [
        nameKey(param),
        value === undefined ? NOTHING : deriveExpression(value, around, reader),
      ]),
    );
    const query = isNode(macro.statement) ? macro.statement["node"] : undefined;
    if (!isNode(query)) throw new UnknownLineage(`the macro ${name} cannot be read`);
    // A query of its own, which sees its params, and of what is around the call the common table expressions only.
    return [reader.query(query, withParams({ from: NO_TABLES, ctes: around.ctes }, params)), name];
  }
  if (name === "query_table") return [readNamedTable(children, around, reader), name];
  const given = merged(children.map((child) => deriveExpression(child, around, reader)));
  const value = changed(given, "transformed");
  const isConstant = given.sources.size === 0 && given.influences.size === 0;
  const names = COLUMNS[name] ??
    (isConstant ? reader.ask({ kind: "columns", statement: allOf(bare(node)) }) : undefined);
  if (names === undefined) throw new UnknownLineage(`the columns of ${name}(…) are not known`);
  // How many rows there are is decided by what it is given.
  return [
    { columns: names.map((column) => ({ name: column, value })), rows: deciding(given, "filter") },
    name,
  ];
}

/** `query_table('orders')`. */
function readNamedTable(children: readonly Node[], around: Scope, reader: Reader): Relation {
  const [first] = children;
  const name = children.length === 1 && first !== undefined ? constantOf(first) : undefined;
  const parts = typeof name === "string" ? nameParts(name) : [];
  const [table, schema] = parts.toReversed();
  if (table === undefined || parts.length > 2) {
    throw new UnknownLineage("query_table of anything but one plain name");
  }
  const cte = schema === undefined ? around.ctes.get(nameKey(table)) : undefined;
  return cte?.() ?? reader.table(schema === undefined ? { name: table } : { name: table, schema });
}

function bare({ alias: _, column_name_alias: __, ...node }: Node): Node {
  return node;
}
