import { AppError, toAppError } from "../../../contract/errors.ts";
import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { Step } from "../../../contract/run.ts";
import type { JobContext } from "../job_context.ts";
import type { PlannedStep } from "../plan.ts";
import { settingsOf, tryStep, watchStep } from "../steps/step_tries.ts";
import type { StepReports } from "./step_reports.ts";
import type { StepWork } from "./step_work.ts";

export interface StepRunnerOptions {
  readonly job: RunJob;
  readonly context: JobContext;
  /** What earlier attempts of the run have done, by step. */
  readonly committed: ReadonlyMap<string, Step>;
  readonly work: StepWork;
  readonly reports: StepReports;
}

/** Runs the steps of one attempt: those that are done are only reported, others are tried as often as they may be. */
export class StepRunner {
  readonly #options: StepRunnerOptions;
  #failure: AppError | undefined;
  /** The step that took longer than it may. */
  #overdue: string | undefined;

  constructor(options: StepRunnerOptions) {
    this.#options = options;
  }

  /** The first failure of a step. */
  get failure(): AppError | undefined {
    return this.#failure;
  }

  /** Resolves to whether the step succeeded; never throws. `partner` is the load that may take an extract's rows. */
  async run(planned: PlannedStep, partner?: PlannedStep): Promise<boolean> {
    const { job, context: { reporter, signal }, work, reports } = this.#options;
    const { name } = planned.step;
    if (this.#wasDone(planned)) return true;
    const straight = work.straightEndOf(name);
    if (straight !== undefined) {
      reports.end(planned, straight);
      return true;
    }
    const step = work.passingStepOf(name) ?? reports.start(planned.step);
    const settings = settingsOf(planned, job.definition);
    using _watch = watchStep(settings, (timeout) => this.#stopFor(step, timeout));
    try {
      const tries = { step: name, runId: job.runId, settings, reporter, signal };
      const ended = await tryStep(
        tries,
        (number) => work.carryOut(planned, step, number === 1 ? partner : undefined),
      );
      reports.end(planned, ended, work.seenOf(planned));
      return true;
    } catch (error) {
      const failure = signal.aborted ? this.#stopOf(step) : toAppError(error);
      this.#failure ??= new AppError(failure.code, `${name}: ${failure.message}`, {
        ...(failure.detail === undefined ? {} : { detail: failure.detail }),
        cause: failure,
      });
      reports.fail(step, failure);
      return false;
    }
  }

  /** What depends on a step that did not succeed; a load whose stream went straight to it has failed with that. */
  skip({ step }: PlannedStep, because: readonly string[]): void {
    const { context: { reporter }, work, reports } = this.#options;
    const straight = work.straightEndOf(step.name);
    if (straight === undefined) reports.skip(step, because);
    else reporter.send({ type: "step", step: straight });
  }

  /** Whether an earlier attempt has committed it: then that is reported again. */
  #wasDone(planned: PlannedStep): boolean {
    const { committed, work, reports } = this.#options;
    const done = committed.get(planned.step.name);
    if (done === undefined) return false;
    const inline = planned.kind === "model" ? planned.checks : [];
    const checks = inline.flatMap(({ step }) => committed.get(step.name) ?? []);
    reports.again(planned, done, checks);
    for (const step of [done, ...checks]) if (step.kind === "check") work.lookAtCheck(step);
    return true;
  }

  /** The whole attempt stops: what a step works with, it shares with the others. */
  #stopFor({ name }: Step, timeout: string): void {
    const { signal, stop } = this.#options.context;
    if (signal.aborted) return;
    this.#overdue = name;
    stop?.(new AppError("timeout", `${name} took longer than its timeout of ${timeout}`));
  }

  /** Why a step was stopped: only one has taken too long. */
  #stopOf({ name }: Step): AppError {
    const reason = toAppError(this.#options.context.signal.reason);
    if (this.#overdue === undefined || this.#overdue === name) return reason;
    return new AppError("cancelled", `Stopped with the run: ${reason.message}`);
  }
}
