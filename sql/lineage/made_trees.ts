import { isNode, type Node } from "./node.ts";

/** Trees as json_deserialize_sql takes them, for what DuckDB is asked. */

export function textConstant(text: string): Node {
  const value = { type: { id: "VARCHAR" }, is_null: false, value: text };
  return { class: "CONSTANT", type: "VALUE_CONSTANT", value };
}

export function calling(name: string, children: readonly Node[]): Node {
  return { class: "FUNCTION", type: "FUNCTION", function_name: name, children };
}

export const listOf = (texts: readonly string[]): Node => calling("list_value", texts.map(textConstant));

/** `SELECT expression`. */
export function selecting(expression: Node): Node {
  return selectFrom([expression], { type: "EMPTY" });
}

/** `SELECT * FROM relation`. */
export function allOf(relation: Node): Node {
  return selectFrom([{ class: "STAR", type: "STAR" }], relation);
}

function selectFrom(list: readonly Node[], from: Node): Node {
  return {
    node: {
      type: "SELECT_NODE",
      select_list: list,
      from_table: from,
      aggregate_handling: "STANDARD_HANDLING",
    },
  };
}

/** With the empty parts that a tree without them was read without, and that DuckDB wants back. */
export function completed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(completed);
  if (!isNode(value)) return value;
  const whole = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, completed(inner)]));
  const { type, class: kind } = value;
  if (kind === "FUNCTION") return { order_bys: { type: "ORDER_MODIFIER" }, ...whole };
  if (kind === "STAR") return { exclude_list: [], ...whole };
  const isQuery = kind === undefined && typeof type === "string" && type.endsWith("_NODE");
  return isQuery ? { cte_map: {}, ...whole } : whole;
}
