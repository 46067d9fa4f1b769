import { AppError } from "../../contract/errors.ts";
import {
  type ColumnCheck,
  columnCheckOf,
  type TableCheck,
  tableCheckOf,
} from "../../contract/checks/rules.ts";
import { type Fault, formatFault, type SourcePlace } from "../../text/fault.ts";
import { nameFault } from "../../contract/names.ts";
import type { RevisionFile } from "../../contract/revision.ts";
import type { PiiDeclaration } from "../../contract/lineage/pii.ts";
import { nameKey, quoteIdentifier } from "../../contract/sql.ts";
import { isRecord } from "../../text/is_record.ts";
import { timeText } from "../../text/moment.ts";
import { checkSchema, type SchemaFault } from "../../text/schema_faults.ts";
import { type DocumentPath, parseYamlDocument, type YamlDocument } from "../../text/yaml_document.ts";
import {
  type ChangeWay,
  kindsWith,
  type Materialization,
  type SchemaChangeWay,
  type Strategy,
} from "./build_header.ts";
import { type ModelHeader, modelHeaderSchema, reservedColumns, type SeedHeader } from "./model_header.ts";
import { completeHeader, type FolderDefaults } from "./files/folder_defaults.ts";
import { modelName } from "./files/kinds.ts";
import type { SeedQuery } from "./files/seed_query.ts";
import { inWordsOfHeader } from "./foreign/header_keys.ts";
import { type Fail, findHeader, readHeader } from "./header_text.ts";
import { partitionEntries } from "./partition.ts";
import { placeAt } from "./position.ts";
import { variableNames } from "./scan_sql.ts";

/** One SQL file: one SELECT, and what its header says about it. */
export interface Model {
  /** The file's name without `.sql`; the table is main.<name>. */
  readonly name: string;
  readonly path: string;
  /** The whole text of the file, header and all, so that positions are those of the file. */
  readonly sql: string;
  readonly materialized: Materialization | "seed";
  /** Of an incremental one; `merge` for the others, too. */
  readonly strategy: Strategy;
  /** Empty where the header gives none. */
  readonly primaryKey: readonly string[];
  readonly updateKey?: string;
  /** Columns or expressions; empty where the header gives none. */
  readonly partitionBy: readonly string[];
  /** As contract/pipeline/lengths.ts reads it. */
  readonly batchSize?: string;
  /** Where the first window begins, epoch milliseconds. */
  readonly beginMs?: number;
  /** Batches, or a length of time. */
  readonly lookback?: number | string;
  readonly onChange: ChangeWay;
  readonly onSchemaChange?: SchemaChangeWay;
  /** Whether --full-refresh builds it anew; where the header says nothing, all but a history. */
  readonly fullRefresh?: boolean;
  /** Of `materialized: scd2`. */
  readonly history?: ModelHistory;
  /** The name that it had before. */
  readonly renamedFrom?: string;
  readonly tags: readonly string[];
  readonly description?: string;
  /** Those that the header names, as written there. */
  readonly columns: Readonly<Record<string, ModelColumn>>;
  readonly checks: readonly TableCheck[];
  /** Tables that it needs beside those that its SQL names, as `daily` or `raw.orders`. */
  readonly depends: readonly string[];
  /** Whether `columns` lists all of its columns with their types, and there may be no others. */
  readonly contract?: true;
  /** The file that says `enabled: false`; absent where it is switched on. */
  readonly disabledBy?: string;
  /** Of a seed. */
  readonly seed?: SeedSource;
}

/** Where a seed's rows come from: `sql` of its model selects them. */
export interface SeedSource {
  /** The YAML beside it, as it is written. */
  readonly header?: RevisionFile;
  readonly given: SeedQuery["given"];
}

/** The names of a history's own columns, and what becomes of keys that are gone. */
export interface ModelHistory {
  readonly validFrom: string;
  readonly validTo: string;
  readonly isCurrent: string;
  readonly deletes: "ignore" | "soft";
}

export interface ModelColumn {
  /** As the header writes it. */
  readonly type?: string;
  readonly description?: string;
  readonly checks: readonly ColumnCheck[];
  readonly pii?: PiiDeclaration;
}

/**
 * Reads a model's file, with what the folders above it say for its header. Throws invalid with every fault of
 * its name and header; the SQL itself is not parsed.
 */
