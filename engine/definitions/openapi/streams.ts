import { firstLine, type JsonObject, plainName } from "./json_value.ts";
import { type Changes, readChanges, readPrimaryKey } from "./keys.ts";
import type { Operation, Parameter } from "./operations.ts";
import { pathText } from "./page_fields.ts";
import { readPaging } from "./paginator.ts";
import { type NamedList, type NeededValue, neededValue, type PathPlaces } from "./path_places.ts";
import type { Schemas } from "./schemas.ts";
import { isSecret } from "./secret_parameters.ts";
import { HEADER } from "./sign_in.ts";
import { singularOf } from "./stream_names.ts";

/** A stream of the pipeline, as far as the document tells it. */
export interface OpenApiStream {
  readonly name: string;
  /** The stream whose rows it is read for. */
  readonly parent: string | undefined;
  /** Its keys, without `connector`. */
  readonly definition: JsonObject & { readonly description: string };
  /** What the user has to give before it can be read. */
  readonly values: readonly NeededValue[];
  /** Those that sign in, which the connector has to have. */
  readonly secretParameters: readonly Parameter[];
  /** What was guessed or left out. */
  readonly notes: readonly string[];
}

/** Headers that requests have by themselves, or that say nothing of what is read. */
const OWN_HEADERS =
  /^(?:accept.*|content-.*|user-agent|host|range|if-.*|connection|cookie|.*request-?id|.*correlation-?id|traceparent|idempotency-key)$/i;

/** The stream of a list. */
export function streamOf(named: NamedList, places: PathPlaces, schemas: Schemas): OpenApiStream {
  const { name, operation, list } = named;
  const filled = places.fill(named);
  const paging = readPaging(operation, list, schemas);
  const notes: string[] = [...paging.notes];
  const key = readPrimaryKey(list.item, singularOf(plainName(lastPart(operation.path))), schemas);
  const changes = changesOf(named, { key, isChild: filled.parent !== undefined }, schemas, notes);
  const rest = restOf(operation, new Set([...paging.taken, ...changes?.taken ?? []]), notes);
  const included = places.included(name);
  const endpoint = {
    path: filled.path,
    ...present("params", { ...rest.params, ...paging.params }),
    ...present("headers", rest.headers),
    ...(list.path.length === 0 ? {} : { data_selector: pathText(list.path) }),
    ...(paging.paginator === undefined ? {} : { paginator: paging.paginator }),
    ...(changes === undefined ? {} : { incremental: changes.incremental }),
    ...(included.length === 0 ? {} : { include_from_parent: included }),
  };
  return {
    name,
    parent: filled.parent,
    definition: {
      description: descriptionOf(operation),
      endpoint,
      ...(changes === undefined ? {} : { mode: "incremental" }),
      ...(key === undefined ? {} : { primary_key: key }),
      ...(changes === undefined ? {} : { update_key: changes.updateKey }),
    },
    values: [...filled.values, ...rest.values],
    secretParameters: rest.secretParameters,
    notes,
  };
}

const present = (name: string, value: JsonObject): JsonObject =>
  Object.keys(value).length === 0 ? {} : { [name]: value };

const lastPart = (path: string): string =>
  path.split("/").filter((part) => part !== "" && !part.includes("{")).at(-1) ?? "";

/** In braces a catalogue's value would be looked for. */
const descriptionOf = ({ title, path }: Operation): string =>
  (firstLine(title ?? "") || `GET ${firstLine(path)}`).replace(/\{(?=\s*values\.)/g, "(");

function changesOf(
  { operation, list }: NamedList,
  { key, isChild }: { readonly key: readonly string[] | undefined; readonly isChild: boolean },
  schemas: Schemas,
  notes: string[],
): Changes | undefined {
  const changes = readChanges(operation, list.item, schemas);
  if (changes === undefined) return undefined;
  if ("reason" in changes) {
    notes.push(changes.reason);
    return undefined;
  }
  const { start_param: param } = changes.incremental;
  if (key === undefined) {
    notes.push(
      `${param} asks for what changed, and nothing tells the primary_key that incremental needs: mode full`,
    );
    return undefined;
  }
  if (!isChild) return changes;
  notes.push(`${param} asks for what changed; as a child of another stream it is read whole`);
  return undefined;
}

interface Rest {
  readonly params: Readonly<Record<string, string | number | boolean>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly values: readonly NeededValue[];
  readonly secretParameters: readonly Parameter[];
}

/** What has to be sent beside what the paginator and the window send. */
function restOf({ parameters, path }: Operation, taken: ReadonlySet<string>, notes: string[]): Rest {
  const params = new Map<string, string | number | boolean>();
  const headers = new Map<string, string>();
  const values: NeededValue[] = [];
  const secretParameters: Parameter[] = [];
  const needed = (parameter: Parameter): string => {
    const value = neededValue(parameter.name, lastPart(path), parameter);
    values.push(value);
    return `{values.${value.name}}`;
  };
  for (const parameter of parameters) {
    const { name, place, isRequired } = parameter;
    if (place === "query" && !taken.has(name)) {
      const all = wholeOf(parameter);
      if (all !== undefined) {
        params.set(name, all);
        notes.push(`${name}: ${all} is sent, since the API leaves out others by default`);
      } else if (isRequired && isSecret(parameter)) secretParameters.push(parameter);
      else if (isRequired) params.set(name, givenOf(parameter) ?? needed(parameter));
      if (all === undefined && isNarrow(parameter)) {
        notes.push(
          `${firstLine(name)} is ${
            firstLine(String(parameter.schema.default))
          } where nothing else is asked for: others may be left out`,
        );
      }
    } else if (place === "header" && isRequired && HEADER.test(name) && !OWN_HEADERS.test(name)) {
      const given = givenOf(parameter);
      if (given === undefined && isSecret(parameter)) secretParameters.push(parameter);
      else headers.set(name, given === undefined ? needed(parameter) : firstLine(String(given)));
    } else if (place === "cookie" && isRequired) {
      notes.push(`it needs the cookie ${firstLine(name)}: set headers of the connector`);
    }
  }
  return {
    params: Object.fromEntries(params),
    headers: Object.fromEntries(headers),
    values,
    secretParameters,
  };
}

/** Of choices of how, not of which. */
const OF_HOW = /sort|order|dir|match|mode|operator|logic/i;
/** Of choices of which records. */
const OF_WHICH =
  /state|status|filter|scope|visib|kind|type$|archived|deleted|trashed|inactive|disabled|hidden|draft/i;

/** `all` of a choice whose default is another one: a part of the records must not pass for all of them. */
function wholeOf({ name, schema }: Parameter): string | undefined {
  if (schema.default === undefined || schema.default === "all" || OF_HOW.test(name)) return undefined;
  return schema.enum.includes("all") ? "all" : undefined;
}

/** A choice that leaves out records by its default, with no way to have them all. */
function isNarrow({ name, schema }: Parameter): boolean {
  if (OF_HOW.test(name) || !OF_WHICH.test(name) || schema.default === "all") return false;
  return schema.default === false || schema.enum.length > 1 && schema.enum.includes(schema.default);
}

/** What the document gives for a parameter: its default, or the one value there is. */
function givenOf({ schema }: Parameter): string | number | boolean | undefined {
  const [only, ...others] = schema.enum;
  return [schema.default, others.length === 0 ? only : undefined].find((one) =>
    typeof one === "string" || typeof one === "number" || typeof one === "boolean"
  );
}
