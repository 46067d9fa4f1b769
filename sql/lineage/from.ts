import { isSameName, nameKey } from "../../contract/sql.ts";
import { changed, deciding, type Derived, merged, NOTHING } from "./derived.ts";
import { deriveExpression } from "./expression.ts";
import { readTableFunction } from "./table_functions.ts";
import { isNode, type Node, nodesOf, textOf, textsOf } from "./node.ts";
import { readPivot } from "./pivot.ts";
import type { Reader } from "./reader.ts";
import {
  type Binding,
  type FromScope,
  NO_TABLES,
  type Relation,
  type RelationColumn,
  type Scope,
  type SharedColumn,
  UnknownLineage,
} from "./scope.ts";

/** What FROM has. `around` is the scope of the query that it is part of. */
export function readFrom(node: Node, around: Scope, reader: Reader): FromScope {
  switch (node["type"]) {
    case "EMPTY":
      return NO_TABLES;
    case "BASE_TABLE":
      return one(node, readTable(node, around, reader), textOf(node["table_name"]));
    case "SUBQUERY": {
      const query = isNode(node["subquery"]) ? node["subquery"]["node"] : undefined;
      if (!isNode(query)) throw new UnknownLineage("a subquery of a kind that is not known");
      return one(node, reader.query(query, around), undefined);
    }
    case "EXPRESSION_LIST":
      return one(node, readValues(node, around, reader), undefined);
    case "TABLE_FUNCTION":
      return one(node, ...readTableFunction(node, around, reader));
    case "PIVOT":
      return one(
        node,
        readPivot(node, (source) => readFrom(source, around, reader), around, reader),
        undefined,
      );
    case "JOIN":
      return readJoin(node, around, reader);
    default:
      throw new UnknownLineage(`${String(node["type"])} in FROM is not known`);
  }
}

/** A relation under its alias, with the names that follow it. */
function one(node: Node, relation: Relation, name: string | undefined): FromScope {
  const names = textsOf(node["column_name_alias"]);
  const alias = textOf(node["alias"]);
  const binding: Binding = {
    alias: alias ?? name,
    ...(alias === undefined && node["type"] === "BASE_TABLE"
      ? { schema: textOf(node["schema_name"]) ?? "main" }
      : {}),
    columns: relation.columns.map((column, index) => ({ ...column, name: names[index] ?? column.name })),
    rows: relation.rows,
  };
  return { bindings: [binding], shared: [], rows: relation.rows };
}

function readTable(node: Node, around: Scope, reader: Reader): Relation {
  const name = textOf(node["table_name"]) ?? "";
  const schema = textOf(node["schema_name"]);
  const catalog = textOf(node["catalog_name"]);
  // `recurring.t`: all rows so far of a recursive query with USING KEY.
  if (catalog === undefined && (schema === undefined || isSameName(schema, "recurring"))) {
    const cte = around.ctes.get(nameKey(name));
    if (cte !== undefined) return cte();
  }
  return reader.table({
    name,
    ...(schema === undefined ? {} : { schema }),
    ...(catalog === undefined ? {} : { catalog }),
  });
}

/** `VALUES`: each column is one of its values. */
function readValues(node: Node, around: Scope, reader: Reader): Relation {
  const rows: unknown[] = Array.isArray(node["values"]) ? node["values"] : [];
  const scope: Scope = { from: NO_TABLES, ctes: around.ctes, outer: around };
  const columns: RelationColumn[] = [];
  for (const row of rows) {
    for (const [index, value] of nodesOf(row).entries()) {
      const derived = deriveExpression(value, scope, reader);
      const known = columns[index];
      const name = textsOf(node["expected_names"])[index] ?? `col${index}`;
      columns[index] = { name, value: known === undefined ? derived : merged([known.value, derived]) };
    }
  }
  return { columns, rows: NOTHING };
}

function readJoin(node: Node, around: Scope, reader: Reader): FromScope {
  if (!isNode(node["left"]) || !isNode(node["right"])) throw new UnknownLineage("a join without tables");
  const left = readFrom(node["left"], around, reader);
  // What stands to the right may name columns of what stands to the left.
  const right = readFrom(node["right"], { from: left, ctes: around.ctes, outer: around }, reader);
  const isHalf = node["join_type"] === "SEMI" || node["join_type"] === "ANTI";
  const names = node["ref_type"] === "NATURAL" ? commonNames(left, right) : textsOf(node["using_columns"]);
  const shared = names.map((name) => sharedColumn(name, String(node["join_type"]), left, right));
  const others = [...left.shared, ...right.shared].filter((other) =>
    !shared.some(({ name }) => isSameName(name, other.name))
  );
  const both: FromScope = {
    bindings: [...left.bindings, ...right.bindings],
    shared: [...others, ...shared.map(({ column }) => column)],
    rows: NOTHING,
  };
  const condition = isNode(node["condition"])
    ? [deriveExpression(node["condition"], { from: both, ctes: around.ctes, outer: around }, reader)]
    : [];
  const rows = merged([
    left.rows,
    right.rows,
    ...[...condition, ...shared.flatMap(({ sides }) => sides)].map((value) => deciding(value, "join")),
  ]);
  return isHalf ? { ...left, rows } : { ...both, rows };
}

function commonNames(left: FromScope, right: FromScope): string[] {
  const names = (from: FromScope) =>
    from.bindings.flatMap(({ columns }) => columns.flatMap(({ name }) => name ?? []));
  const keys = new Set(names(right).map(nameKey));
  return [...new Map(names(left).map((name) => [nameKey(name), name])).values()].filter((name) =>
    keys.has(nameKey(name))
  );
}

interface Shared {
  readonly name: string;
  readonly column: SharedColumn;
  readonly sides: readonly Derived[];
}

/** It is the left one's value; of a right join the right one's, of a full join that of either. */
function sharedColumn(name: string, join: string, left: FromScope, right: FromScope): Shared {
  const [one, other] = [sideOf(left, name), sideOf(right, name)];
  const value = join === "RIGHT"
    ? other.value
    : join === "FULL" || join === "OUTER"
    ? changed(merged([one.value, other.value]), "transformed")
    : one.value;
  const bindings = [...one.bindings, ...other.bindings];
  return { name, column: { name, value, bindings }, sides: [one.value, other.value] };
}

function sideOf(from: FromScope, name: string): { value: Derived; bindings: readonly Binding[] } {
  const shared = from.shared.find((column) => isSameName(column.name, name));
  if (shared !== undefined) return shared;
  const found = from.bindings.flatMap((table) =>
    table.columns.flatMap((column) =>
      column.name !== undefined && isSameName(column.name, name) ? [{ table, value: column.value }] : []
    )
  );
  const [first] = found;
  if (first === undefined) throw new UnknownLineage(`USING names ${name}, which was not found`);
  return { value: first.value, bindings: [first.table] };
}
