import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { AppError } from "../../contract/errors.ts";
import type { StepManifest } from "../../contract/runs/manifest.ts";
import { findColumn, nameKey, type SqlSession } from "../../contract/sql.ts";
import { formatFault } from "../../text/fault.ts";
import { listWords } from "../../text/suggest.ts";
import type { Macro } from "../language/macros/parse_macros.ts";
import { headerPlace, type Model, type ModelHistory, modelTable } from "../language/model.ts";
import { placeAt } from "../language/position.ts";
import { firstWord, scanSql } from "../language/scan_sql.ts";
import { historyColumns } from "./history.ts";
import { countRows } from "./run_model_sql.ts";

/** What the rows of a model's table were made by, as far as a change of it makes other rows. */
export interface ModelDefinition {
  readonly materialized: Model["materialized"];
  /** Of an incremental one; `merge` where it is not noted. */
  readonly strategy?: Model["strategy"];
  /** As the header writes them, without white space and the case of words; none where it is not noted. */
  readonly partitionBy?: readonly string[];
  /** The names of a history's own columns. */
  readonly history?: string;
  /** Of a history: the moment of the latest run that it was built for, epoch milliseconds. */
  readonly asOfMs?: number;
  /** Sorted: their order means nothing. */
  readonly primaryKey: readonly string[];
  readonly updateKey: string | null;
  /** SHA-256 in hex of the SQL without comments, white space and the case of words. */
  readonly sql: string;
  /** The same of the macros that it calls, directly or through others, by name; absent where there are none. */
  readonly macros?: Readonly<Record<string, string>>;
  /** Columns of an incremental table that its query no longer has; known when it is built. */
  readonly gone?: readonly string[];
  /** What `sourceText` says of the tables and views that an incremental model reads, directly or through others, by name. */
  readonly sources?: Readonly<Record<string, string>>;
  /** Of a table that was taken over from an environment, since when nobody has built it: by what it was built there. */
  readonly taken?: StepManifest;
}

/** Whether rows stay in the model's table that no run makes again. */
export function gathersRows({ materialized }: Pick<Model, "materialized">): boolean {
  return materialized === "incremental" || materialized === "scd2";
}

/** Whether its rows are computed when they are read. */
export function isComputedByReaders({ materialized }: Pick<Model, "materialized">): boolean {
  return materialized === "view" || materialized === "ephemeral";
}

/** Whether rows that come again are in its table twice. */
export function appendsRows({ materialized, strategy }: Pick<Model, "materialized" | "strategy">): boolean {
  return materialized === "incremental" && strategy === "append";
}

/** Whether --full-refresh leaves the model's rows as they are. */
export function keepsRows(model: Pick<Model, "materialized" | "fullRefresh">): boolean {
  return gathersRows(model) && (model.fullRefresh ?? model.materialized !== "scd2") === false;
}

/** Why --full-refresh leaves the model's rows as they are. */
export const keptBecause = ({ fullRefresh }: Pick<Model, "fullRefresh">): string =>
  fullRefresh === false
    ? "its header says `full_refresh: false`"
    : "it is a history, and its header does not say `full_refresh: true`";

const historyText = ({ validFrom, validTo, isCurrent }: ModelHistory): string =>
  [validFrom, validTo, isCurrent].map(nameKey).join(", ");

/** `macros` are those that the model calls: a change of one is a change of the model. */
export function definitionOf(model: Model, macros: readonly Macro[] = []): ModelDefinition {
  const called = macros.map(({ name, text, start, end }) => [nameKey(name), hashOf(text.slice(start, end))]);
  return {
    materialized: model.materialized,
    ...(model.materialized === "incremental" ? { strategy: model.strategy } : {}),
    ...(model.history === undefined ? {} : { history: historyText(model.history) }),
    ...(model.partitionBy.length === 0 ? {} : { partitionBy: model.partitionBy.map(plainSql).sort() }),
    primaryKey: model.primaryKey.map(nameKey).sort(),
    updateKey: model.updateKey === undefined ? null : nameKey(model.updateKey),
    sql: hashOf(model.sql),
    ...(called.length === 0 ? {} : { macros: Object.fromEntries(called) }),
  };
}

