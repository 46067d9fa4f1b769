import { AppError } from "../../../contract/errors.ts";
import type { Step } from "../../../contract/run.ts";
import type { SqlSession } from "../../../contract/sql.ts";
import { checkStoredKey } from "../../../sql/build/incremental.ts";
import { materialize, relationKind } from "../../../sql/build/materialize.ts";
import {
  type BuildWay,
  type ModelDefinition,
  requireColumns,
  sourceChanges,
  wayToBuild,
} from "../../../sql/build/model_change.ts";
import type { Materialized } from "../../../sql/build/run_model_sql.ts";
import type { Model } from "../../../sql/language/model.ts";
import { readBuiltModel, writeBuiltModel } from "../../warehouse/built_models.ts";
import type { PlannedModel } from "../plan.ts";
import { type CheckContext, type Checked, checkTable } from "./check_table.ts";
import type { EarlierRuns } from "./earlier_runs.ts";
import { requireNoRename, takeOverTable } from "./renamed_models.ts";
import { setWindowStart } from "./windows.ts";

export interface BuildOptions extends CheckContext {
  readonly fullRefresh: boolean;
  readonly earlier: Pick<EarlierRuns, "left" | "definitions">;
  /** Whether a model that is built from nothing keeps to the run's window all the same. */
  readonly isWindowGiven: boolean;
  /** Takes what its checks found, also where the build fails by it. */
  readonly onChecked: (checked: readonly Checked[]) => void;
}

export interface Built {
  readonly rows: number | null;
  readonly sql: string;
  /** The checks as they ended: succeeded or warned. */
  readonly checks: readonly Step[];
}

/**
 * Builds a model and runs its checks, inside the caller's transaction: where a check of severity
 * error finds rows it throws, and the table stays as it was before.
 */
export async function buildModel(
  session: SqlSession,
  planned: PlannedModel,
  options: BuildOptions,
): Promise<Built> {
  const { model } = planned;
  const { rows, sql } = await buildTable(session, planned, options);
  const checked = await checkTable(session, planned.checks, options);
  options.onChecked(checked);
  const checks = checked.map(({ step }) => step);
  const failed = checks.filter((check) => check.state === "failed").map((check) =>
    check.error?.message ?? check.name
  );
  if (failed.length > 0) {
    const count = failed.length === 1 ? "a check" : `${failed.length} checks`;
    throw new AppError("invalid", `${count} failed: ${failed.join("; ")}`, {
      detail: `${model.path}: the table is as it was before this run.`,
    });
  }
  return { rows, sql, checks };
}

/** Builds the table or view and notes what it was made by; see wayToBuild for what is refused. */
async function buildTable(
  session: SqlSession,
  { model, step }: PlannedModel,
  { runId, fullRefresh, isWindowGiven, earlier, reporter }: BuildOptions,
): Promise<Materialized> {
  const warn = (message: string) => reporter.log("warn", step.name, message);
  const taken = await takeOverTable(session, model);
  if (taken !== undefined) warn(taken);
  if (!fullRefresh) await requireNoRename(session, model, earlier.left);
  const before = await readBuiltModel(session, model.name);
  const now = await earlier.definitions.of(model);
  const way = await wayOf(session, model, before, now, fullRefresh);
  const stale = way.isAnew ? undefined : sourceChanges(before, now);
  for (const warning of stale === undefined ? way.warnings : [...way.warnings, stale]) warn(warning);
  if (way.isAnew && model.materialized === "incremental" && !isWindowGiven) {
    await setWindowStart(session, null);
  }
  const built = await materialize(session, model, { fullRefresh: way.isAnew });
  const { added = [], gone = [] } = built;
  if (way.keepsOtherRows) await checkStoredKey(session, model);
  else requireColumns(model, before, gone, built.rows ?? 0);
  if (added.length > 0) warn(`New in the table: ${added.join(", ")}; NULL in the rows that were there`);
  await writeBuiltModel(session, model.name, gone.length === 0 ? now : { ...now, gone }, runId);
  return built;
}

async function wayOf(
  session: SqlSession,
  model: Model,
  before: ModelDefinition | undefined,
  now: ModelDefinition,
  fullRefresh: boolean,
): Promise<BuildWay> {
  if (fullRefresh || await relationKind(session, model.name) === undefined) {
    return { isAnew: true, warnings: [], keepsOtherRows: false };
  }
  return await wayToBuild(session, model, before, now);
}
