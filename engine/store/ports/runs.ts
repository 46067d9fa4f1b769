import type { AppError, ErrorRecord } from "../../../contract/errors.ts";
import type { Range } from "../../../contract/range.ts";
import type {
  AttemptState,
  ParamValue,
  Run,
  RunDetail,
  RunState,
  Step,
  Trigger,
} from "../../../contract/run.ts";
import type { RunAnnotation } from "../../../contract/runs/annotation.ts";

/** Runs, their attempts and logs, as the control store keeps them. */

export interface NewRun {
  readonly id: string;
  readonly pipeline: string;
  readonly revision: string;
  readonly trigger: Trigger;
  readonly triggeredBy: string | null;
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly select: string | null;
  readonly fullRefresh: boolean;
  readonly idempotencyKey: string | null;
  /** Of what was asked for: with a known idempotency key it must be the same. Null compares with nothing. */
  readonly requestHash: string | null;
  /** The window that was asked for, epoch milliseconds; undefined: from where the last one ended. */
  readonly window?: { readonly startMs: number | null; readonly endMs: number };
  readonly range?: Range;
  /** Where a window that was not asked for ends, as far as the clock says. */
  readonly windowEndMs: number;
  readonly createdAtMs: number;
  readonly group?: string;
  readonly parent?: string;
  /** 0 by default; the higher goes first. */
  readonly priority?: number;
  readonly tags?: readonly string[];
  readonly note?: string;
  /** The environment whose tables it takes over. */
  readonly promotes?: string;
  /** The trace that the request came from. */
  readonly traceparent?: string;
  /** What it needs slots of while it runs, and how many there are of each. */
  readonly limits?: Readonly<Record<string, { readonly slots: number; readonly needed: number }>>;
  /** The successes of other pipelines that it is for: they are used with it, see `DependencyStore.use`. */
  readonly follows?: { readonly runs: readonly string[]; readonly untilMs: number };
}

export interface CreateRequest {
  readonly run: NewRun;
  /** Only while no run of the pipeline is queued or running; those of backfills do not count. */
  readonly unlessActive: boolean;
}

/**
 * The run that was made, or the first of its idempotency key; undefined where one was active; or why it could not be
 * stored.
 */
export type Created = { readonly run: Run; readonly created: boolean } | AppError | undefined;

/** An attempt that a worker holds. Every write of the attempt is guarded by it. */
export interface Lease {
  readonly run: string;
  readonly attempt: number;
  readonly worker: string;
  /** For one that takes it over: it is only held while it was not renewed since it ended then. */
  readonly untilMs?: number;
}

export interface Claim {
  readonly worker: string;
  readonly nowMs: number;
  readonly leaseUntilMs: number;
  /** How many runs the worker has at once. */
  readonly maxRuns: number;
  /** Only runs of these. */
  readonly pipelines?: readonly string[];
  /** How many to take at once; 1 by default. */
  readonly most?: number;
}

/** What an attempt's end says about the run. */
export interface RunOutcome {
  readonly atMs: number;
  readonly reason: string | null;
  readonly error: ErrorRecord | null;
  readonly rowsExtracted: number;
  readonly rowsLoaded: number;
  readonly warnings: number;
  readonly peakRssBytes: number | null;
  /** Of the attempt where the run's state does not say it: `stopped` or `lost`. */
  readonly attemptState?: AttemptState;
  readonly cancelledBy?: string | null;
}

export interface RunFilter {
  readonly pipeline?: string;
  /** Those of these alone. */
  readonly pipelines?: readonly string[];
  /** Those of its pipelines alone. */
  readonly environment?: string;
  readonly state?: RunState;
  readonly group?: string;
  readonly tag?: string;
  readonly trigger?: Trigger;
  /** Asked for from then on, epoch milliseconds. */
  readonly sinceMs?: number;
  /** Asked for before then, epoch milliseconds. */
  readonly untilMs?: number;
  readonly limit: number;
  /** A run's id: only older ones. */
  readonly before?: string;
}