/**
 * Whether two definitions are the same by what the project writes, whatever they read and when they were built: what is
 * known only then is left out.
 */
export function isSameDefinition(one: ModelDefinition, other: ModelDefinition): boolean {
  return isDeepStrictEqual(writtenOf(one), writtenOf(other));
}

/** What of a definition the project writes. */
export function writtenOf(
  { gone: _gone, sources: _sources, asOfMs: _asOfMs, taken: _taken, ...written }: ModelDefinition,
): Partial<ModelDefinition> {
  return written;
}

/** What the rows of a table or view are made by, as one text to compare. */
export const sourceText = ({ sql, macros = {} }: ModelDefinition): string =>
  [sql, ...Object.entries(macros).sort().flat()].join(" ");

/** Not by Web Crypto, which goes to another thread and takes a hundred times as long for so little. */
function hashOf(sql: string): string {
  return createHash("sha256").update(plainSql(sql)).digest("hex");
}

/** Two texts that differ in comments, white space or the case of words only become the same. */
export function plainSql(sql: string): string {
  const words: string[] = [];
  for (const { kind, start, end } of scanSql(sql)) {
    const text = sql.slice(start, end);
    if (kind === "word") words.push(text.toLowerCase());
    else if (kind === "text" || kind === "other") words.push(text);
  }
  return words.join(" ");
}

/** `date_trunc ( 'month' , day )` as people write it. */
const shownSql = (plain: string): string => plain.replace(/ \( /g, "(").replace(/ (?=[),])/g, "");

/** How a model is built over what is there. */
export interface BuildWay {
  /** From nothing; else its rows are merged into those of the table. */
  readonly isAnew: boolean;
  /** What the log says of it. */
  readonly warnings: readonly string[];
  /** Whether rows of another definition stay, so that the key has to be looked at in all of them. */
  readonly keepsOtherRows: boolean;
}

const ANEW: BuildWay = { isAnew: true, warnings: [], keepsOtherRows: false };

/**
 * Decides by what the rows were made that are there. `before` is undefined for a table whose making is
 * not known. Throws invalid where rows of two definitions would stand in one table, or gathered rows
 * would be dropped, and the header's on_change does not say that they may.
 */
export async function wayToBuild(
  session: SqlSession,
  model: Model,
  before: ModelDefinition | undefined,
  now: ModelDefinition,
): Promise<BuildWay> {
  const isGathered = gathersRows(model);
  if (before === undefined) return { ...ANEW, isAnew: !isGathered };
  // What a table or a view showed comes again; it may hold keys twice, which a merge does not expect.
  if (!gathersRows(before)) {
    return { ...ANEW, isAnew: model.materialized !== "seed" || before.sql !== now.sql };
  }
  const changes = changesBetween(before, now);
  if (changes.length === 0) return { ...ANEW, isAnew: false };
  const rows = await countRows(session, modelTable(model.name));
  if (rows === 0) return ANEW;
  const shown = changes.map(({ text }) => text).join(", ");
  if (model.onChange === "full_refresh") {
    return { ...ANEW, warnings: [`Built anew, as on_change says: ${shown}`] };
  }
  if (model.onChange === "append" && isGathered && before.materialized === now.materialized) {
    const warnings = [`${counted(rows)} of another definition stay, as on_change says: ${shown}`];
    return { isAnew: false, warnings, keepsOtherRows: true };
  }
  const columns = isGathered ? await columnChanges(session, model) : [];
  throw changeError(model, rows, [shown, ...columns].join(", "), changes[0]?.path ?? [], isGathered);
}

/** Throws invalid for columns that the query lost since the last build, which its own text does not show. */
export function requireColumns(
  model: Model,
  before: ModelDefinition | undefined,
  gone: readonly string[],
  rows: number,
): void {
  if (before === undefined || model.onChange !== "fail" || model.onSchemaChange !== undefined) return;
  const news = gone.filter((name) => !before.gone?.includes(name));
  if (news.length === 0) return;
  throw changeError(model, rows, goneText(news), [], true);
}

/** What is to be told where models changed whose rows an incremental model has gathered. */
export function sourceChanges(before: ModelDefinition | undefined, now: ModelDefinition): string | undefined {
  const { sources = {} } = now;
  const changed = Object.entries(before?.sources ?? {}).filter(([name, sql]) => sources[name] !== sql);
  if (changed.length === 0) return undefined;
  return `Rows stay that were made before ${
    listWords(changed.map(([name]) => name))
  } changed, which it reads; ` +
    "a full refresh builds it anew";
}

