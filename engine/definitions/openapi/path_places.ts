import { firstLine, plainName } from "./json_value.ts";
import type { Operation, Parameter } from "./operations.ts";
import type { RecordList } from "./record_list.ts";
import { type Schemas } from "./schemas.ts";
import { singularOf } from "./stream_names.ts";

/** What the places of paths, as `{user_id}`, are filled with: a column of another list, or a value that the user gives. */

/** An operation that returns a list, with the name of its stream. */
export interface NamedList {
  readonly name: string;
  readonly operation: Operation;
  readonly list: RecordList;
}

/** A value that the user gives, as `owner`. */
export interface NeededValue {
  readonly name: string;
  readonly description: string;
  readonly example: string;
}

type Place =
  | { readonly kind: "column"; readonly column: string }
  | { readonly kind: "value"; readonly value: NeededValue }
  | { readonly kind: "fixed"; readonly text: string };

interface FilledPath {
  /** The list whose rows the columns are of. */
  readonly parent: string | undefined;
  /** In the order of the path. */
  readonly places: readonly Place[];
}

const PLACE = /\{([^{}]*)\}/g;
/** Of lists in lists. */
const MOST_LEVELS = 5;

/** Fills the paths of one document's lists. */
export class PathPlaces {
  readonly #byPath: ReadonlyMap<string, NamedList>;
  readonly #schemas: Schemas;
  readonly #filled = new Map<string, FilledPath>();
  readonly #included = new Map<string, Set<string>>();

  constructor(lists: readonly NamedList[], schemas: Schemas) {
    this.#byPath = new Map(lists.map((one) => [shapeOf(one.operation.path), one]));
    this.#schemas = schemas;
  }

  /** As an endpoint has it: `users/{resources.users.id}/posts`, `repos/{values.owner}`. */
  fill(list: NamedList): {
    readonly path: string;
    readonly parent: string | undefined;
    readonly values: readonly NeededValue[];
  } {
    const { places, parent } = this.#fill(list, MOST_LEVELS);
    let at = 0;
    const path = list.operation.path.replace(PLACE, () => textOfPlace(places[at++], parent));
    const values = places.flatMap((place) => place.kind === "value" ? [place.value] : []);
    return { path: path.replace(/^\/+/, ""), parent, values };
  }

  /** Columns of its parent's rows that a list's rows need, once all paths are filled. */
  included(name: string): readonly string[] {
    return [...this.#included.get(name) ?? []];
  }

  #fill(list: NamedList, levels: number): FilledPath {
    const known = this.#filled.get(list.name);
    if (known !== undefined) return known;
    const { operation } = list;
    const names = [...operation.path.matchAll(PLACE)].map(([, name = ""]) => name);
    const filled = this.#byParent(list, names, levels) ??
      { parent: undefined, places: names.map((name) => valueOf(operation, name)) };
    this.#filled.set(list.name, filled);
    return filled;
  }

  /** By the list that the path goes on from, the nearest one whose rows have what is needed. */
  #byParent(list: NamedList, names: readonly string[], levels: number): FilledPath | undefined {
    const { operation, name } = list;
    const parts = operation.path.split("/");
    for (let at = parts.length - 1; at > 0; at--) {
      const [, place] = /^\{([^{}]*)\}$/.exec(parts[at] ?? "") ?? [];
      if (place === undefined) continue;
      const parent = this.#byPath.get(shapeOf(parts.slice(0, at).join("/")));
      if (parent === undefined || parent.name === name) continue;
      const column = columnOf(place, parent, this.#schemas);
      if (column === undefined || levels === 0) continue;
      const above = this.#fill(parent, levels - 1);
      const before = above.places.map((one) =>
        one.kind === "column" ? this.#fromAbove(parent, above, one.column) : one
      );
      const after = names.slice(before.length + 1).map((one) => valueOf(operation, one));
      if (!hasColumn(list, place)) this.#include(name, column);
      return { parent: parent.name, places: [...before, { kind: "column", column }, ...after] };
    }
    return undefined;
  }

  /** The parent's own rows get what they were asked for by, so that its children can name it. */
  #fromAbove(parent: NamedList, { parent: above = "" }: FilledPath, column: string): Place {
    this.#include(parent.name, column);
    return { kind: "column", column: `_${above}_${column}` };
  }

  #include(name: string, column: string): void {
    this.#included.set(name, (this.#included.get(name) ?? new Set()).add(column));
  }
}

function textOfPlace(place: Place | undefined, parent: string | undefined): string {
  switch (place?.kind) {
    case "column":
      return `{resources.${parent}.${place.column}}`;
    case "value":
      return `{values.${place.value.name}}`;
    default:
      return encodeURIComponent(place?.text ?? "");
  }
}

