import type { Backfill, BackfillDetail } from "../../../contract/backfills/backfill.ts";
import type { ParamValue } from "../../../contract/run.ts";

/** What can be asked of backfills. Every failure is an AppError. */
export interface Backfills {
  /**
   * Queues a run for each window, all at once or none. With a group that is known and windows that it has, those
   * runs. Throws not_found for the pipeline, invalid for what does not fit, and conflict where the group is another
   * pipeline's or was asked for with something else.
   */
  start(pipeline: string, request: BackfillRequest): Promise<BackfillDetail>;
  /** The newest first; `limit` at most 500, 50 by default. Throws invalid (reason unknown_cursor). */
  list(filter: BackfillFilter): Promise<Backfill[]>;
  /** Throws not_found. */
  get(group: string): Promise<BackfillDetail>;
  /** Another attempt of each run that failed or was cancelled. Throws not_found, conflict where none can be retried. */
  retry(group: string): Promise<BackfillDetail>;
  /** Stops its runs, those that wait first; `by` says who. Throws not_found. */
  cancel(group: string, by: string): Promise<BackfillDetail>;
}

export interface BackfillRequest {
  /** A date or a time, in UTC where no zone is said: where the first window begins. */
  readonly from: string;
  /** Until before this. */
  readonly to: string;
  /** How long a window is, as `1d`, `6h`, `1w`, `1mo` or `1y`. */
  readonly every: string;
  readonly params?: Readonly<Record<string, ParamValue>>;
  readonly select?: string;
  /** Streams go on from their cursors; without it those with an update_key read each window again. */
  readonly windowOnly?: boolean;
  /** By default one of its own. */
  readonly group?: string;
  /** -10 by default: other runs go first. */
  readonly priority?: number;
  readonly tags?: readonly string[];
  readonly note?: string;
  readonly triggeredBy?: string;
}

export interface BackfillFilter {
  readonly pipeline?: string;
  /** Those of these alone. */
  readonly pipelines?: readonly string[];
  /** Those of pipelines in it. */
  readonly environment?: string;
  readonly limit?: number;
  /** The group of one: only older ones. */
  readonly cursor?: string;
}
