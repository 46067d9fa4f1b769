import { isRefusedView } from "./allowed_functions.ts";
import { didYouMean } from "../../text/suggest.ts";
import type { TableReference } from "./tree_walk.ts";

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
    /** Whether the name alone may still be one of DuckDB's own views, as `duckdb_tables`. */
    readonly isUnqualified: boolean;
    /** Whether SQL that names it must not even be bound: DuckDB may know it, or take it for a file. */
    readonly isRefused?: true;
    /** Whether it is a model that is switched off. */
    readonly isOff?: true;
  };

const SYSTEM_SCHEMAS = new Set(["information_schema", "pg_catalog"]);

/**
 * Finds what a table's name stands for: a plain name is a model, `raw.<name>` a stream's table. Nothing is guessed.
 */
export function resolveTable(reference: TableReference, names: TableNames): ResolvedTable {
  const { catalog, schema, name } = reference;
  const key = name.toLowerCase();
  const missing = (message: string, isUnqualified = false): ResolvedTable => ({
    kind: "missing",
    message,
    isUnqualified,
  });
  const refused = (message: string): ResolvedTable => ({
    kind: "missing",
    message,
    isUnqualified: false,
    isRefused: true,
  });
  const isOwn = catalog === undefined && ["main", "raw"].includes(schema?.toLowerCase() ?? "main");
  if (isRefusedView(name) && !(isOwn && isKnown(reference, names))) {
    return refused(
      `${name} cannot be read here: SQL here reads the tables of its pipeline, and nothing of the server`,
    );
  }
  if (catalog !== undefined) {
    if (catalog.toLowerCase() === "system") return { kind: "system" };
    return refused(`table ${catalog}.${schema ?? "main"}.${name}: leave out the name of the database`);
  }
  const schemaKey = schema?.toLowerCase() ?? "main";
  if (SYSTEM_SCHEMAS.has(schemaKey)) return { kind: "system" };
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
    return { kind: "missing", message, isUnqualified: false, isOff: true };
  }
  if (isFileName(name)) return refused(`"${name}" is no table: files are read by a stream of the pipeline`);
  return missing(`table ${name} does not exist${suggestion(reference, names)}`, schema === undefined);
}

/** Whether the name is one of a model or a stream, which has it before DuckDB does. */
function isKnown({ schema, name }: TableReference, names: TableNames): boolean {
  return (schema?.toLowerCase() === "raw" ? names.streams : names.models).has(name.toLowerCase());
}

/** Whether DuckDB may take a name that is no table's for a file's. */
const isFileName = (name: string): boolean => /[./\\*]/.test(name);

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
    models: new Map([...models].map((name) => [name.toLowerCase(), name])),
    streams: new Map(tables.map((one) => [one.table.toLowerCase(), one])),
    disabled: new Map([...disabled].map(([name, file]) => [name.toLowerCase(), { name, file }])),
  };
}

/** A name in a header, as `daily` or `raw.orders`. */
export function parseTableName(text: string): TableReference {
  const dot = text.indexOf(".");
  return dot === -1 ? { name: text } : { schema: text.slice(0, dot), name: text.slice(dot + 1) };
}

function suggestion(reference: TableReference, names: TableNames): string {
  const key = reference.name.toLowerCase();
  const stream = names.streams.get(key);
  if (stream !== undefined) return ` (did you mean raw.${stream.table}?)`;
  const model = names.models.get(key);
  if (model !== undefined) return ` (did you mean ${model}?)`;
  const streams = [...names.streams.values()].map(({ table }) => `raw.${table}`);
  const models = [...names.models.values()];
  return reference.schema?.toLowerCase() === "raw"
    ? didYouMean(`raw.${reference.name}`, streams) || didYouMean(reference.name, models)
    : didYouMean(reference.name, models) || didYouMean(`raw.${reference.name}`, streams);
}
