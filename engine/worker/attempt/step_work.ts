import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { Step } from "../../../contract/run.ts";
import { setWindow } from "../../../sql/build/variables.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { ThreadCount } from "../../duckdb/thread_count.ts";
import type { TableLook } from "../../warehouse/models/table_facts.ts";
import { recordStep } from "../../warehouse/steps/step_ledger.ts";
import { recordStepWindow } from "../../warehouse/steps/step_windows.ts";
import { FollowedSteps } from "../changes/followed_steps.ts";
import type { Connections } from "../connections.ts";
import { ExtractSteps } from "../extract/extract_steps.ts";
import type { JobContext } from "../job_context.ts";
import { LoadSteps } from "../loads/load_steps.ts";
import { CheckSteps } from "../models/check_steps.ts";
import { programVersions } from "../models/input_facts.ts";
import { ModelSteps } from "../models/model_steps.ts";
import { loadInPass } from "../pass_through/load_in_pass.ts";
import { PassingLoads } from "../pass_through/passing_loads.ts";
import { StraightSteps } from "../pass_through/straight_steps.ts";
import { nodeOf, type PlannedExtract, type PlannedLoad, type PlannedStep } from "../plan.ts";
import { pointsOf } from "../points.ts";
import { endStep } from "../reporter.ts";
import type { SessionLease, SessionPool } from "../session_pool.ts";
import { publishSnapshot } from "../snapshots/publish_snapshot.ts";
import type { BegunAttempt } from "./begin_attempt.ts";
import type { StepReports } from "./step_reports.ts";

export interface StepWorkOptions {
  readonly job: RunJob;
  readonly context: JobContext;
  readonly sessions: SessionPool;
  readonly connections: Connections;
  readonly threads: ThreadCount;
}

/** What each kind of step does, and what the steps of one attempt share for it. Each runs on a session of its own. */
export class StepWork {
  readonly #options: StepWorkOptions;
  readonly #begun: BegunAttempt;
  readonly #passing: PassingLoads;
  readonly #followed: FollowedSteps;
  readonly #straight: StraightSteps;
  readonly #extracts: ExtractSteps;
  readonly #models: ModelSteps;
  readonly #loads: LoadSteps;
  readonly #checks: CheckSteps;