export interface RunStore {
  /**
   * `created: false` and the first run where the pipeline has one with this idempotency key. Throws
   * `conflict`, reason `idempotency_key_reused`, where that asked for something else.
   */
  create(run: NewRun): Promise<{ run: Run; created: boolean }>;
  /**
   * Runs of different pipelines in one transaction, each as `create` does it; in their order. One that cannot be stored
   * is told so, and the others are stored. Throws `unavailable` where none can be.
   */
  createEach(requests: readonly CreateRequest[]): Promise<Created[]>;
  /**
   * Runs of one pipeline, all at once or none; those whose idempotency keys it has are left out. Throws `conflict`,
   * reason `idempotency_key_reused`, where one of these asked for something else.
   */
  createAll(runs: readonly NewRun[]): Promise<void>;
  /** The earliest `not_before` that is still ahead among queued runs, epoch milliseconds. */
  nextDueMs(nowMs: number): Promise<number | undefined>;
  /** queued → cancelled; undefined where it is not queued. */
  cancelQueued(id: string, atMs: number, reason: string, by: string | null): Promise<Run | undefined>;
  /** Tells whoever holds the lease of a running run to stop it; false where it is not running. */
  askCancel(id: string, by: string): Promise<boolean>;
  /** Changes what people have written on it, which is no change of its state. Undefined where there is no such run. */
  annotate(id: string, annotation: RunAnnotation): Promise<Run | undefined>;
  /** failed or cancelled → queued; undefined where it is neither. */
  retry(id: string, atMs: number): Promise<Run | undefined>;
  /** With an attempt: its steps as they were when that had ended. */
  get(id: string, attempt?: number): Promise<RunDetail | undefined>;
  /** The ids that are `text`, of four letters or more, begin with it or end in it, the newest first, at most `limit`. */
  idsLike(text: string, limit: number): Promise<string[]>;
  /** The newest first. Throws `invalid`, reason `unknown_cursor`, for a `before` that is no run. */
  list(filter: RunFilter): Promise<Run[]>;
  /** The newest run of each pipeline. */
  latest(): Promise<Map<string, Run>>;
  /** The newest run of the pipeline after this one that has been started or will be; undefined for none. */
  laterThan(id: string): Promise<string | undefined>;
  /** Where the windows of the pipeline's succeeded runs end, epoch milliseconds; without those asked for and runs of some steps only. */
  lastWindowEndMs(pipeline: string): Promise<number | null>;
  /** Whether a run of the pipeline is queued or running, of another trigger than this one. */
  isActive(pipeline: string, besides?: Trigger): Promise<boolean>;
  /** Whether one is queued, of another trigger than this one. */
  isQueued(pipeline: string, besides?: Trigger): Promise<boolean>;
  /** The last success of each of these steps that load, without those that have had none. */
  lastLoads(pipeline: string, steps: readonly string[]): Promise<LastLoad[]>;
  /** Of each of these steps that extract the last that has begun, in one of the pipeline's newest 20 runs. */
  lastReads(pipeline: string, steps: readonly string[]): Promise<LastRead[]>;
}

/** A step that has begun to read a stream, and the id of its run. */
export interface LastRead {
  readonly run: string;
  readonly step: Step;
}

/** A step that has loaded a table, and its run. */
export interface LastLoad {
  readonly run: Run;
  readonly step: Step;
}

/** An attempt under way, with the run and its lease. */
export interface OpenAttempt {
  readonly run: Run;
  readonly lease: Lease;
  /** Epoch milliseconds by the clock of its worker. */
  readonly leaseUntilMs: number;
  /** Who wants it stopped. */
  readonly cancelAskedBy: string | null;
}

export interface AttemptStore {
  /**
   * Takes the queued runs that are next among those that are due: of the highest priority, then those whose turn it
   * is; not while a run's pipeline has one running or an attempt that waits for its retry, and only where the worker
   * has a slot and each of its limits enough of them. They are then `running` with one attempt more, and hold the
   * slots. A window that was not asked for begins where the last one ended and holds a millisecond at least; later
   * attempts keep it. In the order in which one after the other would have been taken; there may be more to take
   * unless none is returned.
   */
  claim(claim: Claim): Promise<Run[]>;
  /** Renews every lease of the worker; what it still holds, and who wants which of them cancelled. */
  renew(
    worker: string,
    nowMs: number,
    leaseUntilMs: number,
  ): Promise<{ run: string; attempt: number; cancelAskedBy: string | null }[]>;
  /** Ends the attempt and the run, and frees its slots. Undefined where the lease is not held any more. */
  finish(lease: Lease, event: "succeed" | "fail" | "cancel", outcome: RunOutcome): Promise<Run | undefined>;
  /** Ends the attempt; the run is queued again, until `notBeforeMs` where it waits for its retry. */
  requeue(lease: Lease, notBeforeMs: number | null, outcome: RunOutcome): Promise<Run | undefined>;
  /** How many slots there are of each of these limits from now on. */
  setSlots(limits: Readonly<Record<string, number>>): Promise<void>;
  /** Whether another run of the pipeline has begun an attempt since the first of this run. */
  isOvertaken(runId: string): Promise<boolean>;
  /** How many attempts of the run have ended so. */
  countOf(runId: string, state: AttemptState): Promise<number>;
  /** Attempts under way at other workers, whether their leases have run out or not. */
  ofOthers(worker: string): Promise<OpenAttempt[]>;
  /** Inserts the steps of this attempt, or replaces them by name. False where the lease is not held. */
  putSteps(lease: Lease, steps: readonly Step[]): Promise<boolean>;
}
