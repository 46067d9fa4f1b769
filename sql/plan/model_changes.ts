import { isDeepStrictEqual } from "node:util";
import type { ParamDefinitions } from "../../contract/params/definition.ts";
import { type FunctionDefinition, mayCall } from "../../contract/pipeline/functions.ts";
import type { RevisionFile } from "../../contract/revision.ts";
import { isSameName, nameKey } from "../../contract/sql.ts";
import { plainSql } from "../build/model_change.ts";
import { kindOf } from "../language/files/kinds.ts";
import { parseMacros } from "../language/macros/parse_macros.ts";
import type { Model } from "../language/model.ts";
import { variableNames } from "../language/scan_sql.ts";

/** What of one version of a pipeline decides what its models are. */
export interface ModelSide {
  readonly models: readonly Model[];
  /** Beside the models: macros and seeds, by their paths in the project. */
  readonly files: readonly RevisionFile[];
  readonly params: ParamDefinitions;
  readonly functions: Readonly<Record<string, FunctionDefinition>>;
}

/** How a model differs by itself, whatever it reads. */
export interface DirectChange {
  readonly change: "added" | "removed" | "changed";
  readonly why: readonly string[];
  /** False where its rows stay as they are. */
  readonly rows: boolean;
}

/** What of a model says nothing about its rows; `path` is where its file lies. */
const NO_ROWS: ReadonlySet<string> = new Set([
  "batchSize",
  "checks",
  "columns",
  "contract",
  "depends",
  "description",
  "fullRefresh",
  "lookback",
  "onChange",
  "onSchemaChange",
  "renamedFrom",
  "tags",
]);
/** What is told in a way of its own. */
const OWN_WAY: ReadonlySet<string> = new Set(["disabledBy", "name", "path", "sql"]);

/** Models that are new, gone or changed by themselves, by name. Comments and white space are no change. */
export function directChanges(before: ModelSide, after: ModelSide): Map<string, DirectChange> {
  const changes = new Map<string, DirectChange>();
  const shared = sharedChanges(before, after);
  for (const model of after.models) {
    const was = before.models.find(({ name }) => isSameName(name, model.name));
    if (was === undefined) {
      const renamed = model.renamedFrom === undefined ? [] : [`takes over the table of ${model.renamedFrom}`];
      changes.set(model.name, { change: "added", why: renamed, rows: true });
      continue;
    }
    const { why, rows } = changeOf(was, model, shared);
    if (why.length > 0) changes.set(model.name, { change: "changed", why, rows });
  }
  for (const { name } of before.models) {
    if (after.models.some((model) => isSameName(model.name, name))) continue;
    changes.set(name, { change: "removed", why: [], rows: true });
  }
  return changes;
}

function changeOf(
  before: Model,
  after: Model,
  shared: readonly SharedChange[],
): { readonly why: string[]; readonly rows: boolean } {
  const rowChanges: string[] = [];
  const others: string[] = [];
  const isSeed = after.materialized === "seed";
  if (plainSql(before.sql) !== plainSql(after.sql)) rowChanges.push(isSeed ? "its rows" : "its SQL");
  const [was, is]: Readonly<Record<string, unknown>>[] = [{ ...before }, { ...after }];
  for (const key of new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})])) {
    if (OWN_WAY.has(key)) continue;
    const [old, now] = [was?.[key], is?.[key]];
    if (isDeepStrictEqual(old, now)) continue;
    // Values of a seed have the types that its columns say.
    const isOfRows = !NO_ROWS.has(key) || (isSeed && key === "columns");
    (isOfRows ? rowChanges : others).push(keyText(key, old, now));
  }
  for (const { text, isUsedBy } of shared) if (isUsedBy(after)) rowChanges.push(text);
  if (before.path !== after.path) others.push(`its file was ${before.path}`);
  return { why: [...rowChanges, ...others], rows: rowChanges.length > 0 };
}

function keyText(key: string, before: unknown, after: unknown): string {
  const written = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const [was, is] = [shown(before), shown(after)];
  return was === undefined || is === undefined ? `its ${written}` : `${written}: ${was} → ${is}`;
}

const SHOWN_CHARS = 60;

/** Undefined for what is too much for a line. */
function shown(value: unknown): string | undefined {
  if (value === undefined) return "none";
  const isList = Array.isArray(value) && value.every((item) => typeof item === "string");
  const text = isList ? value.join(", ") || "none" : typeof value === "object" ? undefined : String(value);
  return text === undefined || text.length > SHOWN_CHARS || text.includes("\n") ? undefined : text;
}

interface SharedChange {
  readonly text: string;
  isUsedBy(model: Model): boolean;
}

/** What several models may use: macros, params and functions. */
function sharedChanges(before: ModelSide, after: ModelSide): SharedChange[] {
  return [...macroChanges(before, after), ...valueChanges(before, after)];
}

function macroChanges(before: ModelSide, after: ModelSide): SharedChange[] {
  const [was, is] = [macrosOf(before.files), macrosOf(after.files)];
  const changed = new Set(
    [...was.keys(), ...is.keys()].filter((name) => was.get(name) !== is.get(name)),
  );
  // A macro that calls one that has changed is another one, too.
  for (let size = -1; size !== changed.size;) {
    size = changed.size;
    for (const [name, body] of is) {
      if ([...changed].some((other) => other !== name && mayCall(body, other))) changed.add(name);
    }
  }
  return [...changed].map((name) => ({
    text: `the macro ${name}`,
    isUsedBy: ({ sql }) => mayCall(sql, name),
  }));
}

/** Macros by name, each with its text without comments and white space. */
function macrosOf(files: readonly RevisionFile[]): Map<string, string> {
  const statements = files.filter(({ path }) => kindOf(path) === "macros").flatMap((file) =>
    parseMacros(file).statements
  );
  return new Map(
    statements.map((
      { macro: { name, text, start, end } },
    ) => [nameKey(name), plainSql(text.slice(start, end))]),
  );
}

/** A model whose SQL names a param or a function that has changed gives other rows. */
function valueChanges(before: ModelSide, after: ModelSide): SharedChange[] {
  const params = changedNames(before.params, after.params).map((name): SharedChange => ({
    text: `the param ${name}`,
    isUsedBy: ({ sql }) => variableNames(sql).some((variable) => isSameName(variable, name)),
  }));
  const functions = changedNames(before.functions, after.functions).map((name): SharedChange => ({
    text: `the function ${name}`,
    isUsedBy: ({ sql }) => mayCall(sql, name),
  }));
  return [...params, ...functions];
}

function changedNames(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) =>
    !isDeepStrictEqual(before[name], after[name])
  );
}
