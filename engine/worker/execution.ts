import { AppError, toAppError } from "../../contract/errors.ts";
import type { RunJob } from "../../contract/jobs/run_job.ts";
import type { PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import type { PipelineStep, Step } from "../../contract/run.ts";
import type { Graph } from "../../sql/language/graph.ts";
import { namesState } from "../../sql/language/selector.ts";
import type { DuckSession } from "../duckdb/session.ts";
import type { ThreadCount } from "../duckdb/thread_count.ts";
import { forgetOldCheckValues } from "../warehouse/checks/check_values.ts";
import { forgetOldFailedRows } from "../warehouse/checks/failed_rows.ts";
import { foldJournal } from "../warehouse/journal.ts";
import { dropTablesBefore } from "../warehouse/models/tables_before.ts";
import { forgetOldRejects } from "../warehouse/rejects.ts";
import { committedSteps, forgetOldSteps, recordStep } from "../warehouse/step_ledger.ts";
import { recordStepWindow } from "../warehouse/step_windows.ts";
import type { Connections } from "./connections.ts";
import { letGo } from "./changes/let_go.ts";
import { FollowedSteps } from "./changes/followed_steps.ts";
import { ExtractSteps } from "./extract/extract_steps.ts";
import { LoadSteps } from "./loads/load_steps.ts";
import { loadInPass } from "./pass_through/load_in_pass.ts";
import { PassingLoads } from "./pass_through/passing_loads.ts";
import { StraightSteps } from "./pass_through/straight_steps.ts";
import {
  nodeOf,
  type Plan,
  type PlannedExtract,
  type PlannedLoad,
  type PlannedModel,
  type PlannedSnapshot,
  type PlannedStep,
} from "./plan.ts";
import { Places } from "./places.ts";
import { pointsOf } from "./points.ts";
import { Previews } from "./reports/previews.ts";
import { endStep, failStep, startStep } from "./reporter.ts";
import type { JobContext } from "./job_context.ts";
import type { SessionLease, SessionPool } from "./session_pool.ts";
import { stepLine } from "./reports/step_log.ts";
import { stepsAtOnce } from "./steps/steps_at_once.ts";
import { settingsOf, tryStep, watchStep } from "./steps/step_tries.ts";
import { runTaskGraph } from "./task_graph.ts";
import { chooseSteps, requireTables } from "./models/chosen_steps.ts";
import { clearAway, type EarlierRuns, lookBack } from "./models/earlier_runs.ts";
import { programVersions } from "./models/input_facts.ts";
import { CheckSteps } from "./models/check_steps.ts";
import { ModelSteps } from "./models/model_steps.ts";
import { publishSnapshot } from "./snapshots/publish_snapshot.ts";
import { stepStates } from "./models/step_states.ts";
import { appendsRows, gathersRows } from "../../sql/build/model_change.ts";
import { setWindow } from "../../sql/build/variables.ts";

export interface ExecutionOptions {
  readonly job: RunJob;
  /** The job's definition with its wildcards as they are written. */
  readonly written: PipelineDefinition;
  readonly context: JobContext;
  readonly sessions: SessionPool;
  readonly connections: Connections;
  readonly threads: ThreadCount;
}

/** The steps of one attempt, and what became of them. Each runs on a session of its own. */
export class Execution {
  readonly #job: RunJob;
  readonly #written: PipelineDefinition;
  readonly #context: JobContext;
  readonly #sessions: SessionPool;
  readonly #connections: Connections;
  readonly #threads: ThreadCount;
  #committed: ReadonlyMap<string, Step> = new Map();
  readonly #passing: PassingLoads;
  #followed: FollowedSteps | undefined;
  #earlier: EarlierRuns | undefined;
  #failure: AppError | undefined;
  /** The step that took longer than it may. */
  #overdue: string | undefined;
  readonly #previews: Previews;
  readonly #extracts: ExtractSteps;
  readonly #models: ModelSteps;
  readonly #loads: LoadSteps;
  #straight: StraightSteps | undefined;
  readonly #checks: CheckSteps;

  constructor({ job, written, context, sessions, connections, threads }: ExecutionOptions) {
    this.#job = job;
    this.#written = written;
    this.#context = context;
    this.#sessions = sessions;
    this.#connections = connections;
    this.#threads = threads;
    this.#passing = new PassingLoads({
      runId: job.runId,
      atMs: job.windowEndMs,
      connections,
      reporter: context.reporter,
      signal: context.signal,
      points: pointsOf(job.dieAt),
      start: ({ step }) => this.#start(step),
    });
    const { reporter, signal } = context;
    this.#extracts = new ExtractSteps({
      job,
      reporter,
      signal,
      connections,
      threads,
      lease: (planned) => this.#lease(planned),
      record: (session, planned, step, change) => this.#record(session, planned, step, change),
    });
    this.#checks = new CheckSteps({
      runId: job.runId,
      attempt: job.attempt,
      reporter,
      lease: () => sessions.lease(),
      mark: (session, step) => recordStep(session, job.runId, step),
    });
    this.#models = new ModelSteps({
      job,
      reporter,
      checks: this.#checks,
      mark: (session, step) => recordStep(session, job.runId, step),
      record: (session, planned, step, change) => this.#record(session, planned, step, change),
    });
    this.#loads = new LoadSteps({
      job,
      reporter,
      signal,
      connections,
      passing: this.#passing,
      record: (session, planned, step, change) => this.#record(session, planned, step, change),
    });
    this.#previews = new Previews({
      runId: job.runId,
      lease: () => sessions.lease(),
      signal: context.signal,
      send: (table) => context.reporter.send({ type: "table", table }),
      sendRejects: (rejects) => context.reporter.send({ type: "rejects", rejects }),
      sendStream: (stream) => context.reporter.send({ type: "stream", stream }),
    });
  }

  /** Throws the first failure when all else is done, and the signal's reason when nothing runs any more. */
  async carryOut(plan: Plan, graph: Graph): Promise<void> {
    const { select, runId, definition } = this.#job;
    const { signal } = this.#context;
    const states = select === null || !namesState(select)
      ? undefined
      : await this.#withSession((session) => stepStates(session, runId, plan));
    const steps = chooseSteps(plan, graph, select, states);
    this.#checks.know(steps);
    if (select !== null) await this.#withSession((session) => requireTables(session, steps, plan, graph));
    const committed = await this.#withSession((session) => committedSteps(session, runId));
    this.#committed = this.#job.isOvertaken ? loadsOf(committed, steps) : committed;
    const earlier = await this.#withSession((session) =>
      lookBack(session, this.#job, { plan, graph, committed: this.#committed })
    );
    this.#earlier = earlier;
    this.#followed = new FollowedSteps(
      {
        job: this.#job,
        reporter: this.#context.reporter,
        signal,
        sessions: this.#sessions,
        connections: this.#connections,
        record: (session, planned, step, change) => this.#record(session, planned, step, change),
      },
      steps.filter(({ step }) => !this.#committed.has(step.name)),
    );
    const straight = new StraightSteps(
      {
        job: this.#job,
        reporter: this.#context.reporter,
        signal,
        connections: this.#connections,
        threads: this.#threads,
        start: ({ step }) => this.#start(step),
        record: (session, planned, step, change) => this.#record(session, planned, step, change),
      },
      steps,
    );
    this.#straight = straight;
    const places = new Places(this.#connections, (planned) => straight.loadOf(planned));
    const tasks = steps.map((planned) => ({
      name: planned.step.name,
      depends: planned.step.depends,
      uses: places.usesOf(planned),
      planned,
    }));
    await runTaskGraph(tasks, {
      limit: stepsAtOnce(definition.resources, navigator.hardwareConcurrency),
      limitOf: (used) => places.limitOf(used),
      signal,
      partnerOf: ({ planned }) => {
        const load = this.#loadInPass(planned, steps);
        return tasks.find((task) => task.planned === load);
      },
      run: ({ planned }, partner) => this.#run(planned, partner?.planned),
      skip: ({ planned }, because) => this.#skip(planned.step, because),
    });
    await this.#passing.dropAll();
    await this.#previews.done();
    await this.#checks.done();
    if (signal.aborted) throw toAppError(signal.reason);
    await this.#withSession(async (session) => {
      await foldJournal(session);
      await forgetOldSteps(session);
      await forgetOldRejects(session);
      await forgetOldFailedRows(session);
      await forgetOldCheckValues(session);
      if (this.#failure === undefined) {
        const { reporter } = this.#context;
        await clearAway(session, this.#job, earlier, reporter);
        if (select === null) await dropTablesBefore(session, this.#keptBefore(plan));
        const following = { pipeline: this.#job.pipeline, definition: this.#written };
        await letGo(session, following, (name) => this.#connections.sourceOf(name), reporter, signal);
      }
    });
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The models whose tables are kept as they were before the run. */
  #keptBefore({ steps }: Plan): readonly string[] {
    if (this.#job.definition.keep_inputs === undefined) return [];
    return steps.flatMap((planned) =>
      planned.kind === "model" && gathersRows(planned.model) ? [planned.model.name] : []
    );
  }

  /** The load that may take the rows of the step while it reads them. */
  #loadInPass(planned: PlannedStep, steps: readonly PlannedStep[]): PlannedLoad | undefined {
    if (planned.kind !== "extract" || this.#committed.has(planned.step.name)) return undefined;
    const load = loadInPass(planned, steps, (target) => this.#connections.stagesWhileReading(target));
    return load !== undefined && this.#committed.has(load.step.name) ? undefined : load;
  }

  /**
   * Runs a step, unless it is done, and reports how it went. Resolves to whether it succeeded. `partner`
   * is the load that may take an extract's rows.
   */
  async #run(planned: PlannedStep, partner?: PlannedStep): Promise<boolean> {
    const { reporter, signal } = this.#context;
    const { step: plannedStep } = planned;
    if (this.#replay(planned)) return true;
    const straight = this.#straight?.endOf(plannedStep.name);
    if (straight !== undefined) return this.#reportEnd(planned, straight);
    const step = this.#passing.stepOf(plannedStep.name) ?? this.#start(plannedStep);
    const { runId, definition } = this.#job;
    const settings = settingsOf(planned, definition);
    using _watch = watchStep(settings, (timeout) => this.#stopFor(step, timeout));
    try {
      const tries = { step: step.name, runId, settings, reporter, signal };
      const work = (number: number) => this.#work(planned, step, number === 1 ? partner : undefined);
      return this.#reportEnd(planned, await tryStep(tries, work));
    } catch (error) {
      const failure = signal.aborted ? this.#stopOf(step) : toAppError(error);
      this.#failure ??= new AppError(failure.code, `${step.name}: ${failure.message}`, {
        ...(failure.detail === undefined ? {} : { detail: failure.detail }),
        cause: failure,
      });
      const failed = { ...failStep(step, failure, Date.now()), ...reporter.trafficOf(step.name) };
      reporter.send({ type: "step", step: failed });
      reporter.log("error", step.name, [failure.message, failure.detail ?? ""].join("\n").trim());
      return false;
    }
  }

  /** The whole attempt stops: what a step works with, it shares with the others. */
  #stopFor({ name }: Step, timeout: string): void {
    if (this.#context.signal.aborted) return;
    this.#overdue = name;
    this.#context.stop?.(new AppError("timeout", `${name} took longer than its timeout of ${timeout}`));
  }

  /** Why a step was stopped: only one has taken too long. */
  #stopOf({ name }: Step): AppError {
    const reason = toAppError(this.#context.signal.reason);
    if (this.#overdue === undefined || this.#overdue === name) return reason;
    return new AppError("cancelled", `Stopped with the run: ${reason.message}`);
  }

  #reportEnd(planned: PlannedStep, ended: Step): boolean {
    const { reporter } = this.#context;
    reporter.send({ type: "step", step: ended });
    if (planned.kind === "extract") this.#previews.look(planned, ended);
    if (planned.kind === "model") {
      this.#previews.look(planned, ended, this.#earlier?.inputs.takeSeen(planned.model));
    }
    reporter.log("info", ended.name, stepLine(planned, ended, this.#extracts.filesOf(ended.name)));
    return true;
  }

  #start(planned: PipelineStep): Step {
    const step = startStep(planned, this.#job.attempt, Date.now());
    this.#context.reporter.send({ type: "step", step });
    this.#context.reporter.log("debug", step.name, `Begins: ${planned.summary}`);
    return step;
  }

  #skip(planned: PipelineStep, because: readonly string[]): void {
    const { reporter } = this.#context;
    const straight = this.#straight?.endOf(planned.name);
    if (straight !== undefined) return reporter.send({ type: "step", step: straight });
    const step = startStep(planned, this.#job.attempt, Date.now());
    reporter.send({ type: "step", step: { ...step, state: "skipped", started_at: null } });
    reporter.log("warn", planned.name, `Skipped: ${because.join(" and ")} did not succeed`);
  }

  /** Reports again what an earlier attempt committed; false where it did not. */
  #replay(planned: PlannedStep): boolean {
    const steps = [planned, ...(planned.kind === "model" ? planned.checks : [])];
    const [done, ...checks] = steps.map(({ step }) => this.#committed.get(step.name));
    if (done === undefined) return false;
    const { reporter } = this.#context;
    for (const step of [done, ...checks]) {
      if (step !== undefined) reporter.send({ type: "step", step });
      if (step?.kind === "check") this.#checks.look(step);
    }
    // The attempt that did it may have died before it could tell.
    if (planned.kind === "extract" || planned.kind === "model") this.#previews.look(planned, done);
    reporter.log("info", done.name, `Done already in attempt ${done.attempt}: not done again`);
    return true;
  }

  async #work(planned: PlannedStep, step: Step, partner: PlannedStep | undefined): Promise<Step> {
    if (planned.kind === "extract" && planned.stream.mode === "cdc") {
      if (this.#followed === undefined) throw new AppError("internal", `${step.name} before the run began`);
      return await this.#followed.carryOut(planned, step);
    }
    if (planned.kind === "extract" && !planned.stream.store) {
      const straight = this.#straight;
      if (straight === undefined) throw new AppError("internal", `${step.name} before the run began`);
      return await this.#withSession((session) => straight.carryOut(session, planned, step), planned);
    }
    if (planned.kind === "extract") {
      const tap = partner?.kind === "load" ? this.#passing.add(partner) : undefined;
      try {
        return await this.#withSession(
          (session) => this.#extracts.carryOut(session, planned, step, tap),
          planned,
        );
      } catch (error) {
        if (partner !== undefined) await this.#passing.drop(partner.step.name);
        throw error;
      }
    }
    await using _computing = await this.#threads.computing();
    return await this.#compute(planned, step);
  }

  #compute(planned: Exclude<PlannedStep, PlannedExtract>, step: Step): Promise<Step> {
    switch (planned.kind) {
      case "model":
        return this.#withSession((session) => this.#build(session, planned, step), planned);
      case "check":
        return this.#withSession(async (session) => {
          await this.#earlier?.ephemerals.declareFor(session, planned);
          return await this.#checks.carryOut(session, planned);
        }, planned);
      case "snapshot":
        return this.#withSession((session) => this.#publish(session, planned, step), planned);
      case "load":
        return this.#withSession((session) => this.#loads.carryOut(session, planned, step), planned);
    }
  }

  #build(session: DuckSession, planned: PlannedModel, step: Step): Promise<Step> {
    const earlier = this.#earlier;
    if (earlier === undefined) throw new AppError("internal", `${step.name} is built before the run began`);
    return this.#models.carryOut(session, planned, step, earlier);
  }

  async #publish(session: DuckSession, planned: PlannedSnapshot, step: Step): Promise<Step> {
    using _interrupt = session.interruptOn(this.#context.signal);
    const published = await publishSnapshot({ job: this.#job, ...this.#context }, session, planned);
    return await this.#record(session, planned, step, published);
  }

  async #record(
    session: DuckSession,
    planned: PlannedStep,
    step: Step,
    change: Partial<Step>,
  ): Promise<Step> {
    const traffic = this.#context.reporter.trafficOf(step.name);
    const manifest = { ...programVersions(), ...change.manifest };
    const done = endStep(step, { state: "succeeded", ...traffic, ...change, manifest }, Date.now());
    await recordStep(session, this.#job.runId, done);
    const window = this.#earlier?.windows.doneFor(nodeOf(planned), done.name);
    if (window !== undefined) await recordStepWindow(session, done.name, this.#job.runId, window);
    return done;
  }

  /** `planned` is the step whose window the session's SQL is to see. */
  async #withSession<T>(work: (session: DuckSession) => Promise<T>, planned?: PlannedStep): Promise<T> {
    await using lease = await this.#lease(planned);
    return await work(lease.session);
  }

  async #lease(planned?: PlannedStep): Promise<SessionLease> {
    const lease = await this.#sessions.lease();
    if (planned !== undefined && this.#earlier !== undefined) {
      const startMs = this.#earlier.windows.startOf(nodeOf(planned));
      await setWindow(lease.session, { startMs, endMs: this.#job.windowEndMs });
    }
    return lease;
  }
}

/**
 * What still counts as done where another run has been at the tables since: what a destination has, what was read
 * straight into one, and what was appended to a table, where it still is. All else is in tables that are the other
 * run's by now.
 */
function loadsOf(
  committed: ReadonlyMap<string, Step>,
  steps: readonly PlannedStep[],
): ReadonlyMap<string, Step> {
  const kept = steps.filter((planned) =>
    planned.kind === "load" || (planned.kind === "extract" && !planned.stream.store) ||
    (planned.kind === "model" && appendsRows(planned.model))
  );
  return new Map(kept.flatMap(({ step }) => {
    const done = committed.get(step.name);
    return done === undefined ? [] : [[step.name, done] as const];
  }));
}
