import type { AfterDefinition } from "../../../contract/triggers/after.ts";

/** A pipeline in force that runs after others. */
export interface Dependant {
  readonly pipeline: string;
  readonly after: AfterDefinition;
  /** As its definition says. */
  readonly overlap: string;
  readonly paused: boolean;
}

/** A success of a pipeline, noted for one that runs after it. Times are epoch milliseconds. */
export interface DependencyMark {
  readonly pipeline: string;
  readonly upstream: string;
  readonly run: string;
  /** The window of that run; null: from the beginning. */
  readonly startMs: number | null;
  readonly endMs: number;
  /** Whether the window was asked for. */
  readonly isGiven: boolean;
  /** Whether it has started a run already: then it is what was left of its window. */
  readonly isUsed: boolean;
}

/** Successes of pipelines, until those that run after them have. */
export interface DependencyStore {
  /** The pipelines in force that run after others, by name. */
  list(): Promise<Dependant[]>;
  /**
   * Notes successes, and that the reader of the outbox has dealt with all up to `uptoSeq`: both or neither. A
   * success whose `seq` the reader had dealt with before is not noted again.
   */
  note(
    reader: string,
    uptoSeq: number,
    successes: readonly (Omit<DependencyMark, "isUsed"> & { readonly seq: number })[],
  ): Promise<void>;
  /** Pipelines with a success that was not used. */
  waiting(): Promise<string[]>;
  /** The oldest run first. */
  of(pipeline: string): Promise<DependencyMark[]>;
  /**
   * The successes have started a run that is for all before `untilMs`: of those that go on after it the rest stays,
   * as used; those that begin after it stay as they are.
   */
  use(pipeline: string, runs: readonly string[], untilMs: number): Promise<void>;
  /** Those of a pipeline that is not started by them. */
  forget(pipeline: string): Promise<void>;
}
