/** Forgetting what is old. */

export interface RunsToForget {
  readonly pipeline: string;
  /** Runs from before this may go, epoch milliseconds. */
  readonly beforeMs: number;
  /** The newest so many stay, however old they are. */
  readonly keepNewest: number;
  /** Beyond so many the oldest go, however young they are. */
  readonly keepAtMost: number;
  /** How many to forget in this step. */
  readonly limit: number;
}

/** Forgets what is old, a small step a call: each returns how many rows went, 0 when nothing is left to do. */
export interface RetentionStore {
  /**
   * Ended runs of a pipeline, with their attempts, steps and logs. The run from whose window the next
   * one goes on stays.
   */
  forgetRuns(what: RunsToForget): Promise<number>;
  /**
   * Rows of the outbox from before then that all its readers have dealt with, of the inbox that were settled, problems that
   * were over and alerts that were sent before then.
   */
  forgetMessages(beforeMs: number): Promise<number>;
  /** Issued tokens that have ended. */
  forgetIssuedTokens(nowMs: number): Promise<number>;
  /**
   * Idempotency keys that came with requests from before then: such a key makes a new run again. Those that the server
   * makes, which have a space in them, stay with their runs.
   */
  forgetKeys(beforeMs: number): Promise<number>;
  /**
   * Revisions that neither a pipeline nor a run has used since before then, with their files. What is
   * found unused now is noted so: a revision goes only when it is found unused again.
   */
  forgetRevisions(moment: { readonly nowMs: number; readonly unusedBeforeMs: number }): Promise<number>;
}
