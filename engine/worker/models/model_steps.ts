import { AppError } from "../../../contract/errors.ts";
import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { Step } from "../../../contract/run.ts";
import type { StepManifest } from "../../../contract/runs/manifest.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import type { BuildWindow } from "../../../sql/build/batches.ts";
import { relationKind } from "../../../sql/build/materialize.ts";
import { gathersRows } from "../../../sql/build/model_change.ts";
import type { Materialized } from "../../../sql/build/run_model_sql.ts";
import { windowText } from "../../../sql/build/time_window.ts";
import { setWindow } from "../../../sql/build/variables.ts";
import { modelTable } from "../../../sql/language/model.ts";
import { formatPlural } from "../../../text/format.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { noteBuiltModel, writeBuiltModel } from "../../warehouse/models/built_models.ts";
import {
  forgetModelBatches,
  type ModelBatch,
  readModelBatches,
  recordModelBatch,
} from "../../warehouse/models/model_batches.ts";
import { keepTableBefore } from "../../warehouse/models/tables_before.ts";
import type { PlannedModel } from "../plan.ts";
import { type Points, pointsOf } from "../points.ts";
import type { Reporter } from "../reporter.ts";
import { retryConflicts } from "../retry_conflicts.ts";
import type { EarlierRuns } from "./earlier_runs.ts";
import { isStillTaken } from "./taken_tables.ts";
import { beginBuild, buildWindow, type ModelBuild } from "./model_build.ts";
import type { CheckSteps } from "./check_steps.ts";
import { type Checked, checkTable } from "./check_table.ts";
import { programVersions } from "./input_facts.ts";

export interface ModelStepsOptions {
  readonly job: RunJob;
  readonly reporter: Reporter;
  readonly checks: Pick<CheckSteps, "inTransaction">;
  /** Marks a step of a check as done, in the session's transaction. */
  readonly mark: (session: DuckSession, step: Step) => Promise<void>;
  /** Marks the step as done, in the session's transaction; returns it with its end. */
  readonly record: (
    session: DuckSession,
    planned: PlannedModel,
    step: Step,
    change: Partial<Step>,
  ) => Promise<Step>;
}

/**
 * The steps of one attempt that build models. A model is built and checked in one transaction. Where its window is
 * done in batches each is one of its own, noted with its rows, and the last one has the checks. What is built anew in
 * batches grows in a table beside the old one and takes its place with the last batch.
 */
export class ModelSteps {
  readonly #options: ModelStepsOptions;
  readonly #points: Points;

  constructor(options: ModelStepsOptions) {
    this.#options = options;
    this.#points = pointsOf(options.job.dieAt);
  }

