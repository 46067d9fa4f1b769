import type { SqlText } from "../connector/sql_text.ts";
import { AppError } from "../errors.ts";
import type { ParamValue } from "../run.ts";
import { loadTargets } from "../pipeline/load.ts";
import type { ParamDefinitions, ParamType } from "./definition.ts";
import type { PipelineDefinition } from "../pipeline/pipeline.ts";

/**
 * `${param:name}` in the addresses of streams and loads. What stands there for a value depends on the place: a literal in SQL,
 * a text that cannot change the rest in paths, names and requests. `$${param:name}` stands for the plain text.
 */

/** What a text with places for params is. */
type PlaceKind = "sql" | "path" | "name" | "url" | "text" | "json";

/** By the keys that lead to a text: `*` is any one, `**` all below. */
const STREAM_PLACES: Readonly<Record<string, PlaceKind>> = {
  where: "sql",
  query: "sql",
  path: "path",
  stream: "name",
  endpoint: "url",
  "endpoint.path": "url",
  "endpoint.params.**": "text",
  "endpoint.headers.**": "text",
  "endpoint.json.**": "json",
};
const LOAD_PLACES: Readonly<Record<string, PlaceKind>> = {
  path: "path",
  table: "name",
  stream: "name",
  endpoint: "url",
  "endpoint.path": "url",
  "endpoint.params.**": "text",
  "endpoint.headers.**": "text",
  "endpoint.json.**": "json",
  pre_sql: "sql",
  "pre_sql.*": "sql",
  post_sql: "sql",
  "post_sql.*": "sql",
};
/** For messages. */
export const STREAM_PLACE_NAMES =
  "where, query, stream, path and the endpoint's path, params, headers and json";
export const LOAD_PLACE_NAMES =
  "table, stream, path, pre_sql, post_sql and the endpoint's path, params, headers and json";

const PLACE = /\$\$\{(?=param:)|\$\{param:([^{}]*)(\}?)/g;
const NAME = /^[A-Za-z_]\w*$/;

export type DefinitionPath = readonly (string | number)[];

/** A text of a definition that has places for params, or escapes them. */
export interface ParamText {
  /** As `["extract", "orders", "where"]`. */
  readonly path: DefinitionPath;
  readonly text: string;
  /** Undefined where no param may stand. */
  readonly kind: PlaceKind | undefined;
  readonly connector: string;
  /** The params that it names, each once. */
  readonly params: readonly string[];
}

/** All texts of a definition that name params. */
export function paramTexts({ extract, load }: Pick<PipelineDefinition, "extract" | "load">): ParamText[] {
  const found: ParamText[] = [];
  const look = (value: unknown, path: DefinitionPath, inner: DefinitionPath, use: Use) => {
    if (typeof value === "string") {
      if (value.search(PLACE) === -1) return;
      const { places, connector } = use;
      found.push({ path, text: value, kind: kindOf(places, inner), connector, params: paramsIn(value) });
    } else if (Array.isArray(value)) {
      value.forEach((item, index) => look(item, [...path, index], [...inner, index], use));
    } else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) look(item, [...path, key], [...inner, key], use);
    }
  };
  for (const [name, stream] of Object.entries(extract)) {
    look(stream, ["extract", name], [], { places: STREAM_PLACES, connector: stream.connector });
  }
  for (const [name, targets] of Object.entries(load)) {
    for (const [index, target] of loadTargets(targets).entries()) {
      const path = ["load", name, ...Array.isArray(targets) ? [index] : []];
      look(target, path, [], { places: LOAD_PLACES, connector: target.connector });
    }
  }
  return found;
}

interface Use {
  readonly places: Readonly<Record<string, PlaceKind>>;
  readonly connector: string;
}

function kindOf(places: Readonly<Record<string, PlaceKind>>, inner: DefinitionPath): PlaceKind | undefined {
  const keys = inner.map(String);
  const [, kind] = Object.entries(places).find(([pattern]) => {
    const parts = pattern.split(".");
    return parts.at(-1) === "**"
      ? keys.length >= parts.length && parts.slice(0, -1).every((part, at) => part === keys[at])
      : keys.length === parts.length && parts.every((part, at) => part === "*" || part === keys[at]);
  }) ?? [];
  return kind;
}

/** The names in `${param:name}`, each once; what is no name as it is written. */
function paramsIn(text: string): string[] {
  const names = [...text.matchAll(PLACE)].flatMap(([, name, end]) => {
    if (name === undefined) return [];
    return end === "}" ? [name] : [`${name} without }`];
  });
  return [...new Set(names)];
}

/** Whether it can be a param's name. */
export const isParamName = (name: string): boolean => NAME.test(name);

export interface ParamValues {
  readonly definitions: ParamDefinitions;
  /**
   * By name, as resolveParams returns them. A param without one is not filled in: what needs it is returned as it is, but in
   * SQL it is NULL.
   */
  readonly values: Readonly<Record<string, ParamValue>>;
  /** Of a connector by its name in connectors.yaml. */
  readonly sqlText: (connector: string) => SqlText;
}

/**
 * The definition with the values in their places. Throws `invalid`, naming param, place and rule, for a value that cannot stand
 * where it is named.
 */
export function fillParams(definition: PipelineDefinition, given: ParamValues): PipelineDefinition {
  const texts = paramTexts(definition);
  if (texts.length === 0) return definition;
  const filled = structuredClone({ extract: definition.extract, load: definition.load });
  for (const text of texts) putAt(filled, text.path, filledText(text, given));
  return { ...definition, ...filled };
}

/** Why a text cannot be filled in with the values; undefined where it can. */
export function fillFault(text: ParamText, given: ParamValues): string | undefined {
  try {
    filledText(text, given);
    return undefined;
  } catch (error) {
    if (error instanceof AppError && error.reason === "param_place") return error.message;
    throw error;
  }
}

