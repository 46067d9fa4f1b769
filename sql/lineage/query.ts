import { nameKey } from "../../contract/sql.ts";
import { deciding, type Derived, isSame, merged, NOTHING } from "./derived.ts";
import { deriveExpression } from "./expression.ts";
import { readFrom } from "./from.ts";
import { selecting } from "./made_trees.ts";
import { calledBy, constantOf, isNode, type Node, nodesOf, textOf, textsOf } from "./node.ts";
import type { Reader } from "./reader.ts";
import {
  NO_TABLES,
  type Relation,
  type RelationColumn,
  requireName,
  type Scope,
  UnknownLineage,
} from "./scope.ts";
import { filteredStar } from "./star.ts";

/** What a query's tree gives. `around` is the scope that it stands in: what its names may mean beside its own. */
export function readQuery(node: Node, around: Scope, reader: Reader): Relation {
  const scope = withCtes(node, around, reader);
  switch (node["type"]) {
    case "SELECT_NODE":
      return readSelect(node, scope, reader);
    case "SET_OPERATION_NODE":
      return readSetOperation(node, scope, reader);
    case "RECURSIVE_CTE_NODE":
      return readRecursive(node, scope, reader);
    default:
      throw new UnknownLineage(`a query of the kind ${String(node["type"])} is not known`);
  }
}

/** Each sees those before it; it is read where it is first named. */
function withCtes(node: Node, around: Scope, reader: Reader): Scope {
  const map = node["cte_map"];
  const entries = isNode(map) ? nodesOf(map["map"]) : [];
  let scope = around;
  for (const { key, value } of entries) {
    const query = isNode(value) && isNode(value["query"]) ? value["query"]["node"] : undefined;
    if (typeof key !== "string" || !isNode(value) || !isNode(query)) continue;
    const before = scope;
    let read: Relation | undefined;
    const relation = () => read ??= renamed(readQuery(query, before, reader), textsOf(value["aliases"]));
    scope = { ...scope, ctes: new Map([...scope.ctes, [nameKey(key), relation]]) };
  }
  return scope;
}

/** `t(a, b)`: the first columns under other names. */
export function renamed(relation: Relation, names: readonly string[]): Relation {
  if (names.length === 0) return relation;
  const columns = relation.columns.map((column, index) => ({ ...column, name: names[index] ?? column.name }));
  return { ...relation, columns };
}

interface Selected {
  readonly columns: readonly RelationColumn[];
  /** The alias of the item that gave them. */
  readonly alias: string | undefined;
  readonly isAggregated: boolean;
  /** Whether it gives several rows for one. */
  readonly isUnnested: boolean;
}

function readSelect(node: Node, around: Scope, reader: Reader): Relation {
  const from = isNode(node["from_table"]) ? readFrom(node["from_table"], around, reader) : NO_TABLES;
  const inside: Scope = { from, ctes: around.ctes, outer: around };
  const items = nodesOf(node["select_list"]);
  const selected: Selected[] = [];
  const aliasAmong = (among: () => readonly Selected[]) => (name: string) =>
    among().find(({ alias }) => alias !== undefined && nameKey(alias) === nameKey(name))?.columns[0]?.value;
  for (const item of items) {
    const before = [...selected];
    const scope = { ...inside, alias: aliasAmong(() => before) };
    selected.push({
      columns: readItem(item, scope, reader),
      alias: textOf(item["alias"]),
      isAggregated: hasCall(item, (name) => reader.aggregates.has(name)),
      isUnnested: hasCall(item, (name) => makesRows(name, reader)),
    });
  }
  const columns = selected.flatMap((one) => one.columns);
  const scope = { ...inside, alias: aliasAmong(() => selected) };
  const derive = (child: unknown) => isNode(child) ? [deriveExpression(child, scope, reader)] : [];
  const filters = [node["where_clause"], node["having"], node["qualify"]].flatMap(derive);
  const groups = nodesOf(node["group_expressions"]).flatMap((group) => {
    const position = constantOf(group);
    const column = typeof position === "number" ? columns[position - 1] : undefined;
    return column === undefined ? derive(group) : [column.value];
  });
  if (node["aggregate_handling"] === "FORCE_AGGREGATES") {
    groups.push(...selected.filter((one) => !one.isAggregated).flatMap((one) => one.columns).map(valueOf));
  }
  const unnested = selected.filter((one) => one.isUnnested).flatMap((one) => one.columns).map(valueOf);
  const rows = merged([
    from.rows,
    ...[...filters, ...unnested].map((filter) => deciding(filter, "filter")),
    ...groups.map((group) => deciding(group, "group")),
  ]);
  return modified(node, { columns, rows }, scope, reader);
}

