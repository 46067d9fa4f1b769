import { isSameName, nameKey } from "../../contract/sql.ts";
import { deciding, type Derived, merged, NOTHING } from "./derived.ts";
import { deriveExpression } from "./expression.ts";
import { isNode, type Node, nodesOf, textOf, textsOf } from "./node.ts";
import type { Reader } from "./reader.ts";
import { type FromScope, type Relation, type RelationColumn, type Scope, UnknownLineage } from "./scope.ts";

/** PIVOT and UNPIVOT in FROM. */
export function readPivot(
  node: Node,
  readSource: (source: Node) => FromScope,
  around: Scope,
  reader: Reader,
): Relation {
  if (!isNode(node["source"])) throw new UnknownLineage("a PIVOT without a table");
  const from = readSource(node["source"]);
  const scope: Scope = { from, ctes: around.ctes, outer: around };
  const columns = reader.star({ class: "STAR", type: "STAR" }, scope);
  const values = textsOf(node["unpivot_names"]);
  return values.length > 0
    ? unpivoted(node, values, { columns, rows: from.rows }, scope, reader)
    : pivoted(node, { columns, rows: from.rows }, scope, reader);
}

function pivoted(node: Node, source: Relation, scope: Scope, reader: Reader): Relation {
  const aggregates = nodesOf(node["aggregates"]);
  const pivots = nodesOf(node["pivots"]);
  const by = pivots.flatMap((pivot) => nodesOf(pivot["pivot_expressions"]));
  const used = new Set([...aggregates, ...by].flatMap(columnNames).map(nameKey));
  const groups = textsOf(node["groups"]);
  const grouped = source.columns.filter(({ name }) => {
    if (name === undefined) throw new UnknownLineage("a PIVOT of a column without a name");
    return groups.length > 0 ? groups.some((group) => isSameName(group, name)) : !used.has(nameKey(name));
  });
  const deciders = merged(by.map((one) => deciding(deriveExpression(one, scope, reader), "filter")));
  const made = combinations(pivots.map(entryNames)).flatMap((parts) =>
    aggregates.map((aggregate): RelationColumn => ({
      name: pivotName(parts, aggregate, aggregates.length),
      value: merged([deriveExpression(aggregate, scope, reader), deciders]),
    }))
  );
  const rows = merged([source.rows, ...grouped.map(({ value }) => deciding(value, "group"))]);
  return { columns: [...grouped, ...made], rows };
}

/** `1_s`: by DuckDB's rule. Undefined where the name is that of an expression. */
function pivotName(parts: readonly string[], aggregate: Node, count: number): string | undefined {
  const alias = textOf(aggregate["alias"]);
  if (alias !== undefined) return [...parts, alias].join("_");
  return count === 1 ? parts.join("_") : undefined;
}

/** What the columns of a pivot are named by. */
function entryNames(pivot: Node): string[] {
  const entries = nodesOf(pivot["entries"]);
  const isPlain = pivot["subquery"] === undefined && pivot["pivot_enum"] === undefined;
  if (!isPlain || entries.length === 0) throw new UnknownLineage("a PIVOT whose values are not listed");
  return entries.map((entry) =>
    textOf(entry["alias"]) ??
      nodesOf(entry["values"]).map(({ value, is_null: isNull }) => isNull === true ? "NULL" : String(value))
        .join("_")
  );
}

function combinations(lists: readonly (readonly string[])[]): string[][] {
  return lists.reduce<string[][]>((made, list) => made.flatMap((one) => list.map((item) => [...one, item])), [
    [],
  ]);
}

function columnNames(node: Node): string[] {
  if (node["class"] === "COLUMN_REF") return textsOf(node["column_names"]).slice(-1);
  return Object.values(node).flatMap((child) =>
    (Array.isArray(child) ? nodesOf(child) : isNode(child) ? [child] : []).flatMap(columnNames)
  );
}

/** Rows of several columns become values of one; the first new column has the names of those that they are from. */
function unpivoted(
  node: Node,
  values: readonly string[],
  source: Relation,
  scope: Scope,
  reader: Reader,
): Relation {
  const pivots = nodesOf(node["pivots"]);
  const names = pivots.flatMap((pivot) => textsOf(pivot["unpivot_names"]));
  const taken: string[] = [];
  const made = new Map<string, Derived>(values.map((value) => [value, NOTHING]));
  for (const entry of pivots.flatMap((pivot) => nodesOf(pivot["entries"]))) {
    for (const group of columnsOfEntry(entry, scope, reader, values.length)) {
      for (const [index, name] of group.entries()) {
        const column = source.columns.find((one) => one.name !== undefined && isSameName(one.name, name));
        const value = values[index];
        if (column === undefined || value === undefined) {
          throw new UnknownLineage(`UNPIVOT names ${name}, which was not found`);
        }
        taken.push(nameKey(name));
        made.set(value, merged([made.get(value) ?? NOTHING, column.value]));
      }
    }
  }
  const kept = source.columns.filter(({ name }) => name === undefined || !taken.includes(nameKey(name)));
  // Without INCLUDE NULLS a value that is NULL makes no row.
  const filters = node["include_nulls"] === true
    ? []
    : [...made.values()].map((value) => deciding(value, "filter"));
  return {
    columns: [
      ...kept,
      ...names.map((name) => ({ name, value: NOTHING })),
      ...[...made].map(([name, value]) => ({ name, value })),
    ],
    rows: merged([source.rows, ...filters]),
  };
}

/** The columns of an entry, as many together as there are values. */
function columnsOfEntry(entry: Node, scope: Scope, reader: Reader, width: number): string[][] {
  const { star_expr: star, expr } = entry;
  if (isNode(star) || isNode(expr)) {
    const given = isNode(star) ? star : isNode(expr) ? expr : {};
    if (given["class"] !== "STAR" || width !== 1) throw new UnknownLineage("UNPIVOT of an expression");
    return reader.star(given, scope).flatMap(({ name }) => name === undefined ? [] : [[name]]);
  }
  return [nodesOf(entry["values"]).map(({ value }) => String(value))];
}
