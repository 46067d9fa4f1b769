import { isSameName, nameKey } from "../../contract/sql.ts";
import { isFileName, isOwnView, isRefusedView } from "./allowed_functions.ts";
import { didYouMean } from "../../text/suggest.ts";
import type { TableReference } from "./tree/tree_walk.ts";

/** The tables of a pipeline, by their names in lower case: to SQL, `Orders` and `orders` are the same. */
export interface TableNames {
  readonly models: ReadonlyMap<string, string>;
  /** Raw tables, and the streams that make them. */
  readonly streams: ReadonlyMap<string, { readonly table: string; readonly stream: string }>;
  /** Models with `enabled: false`, and the files that say so. */
  readonly disabled: ReadonlyMap<string, { readonly name: string; readonly file: string }>;
}

export interface StreamTables {
  readonly name: string;
  /** Raw tables that it makes beside its own. */
  readonly tables?: readonly string[];
}

/** A node of the graph, one of DuckDB's own tables, or why it is neither. */
export type ResolvedTable =
  | {
    readonly node: string;
    /** The table, named as a node: one of several that a stream makes. */
    readonly table: string;
  }
  | { readonly kind: "system" }
  | {
    readonly kind: "missing";
    readonly message: string;
    /** Whether SQL that names it must not even be bound: DuckDB may know it, or take it for a file. */
    readonly isRefused?: true;
    /** Whether it is a model that is switched off. */
    readonly isOff?: true;
  };

/**
 * Finds what a table's name stands for: a plain name is a model, `raw.<name>` a stream's table. Nothing is guessed.
 */
export function resolveTable(reference: TableReference, names: TableNames): ResolvedTable {
  const { catalog, schema, name } = reference;
  const key = nameKey(name);
  // Behind a schema it may be a file to DuckDB, as raw.csv.
  const missing = (message: string): ResolvedTable => ({
    kind: "missing",
    message,
    ...(schema === undefined ? {} : { isRefused: true }),
  });
  const refused = (message: string): ResolvedTable => ({ kind: "missing", message, isRefused: true });
  const schemaKey = nameKey(schema ?? "main");
  const isOwn = catalog === undefined && ["main", "raw"].includes(schemaKey);
  if (isRefusedView(name) && !(isOwn && isKnown(reference, names))) {
    return refused(
      `${name} cannot be read here: SQL here reads the tables of its pipeline, and nothing of the server`,
    );
  }
  if (catalog !== undefined) {
    if (isSameName(catalog, "system") && isOwnView(name, schema ?? "main")) return { kind: "system" };
    return refused(`table ${catalog}.${schema ?? "main"}.${name}: leave out the name of the database`);
  }
  if (schemaKey !== "main" && isOwnView(name, schemaKey)) return { kind: "system" };
  if (schemaKey === "raw") {
    const raw = names.streams.get(key);
    if (raw !== undefined) return { node: `extract:${raw.stream}`, table: `extract:${raw.table}` };
    return missing(`table raw.${name} does not exist: no stream of that name${suggestion(reference, names)}`);
  }
  if (schemaKey !== "main") {
    return refused(
      `unknown schema "${schema}": models are in main, streams in raw${suggestion(reference, names)}`,
    );
  }
  const model = names.models.get(key);
  if (model !== undefined) return { node: `model:${model}`, table: `model:${model}` };
  const off = names.disabled.get(key);
  if (off !== undefined) {
    const message = `the model ${off.name} is switched off: enabled is false in ${off.file}`;
    return { kind: "missing", message, isOff: true };
  }
  if (isFileName(name)) return refused(`"${name}" is no table: files are read by a stream of the pipeline`);
  if (schema === undefined && isOwnView(name)) return { kind: "system" };
  return missing(`table ${name} does not exist${suggestion(reference, names)}`);
}

/** Whether the name is one of a model or a stream, which has it before DuckDB does. */
function isKnown({ schema, name }: TableReference, names: TableNames): boolean {
  return (isSameName(schema ?? "main", "raw") ? names.streams : names.models).has(nameKey(name));
}

/** The names of a pipeline's tables as resolveTable wants them; `disabled` has a file for each model that is switched off. */
export function tableNames(
  models: Iterable<string>,
  streams: Iterable<StreamTables>,
  disabled: ReadonlyMap<string, string> = new Map(),
): TableNames {
  const tables = [...streams].flatMap(({ name, tables = [] }) =>
    [name, ...tables].map((table) => ({ table, stream: name }))
  );
  return {
    models: new Map([...models].map((name) => [nameKey(name), name])),
    streams: new Map(tables.map((one) => [nameKey(one.table), one])),
    disabled: new Map([...disabled].map(([name, file]) => [nameKey(name), { name, file }])),
  };
}

/** A name in a header, as `daily` or `raw.orders`. */
export function parseTableName(text: string): TableReference {
  const dot = text.indexOf(".");
  return dot === -1 ? { name: text } : { schema: text.slice(0, dot), name: text.slice(dot + 1) };
}

function suggestion(reference: TableReference, names: TableNames): string {
  const key = nameKey(reference.name);
  const stream = names.streams.get(key);
  if (stream !== undefined) return ` (did you mean raw.${stream.table}?)`;
  const model = names.models.get(key);
  if (model !== undefined) return ` (did you mean ${model}?)`;
  const streams = [...names.streams.values()].map(({ table }) => `raw.${table}`);
  const models = [...names.models.values()];
  return isSameName(reference.schema ?? "main", "raw")
    ? didYouMean(`raw.${reference.name}`, streams) || didYouMean(reference.name, models)
    : didYouMean(reference.name, models) || didYouMean(`raw.${reference.name}`, streams);
}
