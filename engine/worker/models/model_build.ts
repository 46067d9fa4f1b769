import { nameKey, quoteIdentifier, type SqlSession } from "../../../contract/sql.ts";
import { batchesOf, type BuildWindow, isByWindow } from "../../../sql/build/batches.ts";
import { headerError } from "../../../sql/build/header_error.ts";
import { readsItself } from "../../../sql/build/incremental.ts";
import { materialize, type RelationKind, relationKind } from "../../../sql/build/materialize.ts";
import { checkStoredKey } from "../../../sql/build/model_key.ts";
import {
  appendsRows,
  type BuildWay,
  gathersRows,
  keepsRows,
  keptBecause,
  type ModelDefinition,
  requireColumns,
  sourceChanges,
  wayToBuild,
} from "../../../sql/build/model_change.ts";
import { countRows, type Materialized } from "../../../sql/build/run_model_sql.ts";
import { variableNames } from "../../../sql/language/scan_sql.ts";
import { timeKeyType, windowText } from "../../../sql/build/time_window.ts";
import { type Model, modelTable } from "../../../sql/language/model.ts";
import { noteBuiltModel, readBuiltModel, writeBuiltModel } from "../../warehouse/models/built_models.ts";
import { keepMacros } from "../../warehouse/models/kept_macros.ts";
import type { PlannedModel } from "../plan.ts";
import type { EarlierRuns } from "./earlier_runs.ts";
import { requireNoRename, takeOverTable } from "./renamed_models.ts";

export interface BuildOptions {
  readonly runId: string;
  readonly fullRefresh: boolean;
  readonly earlier: Pick<
    EarlierRuns,
    "built" | "left" | "definitions" | "ephemerals" | "windows" | "relations"
  >;
  /** Of the step in this run. */
  readonly window: BuildWindow;
  /** Whether it was asked for: a model that is built from nothing keeps to it all the same then. */
  readonly isWindowGiven: boolean;
  readonly warn: (message: string) => void;
}

/** A model that is about to be built: over what, and for which windows. */
export interface ModelBuild {
  readonly model: Model;
  readonly before: ModelDefinition | undefined;
  readonly now: ModelDefinition;
  readonly way: BuildWay;
  /** One after the other; one for a model that is not built by windows. */
  readonly windows: readonly BuildWindow[];
  /** What a view holds the queries of. */
  readonly ephemerals: readonly Model[];
  /** What stands under its name as it begins; undefined where it may be another thing by the next window. */
  readonly existing: RelationKind | "none" | undefined;
  /** Whether all windows have to go into one transaction: the model reads the table that is being built. */
  readonly isInOne: boolean;
}

/**
 * Decides how a model is built, and gives it the table of its old name. Called in the transaction that builds it;
 * see wayToBuild for what is refused.
 */
export async function beginBuild(
  session: SqlSession,
  { model }: PlannedModel,
  { runId, fullRefresh, earlier, window, isWindowGiven, warn }: BuildOptions,
): Promise<ModelBuild> {
  if (model.materialized === "view") await keepMacros(session, earlier.ephemerals.macrosOf(model), runId);
  const taken = await takeOverTable(session, model);
  if (taken !== undefined) warn(taken);
  const isKept = fullRefresh && keepsRows(model);
  if (isKept) warn(`Not built anew: ${keptBecause(model)}`);
  if (!fullRefresh || isKept) await requireNoRename(session, model, earlier);
  // What gathers rows may have built some of them in this run.
  const before = taken === undefined && !gathersRows(model)
    ? earlier.built.get(nameKey(model.name))
    : await readBuiltModel(session, model.name);
  const now = asOf(earlier.definitions.of(model), before, window.endMs);
  requireLater(model, before, window.endMs);
  const existing = await earlier.relations.kindOf(session, model.name);
  const way = existing === undefined || (fullRefresh && !isKept)
    ? { isAnew: true, warnings: [], keepsOtherRows: false }
    : await wayToBuild(session, model, before, now);
  const stale = way.isAnew ? undefined : sourceChanges(before, now);
  for (const warning of stale === undefined ? way.warnings : [...way.warnings, stale]) warn(warning);
  if (model.materialized !== "incremental") {
    return {
      model,
      before,
      now,
      way,
      windows: [window],
      isInOne: true,
      existing: gathersRows(model) ? undefined : existing ?? "none",
      ephemerals: earlier.ephemerals.behind(model),
    };
  }
  const isByDay = isByWindow(model) && await isDayKey(session, model, way.isAnew);
  if (isWindowGiven && !way.isAnew) {
    requireNext(model, window, earlier.windows.doneUntil(`model:${model.name}`));
  }
  const own = way.isAnew && !isWindowGiven ? { ...window, startMs: null } : window;
  const windows = batchesOf(model, own, { isGiven: isWindowGiven, isByDay });
  const isInOne = windows.length === 1 || (way.isAnew && await readsItself(session, model));
  return { model, before, now, way, windows, isInOne, existing: undefined, ephemerals: [] };
}