/** `/users/{id}/` and `/users/{user_id}.json` as one. */
const shapeOf = (path: string): string =>
  path.replace(PLACE, "{}").replace(/\/+$/, "").replace(/\.json$/i, "");

/** Paths of lists by what they are whatever their places are called; `of` is the list that the path names one record of. */
export class ListPaths {
  readonly #byShape: ReadonlyMap<string, string>;

  constructor(paths: readonly string[]) {
    this.#byShape = new Map(paths.map((path) => [shapeOf(path), path]));
  }

  of(path: string): string | undefined {
    const [, before] = /^(.*)\/\{\}$/.exec(shapeOf(path)) ?? [];
    return before === undefined ? undefined : this.#byShape.get(before);
  }
}

/** What tells one row from another in most APIs, alone or behind the singular of the list. */
const IDENTIFIERS = new Set(
  ["id", "uuid", "guid", "gid", "sid", "iid", "key", "slug", "number", "code", "login", "username", "handle"]
    .concat(["sha", "hash", "sku", "symbol", "email"]),
);

/** The column of the parent's rows that identifies one where the place wants it; undefined where that is a guess. */
function columnOf(place: string, { operation, list }: NamedList, schemas: Schemas): string | undefined {
  const wanted = plainName(place);
  const singular = singularOf(plainName(lastPart(operation.path)));
  const columns = [...list.item.properties.keys()].filter((name) => {
    const { types } = schemas.property(list.item, name);
    return /^[^{}\s]+$/.test(name) && (types.size === 0 || types.has("string") || types.has("integer"));
  });
  const find = (name: string) => columns.find((column) => plainName(column) === name);
  const rest = wanted.startsWith(singular) ? wanted.slice(singular.length) : undefined;
  const isOwn = rest !== undefined || IDENTIFIERS.has(wanted);
  const exact = isOwn && (rest === undefined || rest === "" || IDENTIFIERS.has(rest))
    ? find(wanted)
    : undefined;
  if (exact !== undefined) return exact;
  // A name identifies a row where nothing else does.
  if (rest === "name" || wanted === "name") {
    return find("id") === undefined ? find(wanted) ?? find("name") : undefined;
  }
  if (rest !== undefined && IDENTIFIERS.has(rest)) {
    const found = find(rest);
    if (found !== undefined) return found;
  }
  return rest === "" || rest === "id" || wanted === "id" ? find("id") ?? find("uuid") : undefined;
}

const lastPart = (path: string): string =>
  path.split("/").filter((part) => part !== "" && !part.includes("{")).at(-1)?.replace(/\.json$/i, "") ?? "";

const hasColumn = ({ list }: NamedList, place: string): boolean =>
  plainName(place) !== "id" &&
  [...list.item.properties.keys()].some((name) => plainName(name) === plainName(place));

function valueOf(operation: Operation, place: string): Place {
  const parameter = operation.parameters.find((one) => one.place === "path" && one.name === place);
  const [only, ...others] = parameter?.schema.enum ?? [];
  if (others.length === 0 && (typeof only === "string" || typeof only === "number")) {
    return { kind: "fixed", text: String(only) };
  }
  const before = operation.path.split(`{${place}}`)[0]?.split("/").filter((part) => /^[\w.-]+$/.test(part))
    .at(-1);
  return { kind: "value", value: neededValue(place, before, parameter) };
}

/** Names that mean another thing in each path. */
const OF_ANY = /^(?:id|uuid|guid|key|name|slug|number|code|type)$/;

/** What a user has to give for a parameter; `before` is the part of the path that it stands behind. */
export function neededValue(
  name: string,
  before: string | undefined,
  parameter: Parameter | undefined,
): NeededValue {
  const own = snakeCase(name);
  const full = OF_ANY.test(own) && before !== undefined ? `${singularOf(snakeCase(before))}_${own}` : own;
  const { schema, description = "" } = parameter ?? {};
  const example = [parameter?.schema.example, schema?.default, schema?.enum[0]].find((one) =>
    typeof one === "string" || typeof one === "number"
  );
  const choices = schema?.enum ?? [];
  const listed = choices.length > 1
    ? ` One of ${choices.slice(0, 8).map(String).join(", ")}${choices.length > 8 ? " …" : ""}.`
    : "";
  return {
    name: /^[a-z]/.test(full) ? full : `value_${full}`.replace(/_+/g, "_"),
    description: `${firstLine(description.trim() || `What stands for ${name}.`)}${
      firstLine(listed) && ` ${firstLine(listed)}`
    }`,
    example: firstLine(String(example ?? "")) || "VALUE",
  };
}

const snakeCase = (text: string): string =>
  text.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/[^A-Za-z0-9]+/g, "_").replace(/^_+|_+$/g, "")
    .toLowerCase()
    .slice(0, 60);
