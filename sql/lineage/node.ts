import { isRecord } from "../../text/is_record.ts";

/** A node of DuckDB's serialized parse tree. */
export type Node = Readonly<Record<string, unknown>>;

export const isNode = (value: unknown): value is Node => isRecord(value);

/** The nodes of a list; none where there is no list. */
export function nodesOf(value: unknown): Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The texts of a list. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** A text that is not empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The value of a constant, as JSON has it. */
export function constantOf(node: Node): unknown {
  const value = node["value"];
  return node["class"] === "CONSTANT" && isNode(value) ? value["value"] : undefined;
}

/** The function's name in lower case, with its operators. */
export function calledBy(node: Node): string | undefined {
  return textOf(node["function_name"])?.toLowerCase();
}
