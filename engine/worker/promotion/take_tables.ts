import { AppError, toAppError } from "../../../contract/errors.ts";
import type { PromotedWarehouse, RunJob } from "../../../contract/jobs/run_job.ts";
import type { Step } from "../../../contract/run.ts";
import type { StepManifest } from "../../../contract/runs/manifest.ts";
import { relationKind } from "../../../sql/build/materialize.ts";
import { gathersRows } from "../../../sql/build/model_change.ts";
import { setWindow } from "../../../sql/build/variables.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import { modelTable } from "../../../sql/language/model.ts";
import { formatPlural } from "../../../text/format.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { writeBuiltModel } from "../../warehouse/models/built_models.ts";
import { forgetModelBatches } from "../../warehouse/models/model_batches.ts";
import { tableFacts } from "../../warehouse/models/table_facts.ts";
import { keepTableBefore } from "../../warehouse/models/tables_before.ts";
import { foldJournal } from "../../warehouse/steps/journal.ts";
import { committedSteps, recordStep } from "../../warehouse/steps/step_ledger.ts";
import { recordStepWindow } from "../../warehouse/steps/step_windows.ts";
import { chooseSteps } from "../models/chosen_steps.ts";
import { CheckSteps } from "../models/check_steps.ts";
import { type Checked, checkTable } from "../models/check_table.ts";
import { type EarlierRuns, lookBack } from "../models/earlier_runs.ts";
import { programVersions } from "../models/input_facts.ts";
import { beginBuild, buildWindow } from "../models/model_build.ts";
import type { Plan, PlannedCheck, PlannedModel } from "../plan.ts";
import { pointsOf } from "../points.ts";
import { endStep, failStep, type Reporter, startStep } from "../reporter.ts";
import type { SessionPool } from "../session_pool.ts";
import { type BuiltThere, ENVIRONMENT_CATALOGUE, tableThere } from "./built_there.ts";
import { decide, type Decision } from "./decide.ts";

export interface TakeTablesOptions {
  readonly job: RunJob;
  readonly promotes: PromotedWarehouse;
  readonly plan: Plan;
  readonly graph: Graph;
  readonly reporter: Reporter;
  readonly sessions: SessionPool;
}

type Taken = Extract<Decision, { readonly outcome: "taken" }>;

/** What a test of crashes calls the promotion. */
const POINT = "promotion";

/**
 * Gives production the tables of an environment that are what its next run would build, all in one transaction with their
 * checks, and marks their steps as done: whatever is killed when, production is as before or as after. Returns the selection of
 * what was taken, with which the run goes on to what is published and loaded of it; undefined where nothing is.
 */
export async function takeTables(options: TakeTablesOptions): Promise<string | undefined> {
  const { job, sessions } = options;
  await using lease = await sessions.lease();
  const { session } = lease;
  const committed = await committedSteps(session, job.runId);
  const before = [...committed.keys()].filter((name) => name.startsWith("model:"));
  // An earlier attempt has taken all that it took: it is one transaction.
  if (before.length > 0) return selectionOf(before);
  const { plan, graph } = options;
  const earlier = await lookBack(session, job, { plan, graph, committed: new Map() });
  const { environment } = options.promotes;
  const decisions = await decide(session, {
    job: { definition: job.definition, environment },
    plan,
    graph,
    earlier,
  });
  tell(options, decisions);
  const taken = decisions.filter((decision) => decision.outcome === "taken");
  if (taken.length === 0) return undefined;
  const selection = selectionOf(taken.map(({ planned }) => planned.step.name));
  await new Taking(options, session, earlier, taken, selection).carryOut();
  return selection;
}

const selectionOf = (nodes: readonly string[]): string => nodes.join(" ");