export function parseModel(file: RevisionFile, defaults: readonly FolderDefaults[] = []): Model {
  const faults: Fault[] = [];
  const fail = (place: SourcePlace, message: string) => faults.push({ ...place, message, severity: "error" });

  const name = modelName(file.path);
  const wrongName = nameFault("model", name);
  if (wrongName?.startsWith("expected") === true) {
    const start = { file: file.path, line: 1, column: 1 };
    fail(start, `the name of a model's file becomes a table: ${wrongName}, but got "${name}"`);
  }
  const header = findHeader(file, fail);
  const document = header === undefined ? undefined : readHeader(file, header);
  if (document !== undefined) faults.push(...document.faults);
  for (const column of reservedColumns(document?.value)) {
    const place = document?.place(["columns", column]) ?? { file: file.path };
    fail(place, `columns.${column}: a column of this name cannot be described here`);
  }
  const written = document?.value ?? {};
  const { values, inherited } = isRecord(written)
    ? completeHeader(file.path, written, defaults)
    : { values: written, inherited: new Map<string, string>() };
  const parsed = checkCompleted(values, inherited);
  if ("faults" in parsed) {
    for (const fault of document === undefined || document.faults.length === 0 ? parsed.faults : []) {
      const from = inherited.get(String(fault.path[0]));
      if (from !== undefined) {
        fail({ file: file.path, line: 1, column: 1 }, `${fault.message} (${fault.path[0]} is from ${from})`);
        continue;
      }
      const place = fault.at === "key" ? document?.place(fault.path) : document?.valuePlace(fault.path);
      fail(place ?? { file: file.path }, inWordsOfHeader(fault.message, String(fault.path.at(-1))));
    }
  } else reportRepeatedNames(parsed.output, document, fail);
  if (faults.length > 0 || "faults" in parsed) throw modelError(file.path, faults);

  const { renamed_from, description, columns, tags, checks, depends, enabled, contract } = parsed.output;
  return {
    name,
    path: file.path,
    sql: file.content,
    ...buildOf(parsed.output),
    ...(renamed_from === undefined ? {} : { renamedFrom: renamed_from }),
    tags,
    ...(description === undefined ? {} : { description }),
    columns: columnsOf(columns),
    checks: checks.map(tableCheckOf),
    depends,
    ...(contract === true ? { contract } : {}),
    ...(enabled === false ? { disabledBy: inherited.get("enabled") ?? file.path } : {}),
  };
}

/**
 * A model whose header is wrong as a table, with blanks in place of the header; undefined where its SQL may need what
 * the header says, or more is wrong.
 */
export function withoutHeader(file: RevisionFile): Model | undefined {
  const header = findHeader(file, () => {});
  if (header === undefined) return undefined;
  const sql = file.content;
  const needsHeader = /\b(?:incremental|scd2|ephemeral)/i.test(sql.slice(header.yamlStart, header.yamlEnd)) ||
    variableNames(sql).some((name) => nameKey(name) === "cursor");
  if (needsHeader) return undefined;
  const end = header.yamlEnd + "*/".length;
  const blank = sql.slice(header.start, end).replace(/[^\r\n]/g, " ");
  try {
    return parseModel({ ...file, content: sql.slice(0, header.start) + blank + sql.slice(end) });
  } catch (error) {
    if (error instanceof AppError && error.code === "invalid") return undefined;
    throw error;
  }
}

/** A seed by its parts, see parseSeed. */
export function modelOfSeed(
  file: RevisionFile,
  header: RevisionFile | undefined,
  { description, tags, primary_key: primaryKey = [], columns, checks, enabled }: SeedHeader,
  { sql, given }: SeedQuery,
): Model {
  return {
    name: modelName(file.path),
    path: file.path,
    sql,
    materialized: "seed",
    strategy: "merge",
    primaryKey,
    partitionBy: [],
    onChange: "fail",
    tags,
    ...(description === undefined ? {} : { description }),
    columns: columnsOf(columns),
    checks: checks.map(tableCheckOf),
    depends: [],
    ...(enabled === false ? { disabledBy: header?.path ?? file.path } : {}),
    seed: { ...(header === undefined ? {} : { header }), given },
  };
}

function columnsOf(columns: ModelHeader["columns"]): Model["columns"] {
  return Object.fromEntries(
    Object.entries(columns).map((
      [column, { checks, type, description, pii, pii_reason: reason }],
    ) => [column, {
      ...(type === undefined ? {} : { type }),
      ...(description === undefined ? {} : { description }),
      checks: checks.map(columnCheckOf),
      ...(pii === undefined ? {} : { pii: { pii, ...(reason === undefined ? {} : { reason }) } }),
    }]),
  );
}