/** Params that a text needs and that have no value, as a check finds them. */
export const unfilledParams = ({ kind, params }: ParamText, values: ParamValues["values"]): string[] =>
  kind === "sql" ? [] : params.filter((name) => values[name] === undefined);

function filledText(text: ParamText, given: ParamValues): unknown {
  const { kind } = text;
  if (text.params.length === 0) return text.text.replace(PLACE, "${");
  if (kind === undefined || unfilledParams(text, given.values).length > 0) return text.text;
  if (kind === "sql") return filledSql(text, given);
  const [, only] = /^\$\{param:([^{}]*)\}$/.exec(text.text) ?? [];
  // A number or boolean keeps its type where the text is nothing else.
  const value = kind === "json" && only !== undefined ? given.values[only] : undefined;
  if (value !== undefined && typeof value !== "string") return value;
  const filled = text.text.replace(PLACE, (_, name: string | undefined) => {
    if (name === undefined) return "${";
    const value = given.values[name] ?? null;
    const fault = value === null
      ? "it has no value (NULL)"
      : valueFault(kind, String(value), given.definitions[name]?.type);
    if (fault !== undefined) throw refused(text, name, fault);
    return kind === "url" ? encodeURIComponent(String(value)) : String(value);
  });
  refuseDots(text, filled);
  return filled;
}

const CONTROL = /\p{Cc}/u;
const IN_PATHS = /[/\\*?[\]{}#%]/;

/** Why a value may not stand in a place of the kind; undefined where it may. */
const FAULTS: Readonly<
  Record<Exclude<PlaceKind, "sql">, (value: string, type?: ParamType) => string | undefined>
> = {
  path: (value, type) =>
    value === ""
      ? "is empty"
      : CONTROL.test(value)
      ? "has a control character"
      : IN_PATHS.test(value)
      ? "has one of / \\ * ? [ ] { } # %, which would lead elsewhere"
      : type === "string" && value.includes(":")
      ? 'has a ":", which would lead elsewhere'
      : undefined,
  name: (value) =>
    /^[\p{L}\p{N}_-]+$/u.test(value) ? undefined : "has something else than letters, digits, _ and -",
  url: (value) => value === "" ? "is empty" : CONTROL.test(value) ? "has a control character" : undefined,
  text: (value) => textFault(value),
  json: (value) => textFault(value),
};

function valueFault(
  kind: keyof typeof FAULTS,
  value: string,
  type: ParamType | undefined,
): string | undefined {
  const fault = FAULTS[kind](value, type);
  return fault === undefined ? undefined : `its value ${JSON.stringify(value.slice(0, 60))} ${fault}`;
}

/** Braces are places for rows of other streams, or of the load. */
function textFault(value: string): string | undefined {
  if (CONTROL.test(value)) return "has a control character";
  return /[{}]/.test(value) ? "has { or }, which stand for columns there" : undefined;
}

/** A segment of dots that a value has a part in would lead out of its folder. */
function refuseDots(text: ParamText, filled: string): void {
  if (text.kind !== "path" && text.kind !== "url") return;
  const before = text.text.split("/");
  const isDots = (segment: string) => /^\.{1,2}$/.test(segment);
  const at = filled.split("/").findIndex((segment, index) => isDots(segment) && !isDots(before[index] ?? ""));
  if (at === -1) return;
  throw refused(text, text.params[0] ?? "", `its value would make the folder "${filled.split("/")[at]}"`);
}

function filledSql(text: ParamText, { definitions, values, sqlText }: ParamValues): string {
  const { literal, isCode } = sqlText(text.connector);
  let filled = "";
  let end = 0;
  for (const match of text.text.matchAll(PLACE)) {
    const [written, name] = match;
    if (name === undefined) {
      filled += `${text.text.slice(end, match.index)}\${`;
      end = match.index + written.length;
      continue;
    }
    if (!isCode(text.text, match.index)) throw refused(text, name, QUOTED);
    const value = values[name] ?? null;
    const before = text.text[match.index - 1] ?? " ";
    const after = text.text[match.index + written.length] ?? " ";
    // Nothing may become one token with it: E'…' and 'a''b' are others.
    filled += text.text.slice(end, match.index) + (JOINS.test(before) ? " " : "") +
      literal(value, definitions[name]?.type ?? "string") + (JOINS.test(after) ? " " : "");
    end = match.index + written.length;
  }
  return filled + text.text.slice(end);
}

const JOINS = /[\p{L}\p{N}_$@&'"`.\\]/u;
const QUOTED = "it stands in quotes or a comment: leave the quotes out, it is put there as a literal";

/** The places of SQL that are in quotes or comments, as their params. */
export function quotedParams({ kind, text }: ParamText, { isCode }: SqlText): string[] {
  if (kind !== "sql") return [];
  return [...text.matchAll(PLACE)].flatMap((match) =>
    match[1] === undefined || isCode(text, match.index) ? [] : [match[1]]
  );
}

function refused({ path }: ParamText, name: string, fault: string): AppError {
  const place = path.map((key) => typeof key === "number" ? `[${key}]` : `.${key}`).join("").slice(1);
  return new AppError("invalid", `Cannot use the param ${name} in ${place}: ${fault}`, {
    reason: "param_place",
  });
}

function putAt(root: unknown, path: DefinitionPath, value: unknown): void {
  let at = root;
  for (const key of path.slice(0, -1)) at = memberOf(at, key);
  const last = path.at(-1);
  if (last !== undefined && typeof at === "object" && at !== null) Reflect.set(at, last, value);
}

function memberOf(value: unknown, key: string | number): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
