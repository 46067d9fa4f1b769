import type { Run, Step, StepKind, StepState } from "../../../contract/run.ts";

/** What metrics and traces are made of. */

/** From where somebody goes on who counts what happens. */
export interface FiguresBegin {
  /** Of the outbox: what is after it is not in the rest. */
  readonly seq: number;
  /** Queued and running ones. */
  readonly active: readonly Run[];
  /** Of each pipeline that has one. */
  readonly lastSucceeded: readonly Run[];
  readonly lastEnded: readonly Run[];
}

/** Steps of one pipeline, kind and state, together. */
export interface AttemptSteps {
  readonly pipeline: string;
  readonly kind: StepKind;
  readonly state: StepState;
  readonly count: number;
  readonly rows: number;
  readonly bytes: number;
  readonly durationMs: number;
}

/** What metrics are made of. Nothing here takes longer where more runs have ended. */
export interface FigureStore {
  /** All of one moment. */
  begin(): Promise<FiguresBegin>;
  /** The steps that these attempts worked on; none of runs that are forgotten. */
  stepsOf(
    attempts: readonly { readonly run: string; readonly attempt: number }[],
  ): Promise<AttemptSteps[]>;
  /** What each attempt of the run did of each step, in the order in which they were first seen. */
  allSteps(run: string): Promise<Step[]>;
}