  /** The step with its end. Throws what the build or a check failed with. */
  async carryOut(
    session: DuckSession,
    planned: PlannedModel,
    step: Step,
    earlier: EarlierRuns,
  ): Promise<Step> {
    const { reporter } = this.#options;
    await earlier.ephemerals.declareFor(session, planned);
    return await retryConflicts(reporter, step.name, () => this.#build(session, planned, step, earlier));
  }

  async #build(session: DuckSession, planned: PlannedModel, step: Step, earlier: EarlierRuns): Promise<Step> {
    let batches: Batches | undefined;
    for (;;) {
      const ended = await this.#options.checks.inTransaction(session, async (onChecked) => {
        batches ??= await this.#begin(session, planned, step, earlier);
        const ended = await this.#next(session, planned, step, batches, { earlier, onChecked });
        this.#points.reach(batches.label(step), "before commit");
        return ended;
      });
      if (batches !== undefined) this.#points.reach(batches.label(step), "after commit");
      if (ended !== undefined) {
        earlier.inputs.took(ended);
        return ended;
      }
      batches?.commit();
    }
  }

  async #begin(
    session: DuckSession,
    planned: PlannedModel,
    step: Step,
    earlier: EarlierRuns,
  ): Promise<Batches> {
    const { job, reporter } = this.#options;
    const window = { startMs: earlier.windows.startOf(step.name), endMs: job.windowEndMs };
    const build = await beginBuild(session, planned, {
      runId: job.runId,
      fullRefresh: job.fullRefresh,
      isWindowGiven: job.isWindowGiven,
      earlier,
      window,
      warn: (message) => reporter.log("warn", step.name, message),
    });
    const inputs = await earlier.inputs.of(session, planned.model);
    const taken = job.fullRefresh ? undefined : build.before?.taken;
    const isKept = taken !== undefined && await isStillTaken(planned.model, taken, inputs, earlier.recipes);
    const isFresh = build.isInOne && !earlier.inBatches.has(step.name);
    const done = isFresh ? [] : await this.#done(session, planned, step, build);
    const before = await this.#before(session, planned, build, done.length === 0, earlier);
    return new Batches(build, window, done, { inputs, ...before }, isKept ? taken : undefined);
  }

  /** The table that the build goes on with. */
  async #before(
    session: DuckSession,
    { model }: PlannedModel,
    { way }: ModelBuild,
    isFirst: boolean,
    { inputs }: EarlierRuns,
  ): Promise<Pick<StepManifest, "before">> {
    if (way.isAnew || !gathersRows(model)) return {};
    if (isFirst && this.#options.job.definition.keep_inputs !== undefined) {
      await keepTableBefore(session, model.name);
    }
    const before = isFirst ? await inputs.before(session, model) : {
      table: `main.${model.name}`,
      rows: null,
      hash: null,
      left_out: "an earlier attempt has built its first batches",
    };
    return before === undefined ? {} : { before };
  }

  /** The batches that earlier attempts of this run have done; what another run left half done is dropped. */
  async #done(
    session: DuckSession,
    { model }: PlannedModel,
    step: Step,
    { way, isInOne }: ModelBuild,
  ): Promise<readonly ModelBatch[]> {
    const { runId, isOvertaken = false } = this.#options.job;
    const known = await readModelBatches(session, step.name);
    const isThere = await relationKind(session, buildName(model.name)) === "table";
    if (
      known !== undefined && known.runId === runId && !isOvertaken && !isInOne &&
      known.batches.every(({ isAnew }) => isAnew === way.isAnew) && (!way.isAnew || isThere)
    ) {
      return known.batches;
    }
    if (known !== undefined) await forgetModelBatches(session, step.name);
    if (isThere) await session.run(`DROP TABLE ${modelTable(buildName(model.name))}`);
    return [];
  }

  /** Builds the next batch, and returns the step with its end where that was the last. */
  async #next(
    session: DuckSession,
    planned: PlannedModel,
    step: Step,
    batches: Batches,
    { earlier, onChecked }: { readonly earlier: EarlierRuns; readonly onChecked: OnChecked },
  ): Promise<Step | undefined> {
    const { build, kept } = batches;
    if (kept !== undefined) {
      const change = await this.#keep(session, step, build, kept);
      return await this.#finish(session, planned, step, batches, { earlier, onChecked, change });
    }
    if (build.isInOne) {
      let built: Materialized | undefined;
      let rows: number | null = null;
      for (const [index, window] of build.windows.entries()) {
        built = await this.#window(session, step, build, window, index === 0, undefined);
        rows = built.rows === null ? null : (rows ?? 0) + built.rows;
      }
      const change = { rows, sql: built?.sql ?? "" };
      return await this.#finish(session, planned, step, batches, { earlier, onChecked, change });
    }
    const { reporter, job } = this.#options;
    const window = batches.next();
    const table = build.way.isAnew ? modelTable(buildName(planned.model.name)) : undefined;
    const built = await this.#window(session, step, build, window, batches.isFirst, table);
    batches.built(built.rows ?? 0);
    reporter.log(
      "info",
      step.name,
      `Batch ${batches.number} of ${build.windows.length}, ${windowText(window)}: ${
        formatPlural(built.rows ?? 0, "row")
      }`,
    );
    reporter.progress(step.name, batches.rows);
    if (batches.isLast) {
      if (table !== undefined) await this.#swap(session, build);
      await forgetModelBatches(session, step.name);
      const change = { rows: batches.rows, sql: built.sql };
      return await this.#finish(session, planned, step, batches, { earlier, onChecked, change });
    }
    const batch = { ...window, isAnew: build.way.isAnew, rows: built.rows ?? 0 };
    await recordModelBatch(session, step.name, job.runId, batch);
    return undefined;
  }

  /** The table is what a build would make of it: it was taken over from an environment, and nothing has changed since. */
  async #keep(
    session: DuckSession,
    step: Step,
    { model, before, now }: ModelBuild,
    kept: StepManifest,
  ): Promise<Pick<Step, "rows" | "sql">> {
    const { job, reporter } = this.#options;
    const from = kept.taken?.environment ?? "an environment";
    reporter.log(
      "info",
      step.name,
      `Not built: it is as it was taken from ${from}, and so is all that it reads`,
    );
    await noteBuiltModel(session, model.name, before ?? now, job.runId);
    return { rows: kept.output?.rows ?? null, sql: `-- as it was taken from ${from}` };
  }

  #window(
    session: DuckSession,
    step: Step,
    build: ModelBuild,
    window: BuildWindow,
    isFirst: boolean,
    table: string | undefined,
  ): Promise<Materialized> {
    const { reporter, job } = this.#options;
    return buildWindow(session, build, window, {
      isFirst,
      runId: job.runId,
      warn: (message) => reporter.log("warn", step.name, message),
      ...(table === undefined ? {} : { table }),
    });
  }

  /** Puts the table that was built in batches into the place of the old one. */
  async #swap(session: DuckSession, { model, now }: ModelBuild): Promise<void> {
    const old = await relationKind(session, model.name);
    if (old !== undefined) await session.run(`DROP ${old.toUpperCase()} ${modelTable(model.name)}`);
    await session.run(
      `ALTER TABLE ${modelTable(buildName(model.name))} RENAME TO ${quoteIdentifier(model.name)}`,
    );
    await writeBuiltModel(session, model.name, now, this.#options.job.runId);
  }

  async #finish(
    session: DuckSession,
    planned: PlannedModel,
    step: Step,
    { window, build, read }: Batches,
    { earlier, onChecked, change }: {
      readonly earlier: EarlierRuns;
      readonly onChecked: OnChecked;
      readonly change: Pick<Step, "rows" | "sql">;
    },
  ): Promise<Step> {
    const { job, reporter, mark, record } = this.#options;
    // Checks see the run's window, whatever the last batch was.
    if (gathersRows(planned.model)) await setWindow(session, window);
    const checked = await checkTable(session, planned.checks, {
      runId: job.runId,
      attempt: job.attempt,
      reporter,
    });
    onChecked(checked);
    requirePassed(planned, checked, build.isInOne || build.way.isAnew);
    for (const check of checked) await mark(session, check.step);
    const made = {
      ...programVersions(),
      window_start: window.startMs === null ? null : new Date(window.startMs).toISOString(),
      window_end: new Date(window.endMs).toISOString(),
      ...(job.isWindowGiven ? { window_given: true as const } : {}),
      ...await earlier.recipes.of(planned.model),
      ...read,
      ...await earlier.inputs.after(session, planned.model, change.rows),
    };
    return await record(session, planned, step, { ...change, manifest: made });
  }
}