/**
 * Builds the rows of one window into `table`, or into the model's own. Returns what the build has made of it.
 * Called in a transaction.
 */
export async function buildWindow(
  session: SqlSession,
  { model, before, now, way, ephemerals, existing }: ModelBuild,
  window: BuildWindow,
  { isFirst, table, warn, runId }: {
    /** Whether it is the first window of what is built anew. */
    readonly isFirst: boolean;
    /** Quoted; one that will take the model's place later. */
    readonly table?: string;
    readonly warn: (message: string) => void;
    readonly runId: string;
  },
): Promise<Materialized> {
  if (model.materialized === "seed" && !way.isAnew) {
    return { rows: await countRows(session, modelTable(model.name)), sql: seedComment(model) };
  }
  const built = await materialize(session, model, {
    fullRefresh: way.isAnew && isFirst,
    ephemerals,
    existing,
    ...(gathersRows(model) ? { window } : {}),
    ...(table === undefined ? {} : { table }),
  });
  const { added = [], gone = [], dropped = [], ignored = [] } = built;
  if (way.keepsOtherRows) await checkStoredKey(session, model, storedRows(model));
  else requireColumns(model, before, gone, built.rows ?? 0);
  if (added.length > 0) warn(`New in the table: ${added.join(", ")}; NULL in the rows that were there`);
  if (dropped.length > 0) warn(`Dropped from the table, as on_schema_change says: ${dropped.join(", ")}`);
  if (ignored.length > 0) warn(`Left out, as on_schema_change says: ${ignored.join(", ")}`);
  if (table === undefined) {
    // What gathers rows is built in several transactions, which look at what those before them wrote.
    const write = gathersRows(model) ? writeBuiltModel : noteBuiltModel;
    await write(session, model.name, gone.length === 0 ? now : { ...now, gone }, runId);
  }
  return model.materialized === "seed" ? { ...built, sql: seedComment(model) } : built;
}

/** Its rows are in git: they are not kept again with each run. */
const seedComment = ({ path }: Model): string => `-- the rows of ${path}`;

function asOf(now: ModelDefinition, before: ModelDefinition | undefined, endMs: number): ModelDefinition {
  return now.materialized === "scd2" ? { ...now, asOfMs: Math.max(before?.asOfMs ?? endMs, endMs) } : now;
}

/** Throws invalid where what is now would be written into a history that goes further. */
function requireLater(model: Model, before: ModelDefinition | undefined, endMs: number): void {
  const { history, updateKey } = model;
  const isByTime = updateKey !== undefined && history?.deletes === "ignore";
  if (history === undefined || isByTime || before?.asOfMs === undefined || before.asOfMs <= endMs) return;
  const [known, now] = [before.asOfMs, endMs].map((ms) => new Date(ms).toISOString());
  throw headerError(
    model,
    ["materialized"],
    `the history of ${model.name} is known until ${known}, and this run is for ${now}: a history can only be gone ` +
      "on with, unless its rows have their own time (`update_key`) and `deletes` is ignore",
  );
}

/**
 * Throws invalid for a window that was asked for and does not go on where the last one of an appended table ended: its
 * rows are there already, or would come again.
 */
function requireNext(model: Model, { startMs, endMs }: BuildWindow, doneMs: number | undefined): void {
  if (!appendsRows(model) || doneMs === undefined || startMs === doneMs) return;
  if (!variableNames(model.sql).some((name) => /^window_(?:start|end)$/i.test(name))) return;
  throw headerError(
    model,
    ["strategy"],
    `${model.name} has the rows until ${
      new Date(doneMs).toISOString()
    }, and strategy append would have those ` +
      `${
        windowText({ startMs, endMs })
      } twice: strategy delete_insert with an update_key does a window again`,
  );
}

/** Where a key stands once: of a history it is what holds now. */
function storedRows({ name, history }: Model): string {
  const table = modelTable(name);
  return history === undefined
    ? table
    : `(SELECT * FROM ${table} WHERE ${quoteIdentifier(history.isCurrent)})`;
}

/** Whether the model's time is a DATE. */
export async function isDayKey(session: SqlSession, model: Model, isAnew: boolean): Promise<boolean> {
  const kind = isAnew ? undefined : await relationKind(session, model.name);
  return await timeKeyType(session, model, kind === "table" ? modelTable(model.name) : undefined) === "DATE";
}