const valueOf = ({ value }: RelationColumn): Derived => value;

/** A column, or those that a `*` in it stands for. */
function readItem(item: Node, scope: Scope, reader: Reader): readonly RelationColumn[] {
  const choice = filteredStar(item);
  if (choice !== undefined) return reader.star(choice, scope);
  const alias = textOf(item["alias"]);
  const star = item["class"] === "STAR" ? item : columnsIn(item);
  if (star === undefined) {
    const value = deriveExpression(item, scope, reader);
    const isSpread = alias === undefined && calledBy(item) === "unnest";
    return [isSpread ? { ...nameOf(item, reader), value, isSpread } : { ...nameOf(item, reader), value }];
  }
  const columns = reader.star(star, scope);
  if (item === star) {
    return alias === undefined ? columns : columns.map((column) => ({ ...column, name: alias }));
  }
  return columns.map(({ value }) => ({
    name: alias,
    value: deriveExpression(item, { ...scope, star: value }, reader),
  }));
}

/** The COLUMNS(…) in an expression, for each of whose columns it stands; not what `*COLUMNS(…)` unpacks. */
function columnsIn(node: Node): Node | undefined {
  if (node["class"] === "STAR") return node["columns"] === true ? node : undefined;
  if (node["class"] === "SUBQUERY" || node["type"] === "OPERATOR_UNPACK") return undefined;
  for (const child of Object.values(node)) {
    for (const inner of Array.isArray(child) ? nodesOf(child) : isNode(child) ? [child] : []) {
      const found = columnsIn(inner);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** DuckDB calls it by the text of its expression where nothing else is said. */
function nameOf(item: Node, reader: Reader): Pick<RelationColumn, "name" | "madeName"> {
  const alias = textOf(item["alias"]);
  if (alias !== undefined) return { name: alias };
  if (item["class"] === "COLUMN_REF") return { name: textsOf(item["column_names"]).at(-1) };
  return {
    name: undefined,
    madeName: () => reader.ask({ kind: "name", statement: selecting(item) })[0] ?? "",
  };
}

/** Whether one of these functions is called in it, not counting a window's and a subquery's. */
function hasCall(node: Node, isWanted: (name: string) => boolean): boolean {
  if (node["class"] === "SUBQUERY") return false;
  const name = node["class"] === "FUNCTION" ? calledBy(node) : undefined;
  if (name !== undefined && isWanted(name)) return true;
  return Object.values(node).some((child) =>
    (Array.isArray(child) ? nodesOf(child) : isNode(child) ? [child] : []).some((inner) =>
      hasCall(inner, isWanted)
    )
  );
}

const UNNESTING = new Set(["unnest", "unlist", "generate_subscripts"]);

/** Whether a row becomes as many as a list has items, by the function or by a macro that calls it. */
function makesRows(name: string, reader: Reader): boolean {
  if (UNNESTING.has(name)) return true;
  return (reader.macros.get(name) ?? []).some(({ kind, statement }) =>
    kind === "scalar" && isNode(statement) && hasCall(statement, (inner) => makesRows(inner, reader))
  );
}

/** DISTINCT, ORDER BY and LIMIT. `scope` has what the expressions mean; none for those of a set operation. */
function modified(node: Node, relation: Relation, scope: Scope, reader: Reader): Relation {
  const { columns } = relation;
  const byName = (name: string) =>
    columns.find((column) => column.name !== undefined && nameKey(column.name) === nameKey(name))?.value;
  const ordering: Scope = {
    ...scope,
    alias: (name) => scope.alias?.(name) ?? byName(name),
    isAliasFirst: true,
  };
  const derive = (child: Node): Derived => {
    const position = constantOf(child);
    if (typeof position === "number") return columns[position - 1]?.value ?? NOTHING;
    if (child["class"] === "STAR") return merged(columns.map(valueOf));
    return deriveExpression(child, ordering, reader);
  };
  const deciders = nodesOf(node["modifiers"]).flatMap((modifier): Derived[] => {
    switch (modifier["type"]) {
      case "DISTINCT_MODIFIER": {
        const on = nodesOf(modifier["distinct_on_targets"]);
        const by = on.length === 0 ? columns.map(valueOf) : on.map(derive);
        return by.map((value) => deciding(value, "group"));
      }
      case "ORDER_MODIFIER":
        return nodesOf(modifier["orders"]).flatMap(({ expression }) =>
          isNode(expression) ? [deciding(derive(expression), "order")] : []
        );
      default:
        return [modifier["limit"], modifier["offset"]].filter(isNode).map((limit) =>
          deciding(deriveExpression(limit, { ...scope, from: NO_TABLES }, reader), "filter")
        );
    }
  });
  return { columns, rows: merged([relation.rows, ...deciders]) };
}

function readSetOperation(node: Node, scope: Scope, reader: Reader): Relation {
  const { left, right } = node;
  if (!isNode(left) || !isNode(right)) throw new UnknownLineage("a set operation of more than two queries");
  const relation = combined(node, readQuery(left, scope, reader), readQuery(right, scope, reader));
  return modified(node, relation, { from: NO_TABLES, ctes: scope.ctes, outer: scope }, reader);
}

function combined(node: Node, left: Relation, right: Relation): Relation {
  const rows = merged([left.rows, right.rows]);
  const isDistinct = node["setop_all"] === false;
  const distinctBy = (columns: readonly RelationColumn[]) =>
    isDistinct ? columns.map(({ value }) => deciding(value, "group")) : [];
  switch (node["setop_type"]) {
    case "UNION":
    case "INTERSECT": {
      const columns = side(left, right);
      return { columns, rows: merged([rows, ...distinctBy(columns)]) };
    }
    case "UNION_BY_NAME": {
      const columns = byName(left, right);
      return { columns, rows: merged([rows, ...distinctBy(columns)]) };
    }
    case "EXCEPT": {
      const compared = right.columns.map(({ value }) => deciding(value, "filter"));
      return { columns: left.columns, rows: merged([rows, ...compared, ...distinctBy(left.columns)]) };
    }
    default:
      throw new UnknownLineage(`the set operation ${String(node["setop_type"])} is not known`);
  }
}

/** Column by column; the names are those of the left. */
function side(left: Relation, right: Relation): RelationColumn[] {
  if (left.columns.length !== right.columns.length) {
    throw new UnknownLineage("the two sides of a set operation seem to have different numbers of columns");
  }
  return left.columns.map((column, index) => ({
    ...column,
    value: merged([column.value, right.columns[index]?.value ?? NOTHING]),
  }));
}

function byName(left: Relation, right: Relation): RelationColumn[] {
  const columns = new Map<string, RelationColumn>();
  for (const column of [...left.columns, ...right.columns]) {
    const key = nameKey(requireName(column));
    const known = columns.get(key);
    columns.set(key, known === undefined ? column : { ...known, value: merged([known.value, column.value]) });
  }
  return [...columns.values()];
}

/** Rounds until nothing is added: each adds what the one before was made of. */
const MOST_ROUNDS = 100;

function readRecursive(node: Node, scope: Scope, reader: Reader): Relation {
  const { left, right } = node;
  const name = textOf(node["cte_name"]);
  if (!isNode(left) || !isNode(right) || name === undefined) {
    throw new UnknownLineage("a recursive query of a kind that is not known");
  }
  const names = textsOf(node["aliases"]);
  const first = renamed(readQuery(left, scope, reader), names);
  let relation = first;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const known = relation;
    const ctes = new Map([...scope.ctes, [nameKey(name), () => known]]);
    const next = readQuery(right, { ...scope, ctes }, reader);
    relation = combined({ ...node, setop_type: "UNION", setop_all: node["union_all"] === true }, first, next);
    if (isSameRelation(relation, known)) return relation;
  }
  throw new UnknownLineage(`the recursive query ${name} does not settle`);
}

function isSameRelation(one: Relation, other: Relation): boolean {
  return isSame(one.rows, other.rows) &&
    one.columns.every(({ value }, index) => isSame(value, other.columns[index]?.value ?? NOTHING));
}