type OnChecked = (checked: readonly Checked[]) => void;

/** Throws where a check of severity error found rows, so that the table stays as it was before. */
function requirePassed({ model }: PlannedModel, checked: readonly Checked[], isUndone: boolean): void {
  const failed = checked.filter(({ step }) => step.state === "failed")
    .map(({ step }) => step.error?.message ?? step.name);
  if (failed.length === 0) return;
  const count = failed.length === 1 ? "a check" : `${failed.length} checks`;
  throw new AppError("invalid", `${count} failed: ${failed.join("; ")}`, {
    detail: isUndone
      ? `${model.path}: the table is as it was before this run.`
      : `${model.path}: the table has the batches before the last one, and nothing is built or loaded from them.`,
  });
}

/** How far the batches of a model have got. */
class Batches {
  readonly build: ModelBuild;
  /** Of the run, for this step. */
  readonly window: BuildWindow;
  /** What it is built from. */
  readonly read: Pick<StepManifest, "inputs" | "before">;
  /** What was taken over and is not built. */
  readonly kept: StepManifest | undefined;
  readonly #open: readonly BuildWindow[];
  #index = 0;
  #rows: number;
  #committed: number;

  constructor(
    build: ModelBuild,
    window: BuildWindow,
    done: readonly ModelBatch[],
    read: Pick<StepManifest, "inputs" | "before">,
    kept?: StepManifest,
  ) {
    this.build = build;
    this.window = window;
    this.read = read;
    this.kept = kept;
    const isDone = ({ startMs, endMs }: BuildWindow) =>
      done.some((batch) => batch.startMs === startMs && batch.endMs === endMs);
    this.#open = build.windows.filter((window) => !isDone(window));
    this.#rows = this.#committed = done.reduce((sum, { rows }) => sum + rows, 0);
  }

  next(): BuildWindow {
    const window = this.#open[this.#index];
    if (window === undefined) throw new AppError("internal", `No batch of ${this.build.model.name} is left`);
    return window;
  }

  /** Of the batches so far, the one that is not committed yet among them. */
  get rows(): number {
    return this.#rows;
  }

  built(rows: number): void {
    this.#rows = this.#committed + rows;
  }

  commit(): void {
    this.#committed = this.#rows;
    this.#index += 1;
  }

  /** From 1. */
  get number(): number {
    return this.build.windows.length - this.#open.length + this.#index + 1;
  }

  get isFirst(): boolean {
    return this.number === 1;
  }

  get isLast(): boolean {
    return this.#index === this.#open.length - 1;
  }

  /** What a test of crashes calls this place of the step. */
  label(step: Step): string {
    return this.build.isInOne ? step.name : `${step.name} batch ${this.number}`;
  }
}

/** The table beside that of the model in which it is built anew in batches. */
const buildName = (model: string): string => `_sluice_build_${model}`;
