import type { LoadReceipt } from "../../../contract/connector/destination.ts";
import { toAppError } from "../../../contract/errors.ts";
import type { Step } from "../../../contract/run.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { countRows } from "../load.ts";
import type { PlannedLoad } from "../plan.ts";
import { failStep, type Reporter } from "../reporter.ts";
import { PassingLoad } from "./passing_load.ts";
import { partOfRun, type PassingRun } from "./part_of_run.ts";

export interface PassingLoadsOptions extends PassingRun {
  readonly reporter: Reporter;
  /** Reports the beginning of a load's step. */
  readonly start: (planned: PlannedLoad) => Step;
}

interface Passing {
  readonly load: PassingLoad;
  /** From the load's beginning on. */
  step: Step | undefined;
}

/** The loads of an attempt that take rows while they are read, from the extract's step to their own. */
export class PassingLoads {
  readonly #options: PassingLoadsOptions;
  /** By the name of the load's step. */
  readonly #loads = new Map<string, Passing>();

  constructor(options: PassingLoadsOptions) {
    this.#options = options;
  }

  /** The load as the extract feeds it. */
  add(planned: PlannedLoad): PassingLoad {
    const { reporter, start } = this.#options;
    const { step: { name } } = planned;
    const load = new PassingLoad({
      ...partOfRun(this.#options, planned),
      onStart: () => {
        passing.step = start(planned);
        reporter.log("info", name, "Takes the rows while they are read");
      },
      onGiveUp: () => reporter.log("info", name, "The rows come from the table after all"),
    });
    const passing: Passing = { load, step: undefined };
    this.#loads.set(name, passing);
    return load;
  }

  /** The load's step where it has begun. */
  stepOf(name: string): Step | undefined {
    return this.#loads.get(name)?.step;
  }

  /**
   * Commits the load; to be called when the warehouse has committed the stream. Undefined where it
   * has to be done from the table. Throws what the load failed with.
   */
  async finish(
    session: DuckSession,
    { step: { name }, relation }: PlannedLoad,
  ): Promise<LoadReceipt | undefined> {
    const passing = this.#loads.get(name);
    this.#loads.delete(name);
    if (passing === undefined) return undefined;
    await using load = passing.load;
    return load.isPassing ? await load.finish(() => countRows(session, relation)) : undefined;
  }

  /**
   * Leaves the destination as it was. A load that has begun is reported as cancelled where the run is; else
   * its step is still to be skipped.
   */
  async drop(name: string): Promise<void> {
    const { reporter, signal } = this.#options;
    const passing = this.#loads.get(name);
    this.#loads.delete(name);
    await passing?.load[Symbol.asyncDispose]();
    if (passing?.step === undefined || !signal.aborted) return;
    reporter.send({ type: "step", step: failStep(passing.step, toAppError(signal.reason), Date.now()) });
  }

  /** Those that never came to their own step. */
  async dropAll(): Promise<void> {
    for (const name of [...this.#loads.keys()]) await this.drop(name);
  }
}