  constructor(options: StepWorkOptions, begun: BegunAttempt, reports: StepReports) {
    const { job, context: { reporter, signal }, sessions, connections, threads } = options;
    const { steps, committed } = begun;
    this.#options = options;
    this.#begun = begun;
    const start = ({ step }: PlannedLoad) => reports.start(step);
    const record = this.#record.bind(this);
    const mark = (session: DuckSession, step: Step) => recordStep(session, job.runId, step);
    this.#passing = new PassingLoads({
      runId: job.runId,
      atMs: job.windowEndMs,
      connections,
      reporter,
      signal,
      points: pointsOf(job.dieAt),
      start,
    });
    this.#extracts = new ExtractSteps({
      job,
      reporter,
      signal,
      connections,
      threads,
      lease: (planned) => this.#lease(planned),
      record,
    });
    this.#followed = new FollowedSteps(
      { job, reporter, signal, sessions, connections, record },
      steps.filter(({ step }) => !committed.has(step.name)),
    );
    this.#straight = new StraightSteps({ job, reporter, signal, connections, threads, start, record }, steps);
    this.#checks = new CheckSteps({
      runId: job.runId,
      attempt: job.attempt,
      reporter,
      lease: () => sessions.lease(),
      mark,
    });
    this.#checks.know(steps);
    this.#models = new ModelSteps({ job, reporter, checks: this.#checks, mark, record });
    this.#loads = new LoadSteps({ job, reporter, signal, connections, passing: this.#passing, record });
  }

  /** The step with its end. `partner` is the load that may take an extract's rows. Throws what the step fails with. */
  async carryOut(planned: PlannedStep, step: Step, partner: PlannedStep | undefined): Promise<Step> {
    if (planned.kind === "extract") return await this.#extract(planned, step, partner);
    await using _computing = await this.#options.threads.computing();
    return await this.#withSession(planned, (session) => this.#compute(session, planned, step));
  }

  /** What else there is to say of a step that has ended. */
  seenOf(
    planned: PlannedStep,
  ): { readonly files?: number | undefined; readonly seen?: TableLook | undefined } {
    if (planned.kind === "extract") return { files: this.#extracts.filesOf(planned.step.name) };
    if (planned.kind === "model") return { seen: this.#begun.earlier.inputs.takeSeen(planned.model) };
    return {};
  }

  /** The load that a stream's rows go straight to. */
  straightLoadOf(planned: PlannedExtract): PlannedLoad | undefined {
    return this.#straight.loadOf(planned);
  }

  /** The load's step where it has ended with the stream whose rows went straight to it. */
  straightEndOf(load: string): Step | undefined {
    return this.#straight.endOf(load);
  }

  /** The load that may take the rows of the step while it reads them. */
  loadInPass(planned: PlannedStep): PlannedLoad | undefined {
    const { steps, committed } = this.#begun;
    if (planned.kind !== "extract" || committed.has(planned.step.name)) return undefined;
    const { connections } = this.#options;
    const load = loadInPass(planned, steps, (target) => connections.stagesWhileReading(target));
    return load !== undefined && committed.has(load.step.name) ? undefined : load;
  }

  /** The load's step where it has begun to take rows while they are read. */
  passingStepOf(load: string): Step | undefined {
    return this.#passing.stepOf(load);
  }

  /** Reports the rows that are kept of a check. */
  lookAtCheck(step: Step): void {
    this.#checks.look(step);
  }

  /** When no step runs any more: lets go of what none has come for, and waits for what is looked at. */
  async done(): Promise<void> {
    await this.#passing.dropAll();
    await this.#checks.done();
  }

  async #extract(planned: PlannedExtract, step: Step, partner: PlannedStep | undefined): Promise<Step> {
    if (planned.stream.mode === "cdc") return await this.#followed.carryOut(planned, step);
    if (!planned.stream.store) {
      return await this.#withSession(planned, (session) => this.#straight.carryOut(session, planned, step));
    }
    const tap = partner?.kind === "load" ? this.#passing.add(partner) : undefined;
    try {
      return await this.#withSession(
        planned,
        (session) => this.#extracts.carryOut(session, planned, step, tap),
      );
    } catch (error) {
      if (partner !== undefined) await this.#passing.drop(partner.step.name);
      throw error;
    }
  }

  async #compute(
    session: DuckSession,
    planned: Exclude<PlannedStep, PlannedExtract>,
    step: Step,
  ): Promise<Step> {
    const { earlier } = this.#begun;
    switch (planned.kind) {
      case "model":
        return await this.#models.carryOut(session, planned, step, earlier);
      case "check":
        await earlier.ephemerals.declareFor(session, planned);
        return await this.#checks.carryOut(session, planned);
      case "snapshot": {
        const { job, context } = this.#options;
        using _interrupt = session.interruptOn(context.signal);
        const published = await publishSnapshot({ job, ...context }, session, planned);
        return await this.#record(session, planned, step, published);
      }
      case "load":
        return await this.#loads.carryOut(session, planned, step);
    }
  }

  /** Marks the step as done, in the session's transaction; returns it with its end. */
  async #record(
    session: DuckSession,
    planned: PlannedStep,
    step: Step,
    change: Partial<Step>,
  ): Promise<Step> {
    const { job, context: { reporter } } = this.#options;
    const manifest = { ...programVersions(), ...change.manifest };
    const end = { state: "succeeded", ...reporter.trafficOf(step.name), ...change, manifest } as const;
    const done = endStep(step, end, Date.now());
    await recordStep(session, job.runId, done);
    const window = this.#begun.earlier.windows.doneFor(nodeOf(planned), done.name);
    if (window !== undefined) await recordStepWindow(session, done.name, job.runId, window);
    return done;
  }

  async #withSession<T>(planned: PlannedStep, work: (session: DuckSession) => Promise<T>): Promise<T> {
    await using lease = await this.#lease(planned);
    return await work(lease.session);
  }

  /** A session whose SQL sees the window of the step. */
  async #lease(planned: PlannedStep): Promise<SessionLease> {
    const { job, sessions } = this.#options;
    const lease = await sessions.lease();
    const startMs = this.#begun.earlier.windows.startOf(nodeOf(planned));
    await setWindow(lease.session, { startMs, endMs: job.windowEndMs });
    return lease;
  }
}