interface Change {
  readonly text: string;
  /** Where the header says it; empty for the SQL. */
  readonly path: readonly string[];
}

function changesBetween(before: ModelDefinition, now: ModelDefinition): Change[] {
  const changes: Change[] = [];
  const compare = (key: string, old: string, current: string) => {
    if (old !== current) changes.push({ text: `${key} was ${old} and is ${current}`, path: [key] });
  };
  compare("materialized", before.materialized, now.materialized);
  if (!gathersRows(now)) return changes;
  compare("scd2", before.history ?? "none", now.history ?? "none");
  compare("strategy", before.strategy ?? "merge", now.strategy ?? "merge");
  compare("primary_key", before.primaryKey.join(", "), now.primaryKey.join(", "));
  compare("update_key", before.updateKey ?? "none", now.updateKey ?? "none");
  const partitions = ({ partitionBy = [] }: ModelDefinition) =>
    partitionBy.length === 0 ? "none" : partitionBy.map(shownSql).join(", ");
  compare("partition_by", partitions(before), partitions(now));
  if (before.sql !== now.sql) changes.push({ text: "its SQL", path: [] });
  const names = [...new Set([before, now].flatMap(({ macros = {} }) => Object.keys(macros)))].sort();
  const macros = names.filter((name) => before.macros?.[name] !== now.macros?.[name]);
  // One that its SQL no longer calls, or calls now, is a change of its SQL.
  if (before.sql === now.sql && macros.length > 0) {
    changes.push({ text: `the macro${macros.length === 1 ? "" : "s"} ${listWords(macros)}`, path: [] });
  }
  return changes;
}

/** As far as the query can be bound to what is there. */
async function columnChanges(session: SqlSession, model: Model): Promise<string[]> {
  try {
    const stored = await session.describe(`SELECT * FROM ${modelTable(model.name)}`);
    const ofHistory = model.history === undefined ? [] : historyColumns(model.history);
    const old = stored.filter(({ name }) => findColumn(ofHistory, name) === undefined);
    const now = await session.describe(model.sql);
    const added = now.filter(({ name }) => findColumn(old, name) === undefined).map(({ name }) => name);
    const gone = old.filter(({ name }) => findColumn(now, name) === undefined).map(({ name }) => name);
    return [
      ...(added.length === 0 ? [] : [`${columnsText(added)} new`]),
      ...(gone.length === 0 ? [] : [goneText(gone)]),
    ];
  } catch {
    return [];
  }
}

function changeError(
  model: Model,
  rows: number,
  changes: string,
  path: readonly string[],
  isGathered: boolean,
): AppError {
  const place = path.length > 0
    ? headerPlace(model, path)
    : placeAt(model.sql, firstWord(model.sql)?.position ?? 0, model.path);
  const what = isGathered
    ? `new rows would stand beside ${counted(rows)} that were made otherwise`
    : `${counted(rows)} that it has gathered would be dropped`;
  const anew = keepsRows(model)
    ? `It is not built anew: ${keptBecause(model)}`
    : `Build it anew with --select ${model.name} --full-refresh`;
  const kept = "`on_change: append` in its header keeps the old rows as they are";
  const ways = !isGathered
    ? "`on_change: full_refresh` in its header lets every change do so"
    : keepsRows(model)
    ? kept
    : `${kept}, \`on_change: full_refresh\` builds it anew after each change`;
  const message = `${model.name} has changed (${changes}), and ${what}. ${anew}; or ${ways}`;
  const fault = { ...place, message, severity: "error" } as const;
  return new AppError("invalid", `Cannot build the model ${model.name}: ${formatFault(fault)}`, {
    faults: [fault],
  });
}

const counted = (rows: number): string => `${rows} row${rows === 1 ? "" : "s"}`;
const columnsText = (names: readonly string[]): string =>
  names.length === 1 ? `column ${names[0]} is` : `columns ${names.join(", ")} are`;
const goneText = (names: readonly string[]): string => `${columnsText(names)} no longer in the query`;
