import { isSameName } from "../../../contract/sql.ts";
import { AppError } from "../../../contract/errors.ts";
import { ARRAY, BOOLEAN, INTEGER, JsonNode, NULL, OBJECT, type Place, REAL, STRING } from "./json_node.ts";
import type { JsonFieldType, JsonType } from "./json_type.ts";

/** Types of DuckDB as a user writes them, laid over what the values of a JSON column are. */

/** Where a type is put, for messages: `a.b[]`. */
type Refuse = (reason: string, place?: Place) => AppError;

/**
 * The type, with the parts that lists, structs and maps have. `refuse` makes the error for a value that cannot
 * be of it; a value's own text is looked at later.
 */
export function givenType(text: string, node: JsonNode, path: string, refuse: Refuse): JsonType {
  const type = text.trim();
  const list = /^([^]*)\[\s*(\d*)\s*\]$/.exec(type) ?? /^(?:LIST|ARRAY)\s*\(([^]*)\)()$/i.exec(type);
  if (list?.[1] !== undefined) {
    requireKinds(node, ARRAY, type, path, refuse);
    const item = givenType(list[1], node.item ?? new JsonNode(), `${path}[]`, refuse);
    return { kind: "list", item, ...(list[2] ? { size: Number(list[2]) } : {}) };
  }
  const parts = /^(STRUCT|ROW|MAP)\s*\(([^]*)\)$/i.exec(type);
  const inside = parts?.[2];
  if (inside !== undefined && /^MAP$/i.test(parts?.[1] ?? "")) {
    return givenMap(inside, type, node, path, refuse);
  }
  if (inside !== undefined) return givenStruct(inside, type, node, path, refuse);
  if (/^JSON$/i.test(type)) return { kind: "json", node };
  if (!/^(?:VARCHAR|TEXT|STRING|CHAR|BPCHAR)\b/i.test(type)) {
    requireKinds(node, BOOLEAN | INTEGER | REAL | STRING, type, path, refuse);
  }
  return { kind: "scalar", type, isGiven: true, node };
}

function givenStruct(inside: string, type: string, node: JsonNode, path: string, refuse: Refuse): JsonType {
  requireKinds(node, OBJECT, type, path, refuse);
  const members = splitParts(inside).map((part) => {
    const [, quoted, plain, of = ""] = /^\s*(?:"((?:[^"]|"")*)"|([^\s"]+))\s+([^]*)$/.exec(part) ?? [];
    return { name: quoted?.replaceAll('""', '"') ?? plain ?? "", of };
  });
  const known = node.fields.map(({ key }) => key);
  const left = known.find((key) => !members.some(({ name }) => isSameName(name, key)));
  if (left !== undefined) {
    throw refuse(`"${path}" has the key ${JSON.stringify(left)}, which ${type} has not`);
  }
  if (node.mapValue !== undefined || node.hasKeysOfOneName) {
    throw refuse(`"${path}" has too many keys for ${type}, or keys that differ in case only`);
  }
  const fields = members.map(({ name, of }): JsonFieldType => {
    const key = known.find((other) => isSameName(other, name)) ?? name;
    const child = node.field(key)?.node ?? new JsonNode();
    return { key, name, type: givenType(of, child, `${path}.${name}`, refuse) };
  });
  return { kind: "struct", fields };
}

function givenMap(inside: string, type: string, node: JsonNode, path: string, refuse: Refuse): JsonType {
  requireKinds(node, OBJECT, type, path, refuse);
  const [key = "", value = ""] = splitParts(inside);
  if (!/^(?:VARCHAR|TEXT|STRING)$/i.test(key.trim())) {
    throw refuse(`the keys of "${path}" are text; use MAP(VARCHAR, …)`);
  }
  node.becomeMap();
  return {
    kind: "map",
    key: "VARCHAR",
    value: givenType(value, node.mapValue ?? new JsonNode(), `${path}{}`, refuse),
  };
}

const KIND_NAMES = new Map([
  [BOOLEAN, "true or false"],
  [INTEGER, "a number"],
  [REAL, "a number"],
  [STRING, "a string"],
  [OBJECT, "an object"],
  [ARRAY, "an array"],
]);

function requireKinds(node: JsonNode, kinds: number, type: string, path: string, refuse: Refuse): void {
  for (const [kind, name] of KIND_NAMES) {
    if ((node.kinds & ~NULL & ~kinds & kind) === 0) continue;
    throw refuse(`column "${path}" is ${name}, expected ${type}`, node.firstPlaces.get(kind));
  }
}

/** At the commas that are outside of brackets and quotes. */
function splitParts(text: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const [piece] of text.matchAll(/"(?:[^"]|"")*"|'(?:[^']|'')*'|[^]/g)) {
    if (piece === "(" || piece === "[") depth++;
    if (piece === ")" || piece === "]") depth--;
    if (piece === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += piece;
  }
  return parts;
}
