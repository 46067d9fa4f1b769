import type {
  Delivery,
  DeliveryState,
  NotifierTest,
  NotifierView,
  Problem,
} from "../../../contract/alerts/problem.ts";

/** Open problems, who hears of what, and what was sent. Every failure is an AppError. */
export interface Alerts {
  /** Open ones first, the newest first; `limit` is 1 to 500. Throws invalid (reason unknown_cursor). */
  problems(filter: ProblemFilter): Promise<Problem[]>;
  /** How many are open, of these pipelines alone where some are named. */
  countOpen(pipelines?: readonly string[]): Promise<number>;
  /** `by` is looking after it: it is not told again until it is over; null takes that back. Throws not_found. */
  acknowledge(id: string, by: string | null): Promise<Problem>;
  /** Nothing is sent about it for so many milliseconds, also where it comes again; null ends that. Throws not_found. */
  mute(id: string, forMs: number | null): Promise<Problem>;
  /** The notifiers that are in force, by name. */
  notifiers(): Promise<NotifierView[]>;
  /** Sends a message by the notifier as notifiers.yaml has it now. Throws not_found, invalid for one with a fault. */
  test(notifier: string, by: string, signal: AbortSignal): Promise<NotifierTest>;
  /** The newest first; `limit` is 1 to 500. */
  deliveries(filter: DeliveryFilter): Promise<Delivery[]>;
}

export interface ProblemFilter {
  /** Both where it is not given. */
  readonly isOpen?: boolean;
  /** Those of these alone, and none of the server's. */
  readonly pipelines?: readonly string[];
  readonly limit?: number;
  /** A `problemCursor`: only those behind it. */
  readonly cursor?: string;
}

export interface DeliveryFilter {
  readonly notifier?: string;
  readonly state?: DeliveryState;
  readonly limit?: number;
  /** The id of one: only older ones. */
  readonly cursor?: string;
}