function tell(
  { reporter, promotes: { environment } }: TakeTablesOptions,
  decisions: readonly Decision[],
): void {
  if (decisions.length === 0) reporter.log("info", null, "Nothing has changed: all tables stay as they are");
  for (const decision of decisions) {
    const { planned: { model } } = decision;
    reporter.log(
      "info",
      null,
      decision.outcome === "built"
        ? `${model.name} is built by the next run: ${decision.reason}`
        : decision.from === undefined
        ? `${model.name} is made anew: it is ${model.materialized === "view" ? "a view" : "ephemeral"}`
        : `${model.name} is taken from ${environment}: it is what a run would build`,
    );
  }
}

class Taking {
  readonly #options: TakeTablesOptions;
  readonly #session: DuckSession;
  readonly #earlier: EarlierRuns;
  readonly #taken: ReadonlyMap<string, Taken>;
  readonly #selection: string;
  /** Those that are at work, and how they ended. */
  readonly #steps = new Map<string, Step>();

  constructor(
    options: TakeTablesOptions,
    session: DuckSession,
    earlier: EarlierRuns,
    taken: readonly Taken[],
    selection: string,
  ) {
    this.#options = options;
    this.#session = session;
    this.#earlier = earlier;
    this.#taken = new Map(taken.map((one) => [one.planned.step.name, one]));
    this.#selection = selection;
  }

