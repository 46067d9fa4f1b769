import type { Cursor } from "../../../contract/connector/source.ts";
import { isSameName, nameKey } from "../../../contract/sql.ts";
import { AppError } from "../../../contract/errors.ts";
import type { FileSet } from "../file_set.ts";
import { hiveColumns } from "../read/hive.ts";
import { givenType } from "./given_type.ts";
import { JsonNode, type Place } from "./json_node.ts";
import type { JsonSurvey } from "./surveyed.ts";
import { inferType, type JsonType, zonesAsUtc } from "./json_type.ts";

/** The columns that JSON records make. */

export interface JsonColumn {
  readonly name: string;
  /** The keys of the column: several, where records write it in different cases of letters. */
  readonly keys: readonly string[];
  /** What the survey has found of each key. */
  readonly nodes: readonly JsonNode[];
  readonly type: JsonType;
  readonly isGiven: boolean;
}

export interface JsonPlan {
  readonly set: FileSet;
  readonly survey: JsonSurvey;
  readonly columns: readonly JsonColumn[];
}

/** Throws `invalid` for keys that cannot be columns, and for types of the user's that cannot fit. */
export function planJson(set: FileSet, survey: JsonSurvey): JsonPlan {
  const texts = new Set((set.texts ?? []).map(nameKey));
  const taken = new Set(hiveColumns(set).map(({ name }) => nameKey(name)));
  const groups = new Map<string, { name: string; keys: string[]; node: JsonNode; nodes: JsonNode[] }>();
  for (const { key, node } of survey.root.fields) {
    checkName(set, key, node);
    const group = groups.get(nameKey(key));
    if (group === undefined) groups.set(nameKey(key), { name: key, keys: [key], node, nodes: [node] });
    else {
      const both = new JsonNode();
      both.merge(group.node);
      both.merge(node);
      const [keys, nodes] = [[...group.keys, key], [...group.nodes, node]];
      groups.set(nameKey(key), { name: group.name, keys, node: both, nodes });
    }
  }
  const given = new Map(
    Object.entries(set.options.columns).map(([name, type]) => [nameKey(name), { name, type }]),
  );
  // A key that no record happens to have is no fault: it is a column of NULLs.
  for (const [key, { name }] of given) {
    if (groups.has(key) || taken.has(key)) continue;
    groups.set(key, { name, keys: [name], node: new JsonNode(), nodes: [] });
  }
  const columns = [...groups].map(([key, { name, keys, node, nodes }]): JsonColumn => {
    const type = given.get(key)?.type ?? (texts.has(key) ? "VARCHAR" : undefined);
    if (type === undefined) return { name, keys, nodes, type: inferType(node), isGiven: false };
    const refuse = (reason: string, place?: Place) => placedError(set, place, reason);
    return { name, keys, nodes, type: givenType(type, node, name, refuse), isGiven: true };
  });
  if (columns.length === 0 && survey.files.some(({ layout }) => layout !== undefined)) {
    throw placedError(set, undefined, "its objects have no keys, and a row needs a column");
  }
  return { set, survey, columns: isOfFirstRelease(columns, set.cursor) ? columns.map(withUtc) : columns };
}

/** The first release stored instants as TIMESTAMP, and its streams go on from such a cursor. */
function isOfFirstRelease(columns: readonly JsonColumn[], cursor: Cursor | undefined): boolean {
  const column = columns.find(({ name }) => cursor !== undefined && isSameName(name, cursor.column));
  const type = column?.isGiven === false && column.type.kind === "scalar" ? column.type.type : undefined;
  return type === "TIMESTAMPTZ" && cursor?.type === "TIMESTAMP";
}

const withUtc = (column: JsonColumn): JsonColumn =>
  column.isGiven ? column : { ...column, type: zonesAsUtc(column.type) };

function checkName(set: FileSet, key: string, node: JsonNode): void {
  const [place] = node.firstPlaces.values();
  if (key === "") throw placedError(set, place, "a key is empty, and a column needs a name");
  if (key.includes("\0")) throw placedError(set, place, `the key ${JSON.stringify(key)} has a NUL character`);
}

export function placedError(set: FileSet, place: Place | undefined, reason: string): AppError {
  const file = set.files[place?.file ?? 0];
  const line = place === undefined ? "" : ` line ${place.line}`;
  return new AppError("invalid", `Cannot read "${file?.shown}"${line}: ${reason}`);
}
