import type { AppError } from "../../../contract/errors.ts";
import type { PipelineStep, Step } from "../../../contract/run.ts";
import type { TableLook } from "../../warehouse/models/table_facts.ts";
import type { PlannedStep } from "../plan.ts";
import { failStep, type Reporter, startStep } from "../reporter.ts";
import type { Previews } from "../reports/previews.ts";
import { stepLine } from "../reports/step_log.ts";

export interface StepReportsContext {
  readonly attempt: number;
  readonly reporter: Reporter;
  readonly previews: Pick<Previews, "look">;
}

/** What an attempt says of its steps: their states, a line of the log for each, and a look at what they wrote. */
export class StepReports {
  readonly #context: StepReportsContext;

  constructor(context: StepReportsContext) {
    this.#context = context;
  }

  /** The step as it begins. */
  start(planned: PipelineStep): Step {
    const { attempt, reporter } = this.#context;
    const step = startStep(planned, attempt, Date.now());
    reporter.send({ type: "step", step });
    reporter.log("debug", step.name, `Begins: ${planned.summary}`);
    return step;
  }

  /** `files` is how many a stream was read from, `seen` what was seen of a model's table as it was made. */
  end(
    planned: PlannedStep,
    ended: Step,
    { files, seen }: { readonly files?: number | undefined; readonly seen?: TableLook | undefined } = {},
  ): void {
    const { reporter } = this.#context;
    reporter.send({ type: "step", step: ended });
    this.#look(planned, ended, seen);
    reporter.log("info", ended.name, stepLine(planned, ended, files));
  }

  /** What an earlier attempt has committed, which may have died before it could tell. */
  again(planned: PlannedStep, done: Step, checks: readonly Step[]): void {
    const { reporter } = this.#context;
    for (const step of [done, ...checks]) reporter.send({ type: "step", step });
    this.#look(planned, done);
    reporter.log("info", done.name, `Done already in attempt ${done.attempt}: not done again`);
  }

  skip(planned: PipelineStep, because: readonly string[]): void {
    const { attempt, reporter } = this.#context;
    const step = startStep(planned, attempt, Date.now());
    reporter.send({ type: "step", step: { ...step, state: "skipped", started_at: null } });
    reporter.log("warn", planned.name, `Skipped: ${because.join(" and ")} did not succeed`);
  }

  fail(step: Step, failure: AppError): void {
    const { reporter } = this.#context;
    const failed = { ...failStep(step, failure, Date.now()), ...reporter.trafficOf(step.name) };
    reporter.send({ type: "step", step: failed });
    reporter.log("error", step.name, [failure.message, failure.detail ?? ""].join("\n").trim());
  }

  #look(planned: PlannedStep, step: Step, seen?: TableLook): void {
    if (planned.kind === "extract" || planned.kind === "model") {
      this.#context.previews.look(planned, step, seen);
    }
  }
}