  async carryOut(): Promise<void> {
    const { job, reporter, sessions, plan, graph } = this.#options;
    const points = pointsOf(job.dieAt);
    const checks = new CheckSteps({
      runId: job.runId,
      attempt: job.attempt,
      reporter,
      lease: () => sessions.lease(),
      mark: (session, step) => recordStep(session, job.runId, step),
    });
    const steps = chooseSteps(plan, graph, this.#selection);
    try {
      await checks.inTransaction(this.#session, async (onChecked) => {
        const found: Checked[] = [];
        for (const planned of steps) {
          if (planned.kind === "model") {
            const step = await this.#model(planned);
            found.push(...await this.#check(planned, planned.checks));
            await recordStep(this.#session, job.runId, step);
            points.reach(step.name, "before commit");
          } else if (planned.kind === "check") found.push(...await this.#check(planned, [planned]));
          onChecked(found);
          requirePassed(found);
        }
        for (const { step } of found) await recordStep(this.#session, job.runId, step);
        points.reach(POINT, "before commit");
      });
    } catch (error) {
      const failure = toAppError(error);
      for (const step of this.#steps.values()) {
        reporter.send({ type: "step", step: failStep(step, failure, Date.now()) });
      }
      throw failure;
    }
    points.reach(POINT, "after commit");
    // What the run goes on with looks for it there.
    await foldJournal(this.#session);
    await checks.done();
  }

  async #model(planned: PlannedModel): Promise<Step> {
    const { job, reporter } = this.#options;
    const taken = this.#taken.get(planned.step.name);
    if (taken === undefined) {
      throw new AppError("internal", `${planned.step.name} is not among what is taken`);
    }
    const step = startStep(planned.step, job.attempt, Date.now());
    this.#steps.set(step.name, step);
    reporter.send({ type: "step", step });
    await this.#earlier.ephemerals.declareFor(this.#session, planned);
    const done = taken.from === undefined
      ? await this.#made(planned, step)
      : await this.#copied(planned, step, taken.from);
    this.#earlier.inputs.took(done);
    return done;
  }

  /** What has no rows of its own. */
  async #made(planned: PlannedModel, step: Step): Promise<Step> {
    const { job, reporter } = this.#options;
    const session = this.#session;
    const window = { startMs: this.#earlier.windows.startOf(step.name), endMs: job.windowEndMs };
    const warn = (message: string) => reporter.log("warn", step.name, message);
    const { runId } = job;
    const options = { runId, fullRefresh: false, earlier: this.#earlier, window, isWindowGiven: false, warn };
    const build = await beginBuild(session, planned, options);
    const built = await buildWindow(session, build, window, { isFirst: true, warn, runId });
    await this.#note(step.name, window);
    const manifest: StepManifest = {
      ...programVersions(),
      window_start: isoOf(window.startMs),
      window_end: new Date(window.endMs).toISOString(),
      ...await this.#earlier.recipes.of(planned.model),
      inputs: await this.#earlier.inputs.of(session, planned.model),
      ...await this.#earlier.inputs.after(session, planned.model, null),
    };
    return endStep(step, { state: "succeeded", rows: built.rows, sql: built.sql, manifest }, Date.now());
  }

  async #copied({ model }: PlannedModel, step: Step, from: BuiltThere): Promise<Step> {
    const { job, reporter, promotes: { environment } } = this.#options;
    const session = this.#session;
    const own = modelTable(model.name);
    const existing = await relationKind(session, model.name);
    const goesOn = from.manifest.before !== undefined && existing === "table";
    if (goesOn && job.definition.keep_inputs !== undefined) await keepTableBefore(session, model.name);
    if (existing === "view") await session.run(`DROP VIEW ${own}`);
    const sql = `CREATE OR REPLACE TABLE ${own} AS FROM ${tableThere(model.name)}`;
    await session.run(sql);
    const { output } = from.manifest;
    const found = await tableFacts(session, { relation: own, table: `main.${model.name}` });
    if (output === undefined || found?.hash !== output.hash) {
      throw new AppError(
        "internal",
        `${model.name} is not the same in production as in ${environment} once it was copied: nothing was taken`,
      );
    }
    await forgetModelBatches(session, step.name);
    const manifest: StepManifest = { ...from.manifest, taken: { environment, run: from.run } };
    // What gathers rows goes on with them in each run.
    const definition = gathersRows(model) ? from.definition : { ...from.definition, taken: manifest };
    await writeBuiltModel(session, model.name, definition, job.runId);
    const start = from.manifest.window_start ?? null;
    const startMs = start === null ? null : Date.parse(start);
    const endMs = from.manifest.window_end === undefined
      ? job.windowEndMs
      : Date.parse(from.manifest.window_end);
    await this.#note(step.name, { startMs, endMs });
    if (gathersRows(model)) await setWindow(session, { startMs, endMs });
    const line = `Taken from ${environment}, where run ${from.run} has built it: ${
      formatPlural(found.rows ?? 0, "row")
    }`;
    reporter.log("info", step.name, line);
    const text = sql.replace(`${ENVIRONMENT_CATALOGUE}`, environment);
    return endStep(step, { state: "succeeded", rows: found.rows, sql: text, manifest }, Date.now());
  }

  /** The window that the rows are of goes with them: the next run goes on behind it. */
  async #note(
    step: string,
    window: { readonly startMs: number | null; readonly endMs: number },
  ): Promise<void> {
    await recordStepWindow(this.#session, step, this.#options.job.runId, window);
  }

  async #check(
    planned: PlannedModel | PlannedCheck,
    checks: readonly PlannedCheck[],
  ): Promise<readonly Checked[]> {
    if (checks.length === 0) return [];
    const { job, reporter } = this.#options;
    if (planned.kind === "check") await this.#earlier.ephemerals.declareFor(this.#session, planned);
    return await checkTable(this.#session, checks, { runId: job.runId, attempt: job.attempt, reporter });
  }
}

/** Throws where a check of severity error found rows: then nothing is taken. */
function requirePassed(checked: readonly Checked[]): void {
  const failed = checked.filter(({ step }) => step.state === "failed");
  if (failed.length === 0) return;
  const shown = failed.map(({ step }) => `${step.name}: ${step.error?.message ?? "it failed"}`);
  throw new AppError("invalid", `Nothing was taken over, as checks failed: ${shown.join("; ")}`, {
    detail: "All tables are as they were before this run.",
  });
}

const isoOf = (ms: number | null): string | null => ms === null ? null : new Date(ms).toISOString();