/**
 * The header as its schema reads it. What a folder says for models of another kind, as an update_key where this
 * one is a table, is left out.
 */
function checkCompleted(
  values: unknown,
  inherited: ReadonlyMap<string, string>,
): { readonly output: ModelHeader } | { readonly faults: readonly SchemaFault[] } {
  if (!isRecord(values)) return checkSchema(modelHeaderSchema, values);
  const { materialized = "table" } = values;
  const isNeedless = (key: string) =>
    inherited.has(key) && kindsWith(key)?.every((kind) => kind !== materialized) === true;
  const rest = Object.fromEntries(Object.entries(values).filter(([key]) => !isNeedless(key)));
  return checkSchema(modelHeaderSchema, rest);
}

function buildOf(header: ModelHeader) {
  const { update_key, partition_by = [], batch_size, begin, lookback, on_schema_change, full_refresh } =
    header;
  return {
    materialized: header.materialized,
    strategy: header.strategy ?? "merge",
    primaryKey: header.primary_key ?? [],
    ...(update_key === undefined ? {} : { updateKey: update_key }),
    partitionBy: typeof partition_by === "string" ? [partition_by] : partitionEntries(partition_by),
    ...(batch_size === undefined ? {} : { batchSize: batch_size }),
    ...(begin === undefined ? {} : { beginMs: Date.parse(timeText(begin) ?? "") }),
    ...(lookback === undefined ? {} : { lookback }),
    onChange: header.on_change,
    ...(on_schema_change === undefined ? {} : { onSchemaChange: on_schema_change }),
    ...(full_refresh === undefined ? {} : { fullRefresh: full_refresh }),
    ...(header.materialized === "scd2" ? { history: historyOf(header) } : {}),
  };
}

function historyOf({ deletes = "ignore", scd2 }: ModelHeader): ModelHistory {
  return {
    validFrom: scd2?.valid_from ?? "valid_from",
    validTo: scd2?.valid_to ?? "valid_to",
    isCurrent: scd2?.is_current ?? "is_current",
    deletes,
  };
}

/** Where an entry of the model's header stands in its file; the header's own place for one that it lacks. */
export function headerPlace(model: Model, path: DocumentPath, part: "key" | "value" = "value"): SourcePlace {
  if (model.seed !== undefined) {
    const { header } = model.seed;
    if (header === undefined) return { file: model.path, line: 1, column: 1 };
    const document = parseYamlDocument(header.content, header.path);
    return part === "key" ? document.place(path) : document.valuePlace(path);
  }
  const file = { path: model.path, content: model.sql };
  const header = findHeader(file, () => {});
  if (header === undefined) return { file: model.path, line: 1, column: 1 };
  const document = readHeader(file, header);
  if (document === undefined) return placeAt(model.sql, header.start, model.path);
  return part === "key" ? document.place(path) : document.valuePlace(path);
}

/** The table of a model, quoted. */
export function modelTable(name: string): string {
  return `main.${quoteIdentifier(name)}`;
}

function reportRepeatedNames(header: ModelHeader, document: YamlDocument | undefined, fail: Fail): void {
  const paths: DocumentPath[] = Object.entries(header.columns).flatMap(([column, { checks }]) =>
    checks.map((_, index) => ["columns", column, "checks", index])
  );
  for (const index of header.checks.keys()) paths.push(["checks", index]);
  const checks = [...Object.values(header.columns).flatMap((column) => column.checks), ...header.checks];
  const seen = new Set<string>();
  for (const [index, check] of checks.entries()) {
    const name = typeof check === "string" ? undefined : check.name;
    if (name === undefined) continue;
    const path = [...paths[index] ?? [], "name"];
    if (seen.has(name.toLowerCase())) {
      fail(document?.valuePlace(path) ?? { file: "" }, `a second check with the name ${name}`);
    }
    seen.add(name.toLowerCase());
  }
}

function modelError(path: string, unsorted: readonly Fault[]): AppError {
  const faults = [...unsorted].sort((a, b) =>
    (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
  );
  const [first] = faults;
  const message = first === undefined ? `Cannot read the model ${path}` : formatFault(first);
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
  return new AppError("invalid", `${message}${more}`, { faults });
}
