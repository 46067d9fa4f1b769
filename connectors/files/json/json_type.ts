import { quoteIdentifier } from "../../../contract/sql.ts";
import { ARRAY, BOOLEAN, INTEGER, type JsonNode, NULL, OBJECT, REAL, someNode, STRING } from "./json_node.ts";
import { DOUBLE_DIGITS } from "../types/text_kind.ts";

/** The types of JSON values, found so that no value changes by them. */

export type JsonType =
  /** `given`: by the user, so that the value must be looked at; else all values are known to fit. */
  | {
    readonly kind: "scalar";
    readonly type: string;
    readonly isGiven: boolean;
    readonly node: JsonNode;
    /** Instants as UTC's wall clock shows them. */
    readonly isUtc?: true;
  }
  | { readonly kind: "struct"; readonly fields: readonly JsonFieldType[] }
  | { readonly kind: "list"; readonly item: JsonType; readonly size?: number }
  | { readonly kind: "map"; readonly key: string; readonly value: JsonType }
  | { readonly kind: "json"; readonly node: JsonNode };

export interface JsonFieldType {
  /** In the records, exactly. */
  readonly key: string;
  readonly name: string;
  readonly type: JsonType;
}

/** The narrowest type that every value of the place fits exactly. */
export function inferType(node: JsonNode): JsonType {
  const kinds = node.kinds & ~NULL;
  const scalar = (type: string): JsonType => ({ kind: "scalar", type, isGiven: false, node });
  switch (kinds) {
    case 0:
      return scalar("VARCHAR");
    case BOOLEAN:
      return scalar("BOOLEAN");
    case INTEGER:
      return scalar(node.isBeyond128 ? "VARCHAR" : node.isBeyond64 ? "HUGEINT" : "BIGINT");
    case REAL:
    case REAL | INTEGER:
      return scalar(node.hasInexactReal || node.integerDigits > DOUBLE_DIGITS ? "VARCHAR" : "DOUBLE");
    case STRING:
      return scalar(node.textKind === undefined || node.textKind === "text" ? "VARCHAR" : node.textKind);
    case ARRAY:
      if (node.isUntyped) return { kind: "json", node };
      return { kind: "list", item: node.item === undefined ? scalar("VARCHAR") : inferType(node.item) };
    case OBJECT:
      return inferObject(node);
    default:
      return { kind: "json", node };
  }
}

/** With each instant as a TIMESTAMP of UTC. */
export function zonesAsUtc(type: JsonType): JsonType {
  switch (type.kind) {
    case "scalar":
      return type.type === "TIMESTAMPTZ" ? { ...type, type: "TIMESTAMP", isUtc: true } : type;
    case "list":
      return { ...type, item: zonesAsUtc(type.item) };
    case "map":
      return { ...type, value: zonesAsUtc(type.value) };
    case "struct":
      return { ...type, fields: type.fields.map((field) => ({ ...field, type: zonesAsUtc(field.type) })) };
    case "json":
      return type;
  }
}

function inferObject(node: JsonNode): JsonType {
  if (node.mapValue !== undefined && !node.isUntyped) {
    return { kind: "map", key: "VARCHAR", value: inferType(node.mapValue) };
  }
  const isPlain = node.fields.every(({ key }) => key !== "" && !key.includes("\0"));
  if (node.isUntyped || node.fields.length === 0 || node.hasKeysOfOneName || !isPlain) {
    return { kind: "json", node };
  }
  return {
    kind: "struct",
    fields: node.fields.map((field) => ({ key: field.key, name: field.key, type: inferType(field.node) })),
  };
}

/**
 * Whether DuckDB's parser keeps all that the type needs of the values: it makes doubles of numbers with a
 * point or an exponent, and text of those.
 */
export function isKeptByParser(type: JsonType): boolean {
  switch (type.kind) {
    case "struct":
      return type.fields.every((field) => isKeptByParser(field.type));
    case "list":
      return isKeptByParser(type.item);
    case "map":
      return isKeptByParser(type.value);
    case "json":
      return !someNode(type.node, (node) => node.hasInexactReal);
    case "scalar":
      return isScalarKept(type.type, type.isGiven, type.node);
  }
}

function isScalarKept(type: string, isGiven: boolean, node: JsonNode): boolean {
  if (!isGiven) return type !== "VARCHAR" || (node.kinds & REAL) === 0;
  const hasReal = (inner: JsonNode) => (inner.kinds & REAL) !== 0;
  if (!someNode(node, hasReal)) return true;
  if (/^(?:DOUBLE|FLOAT)/i.test(type)) return !node.hasInexactReal;
  if (/^(?:DEC|NUMERIC)/i.test(type)) return node.hasPlainReals;
  return false;
}

/** DuckDB's name of the type. */
export function typeName(type: JsonType): string {
  switch (type.kind) {
    case "scalar":
      return type.type;
    case "json":
      return "JSON";
    case "list":
      return `${typeName(type.item)}[${type.size ?? ""}]`;
    case "map":
      return `MAP(${type.key}, ${typeName(type.value)})`;
    case "struct":
      return `STRUCT(${
        type.fields.map((field) => `${quoteIdentifier(field.name)} ${typeName(field.type)}`).join(", ")
      })`;
  }
}
