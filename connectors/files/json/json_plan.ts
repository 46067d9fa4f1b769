import { nameKey } from "../../../contract/sql.ts";
import { AppError } from "../../../contract/errors.ts";
import type { FileSet } from "../file_set.ts";
import { givenType } from "./given_type.ts";
import { JsonNode, type Place } from "./json_node.ts";
import type { JsonSurvey } from "./json_survey.ts";
import { inferType, type JsonType } from "./json_type.ts";

/** The columns that JSON records make. */

export interface JsonColumn {
  readonly name: string;
  /** The keys of the column: several, where records write it in different cases of letters. */
  readonly keys: readonly string[];
  readonly type: JsonType;
  readonly isGiven: boolean;
}

export interface JsonPlan {
  readonly set: FileSet;
  readonly survey: JsonSurvey;
  readonly columns: readonly JsonColumn[];
}

/**
 * Throws `invalid` for keys that cannot be columns, and for types of the user's that cannot fit. `extra` are
 * the columns that come from elsewhere: the folders, or the file's name.
 */
export function planJson(set: FileSet, survey: JsonSurvey, extra: readonly string[]): JsonPlan {
  const taken = new Set(extra.map(nameKey));
  const groups = new Map<string, { name: string; keys: string[]; node: JsonNode }>();
  for (const { key, node } of survey.root.fields) {
    checkName(set, taken, key, node);
    const group = groups.get(nameKey(key));
    if (group === undefined) groups.set(nameKey(key), { name: key, keys: [key], node });
    else {
      const both = new JsonNode();
      both.merge(group.node);
      both.merge(node);
      groups.set(nameKey(key), { name: group.name, keys: [...group.keys, key], node: both });
    }
  }
  const given = new Map(
    Object.entries(set.options.columns).map(([name, type]) => [nameKey(name), { name, type }]),
  );
  // A key that no record happens to have is no fault: it is a column of NULLs.
  for (const [key, { name }] of given) {
    if (!groups.has(key) && !taken.has(key)) groups.set(key, { name, keys: [name], node: new JsonNode() });
  }
  const columns = [...groups].map(([key, { name, keys, node }]): JsonColumn => {
    const type = given.get(key)?.type;
    if (type === undefined) return { name, keys, type: inferType(node), isGiven: false };
    const refuse = (reason: string, place?: Place) => placedError(set, place, reason);
    return { name, keys, type: givenType(type, node, name, refuse), isGiven: true };
  });
  if (columns.length === 0 && survey.files.some(({ layout }) => layout !== undefined)) {
    throw placedError(set, undefined, "its objects have no keys, and a row needs a column");
  }
  return { set, survey, columns };
}

function checkName(set: FileSet, taken: ReadonlySet<string>, key: string, node: JsonNode): void {
  const [place] = node.firstPlaces.values();
  if (key === "") throw placedError(set, place, "a key is empty, and a column needs a name");
  if (key.includes("\0")) throw placedError(set, place, `the key ${JSON.stringify(key)} has a NUL character`);
  if (!taken.has(nameKey(key))) return;
  const way = set.options.filename && nameKey(key) === "filename"
    ? "leave out options.filename"
    : "set options.hive_partitioning: false";
  throw placedError(set, place, `the key "${key}" and the column ${key} of its path have one name; ${way}`);
}

export function placedError(set: FileSet, place: Place | undefined, reason: string): AppError {
  const file = set.files[place?.file ?? 0];
  const line = place === undefined ? "" : ` line ${place.line}`;
  return new AppError("invalid", `Cannot read "${file?.shown}"${line}: ${reason}`);
}
