import type { NotifierDefinition, NotifierHead } from "../../../contract/alerts/notifiers.ts";
import type {
  AlertEvent,
  Delivery,
  DeliveryState,
  Problem,
  ProblemKind,
} from "../../../contract/alerts/problem.ts";
import type { ProblemPlace } from "../../../contract/alerts/problem_cursor.ts";

/** An open problem as rules see it. Times are epoch milliseconds. */
export interface OpenProblem {
  readonly id: string;
  readonly key: string;
  readonly kind: ProblemKind;
  readonly pipeline: string | null;
  readonly run: string | null;
  readonly message: string;
  readonly count: number;
  readonly lastAtMs: number;
  readonly isAcknowledged: boolean;
  readonly notifiedAtMs: number | null;
}

export interface NewProblem {
  readonly id: string;
  readonly key: string;
  readonly kind: ProblemKind;
  readonly pipeline: string | null;
  readonly run: string | null;
  readonly message: string;
  readonly atMs: number;
  /** Whether somebody is told of it now. */
  readonly isTold: boolean;
}

/** What a notifier's entry is sealed for, as Sealer takes it. */
export const notifierPlace = (name: string): string => `notifier/${name}`;

/** An event for a notifier. It joins the delivery that gathers events, or begins one. */
export interface Notice {
  readonly notifier: string;
  readonly event: AlertEvent;
  /** The id of a delivery that may begin with it. */
  readonly deliveryId: string;
  /** How long that gathers events. */
  readonly groupMs: number;
  /** Told only while this problem is open. */
  readonly problem?: string;
}

/** What happened to problems and what is to be sent, in order: a later one stands on what an earlier one did. */
export type AlertChange =
  | { readonly type: "open"; readonly problem: NewProblem }
  | {
    readonly type: "again";
    readonly id: string;
    readonly run: string | null;
    readonly message: string;
    readonly atMs: number;
    readonly isTold: boolean;
    /** Whether it was seen once more, and did not only go on. */
    readonly counts: boolean;
  }
  | { readonly type: "close"; readonly id: string; readonly atMs: number }
  | { readonly type: "notify"; readonly notice: Notice };

/** A place in the outbox that changes go with. */
export interface CursorMove {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** A delivery whose try has begun. */
export interface ClaimedDelivery {
  readonly id: string;
  readonly notifier: string;
  /** Counts from 1. */
  readonly attempt: number;
  readonly createdAtMs: number;
  readonly events: readonly AlertEvent[];
}

export interface DeliveryFilter {
  readonly notifier?: string;
  readonly state?: DeliveryState;
  readonly limit: number;
  readonly beforeId?: string;
}

/** Problems, what is sent about them, and to whom. */
export interface AlertStore {
  /**
   * Writes the changes in one transaction. With a cursor only where that is still where it was, and then moves it:
   * false where somebody else was faster, and nothing was written.
   */
  apply(nowMs: number, changes: readonly AlertChange[], cursor?: CursorMove): Promise<boolean>;
  /** Open problems, of these pipelines alone where they are given. */
  open(pipelines?: readonly string[]): Promise<OpenProblem[]>;
  openOf(key: string): Promise<OpenProblem | undefined>;
  /** Until when what is about a key is muted, epoch milliseconds; those that still are. */
  mutes(nowMs: number): Promise<Map<string, number>>;
  /** Open ones first, then the newest. */
  list(
    filter: {
      readonly isOpen?: boolean;
      readonly pipelines?: readonly string[];
      readonly limit: number;
      readonly behind?: ProblemPlace;
    },
  ): Promise<Problem[]>;
  get(id: string): Promise<Problem | undefined>;
  countOpen(pipelines?: readonly string[]): Promise<number>;
  /** Undefined where there is none of this id. Null takes it back. */
  acknowledge(id: string, by: string | null, atMs: number): Promise<Problem | undefined>;
  /** Undefined where there is none of this id. Null ends it, for all of the key. */
  mute(id: string, untilMs: number | null): Promise<Problem | undefined>;

  /** Ids of deliveries that are due, the longest due first. */
  due(nowMs: number, limit: number): Promise<string[]>;
  /** How many wait, by notifier; those that none waits for are left out. */
  waiting(): Promise<Map<string, number>>;
  /** When the next one is due, epoch milliseconds. */
  nextDueMs(): Promise<number | undefined>;
  /**
   * Begins a try: written before anything is sent, so that a try after it is known to be a repeat. Another one begins
   * after `leaseUntilMs` where this one's end is not written. Undefined where it is not due any more.
   */
  claim(id: string, nowMs: number, leaseUntilMs: number): Promise<ClaimedDelivery | undefined>;
  /** Tries whose server is dead: another one is due now. For a server that is alone on its store. */
  takeBack(nowMs: number): Promise<void>;
  /** Ends a try; only where it is still the newest. */
  finish(
    delivery: Pick<ClaimedDelivery, "id" | "attempt">,
    end: {
      readonly state: "sent" | "failed";
      readonly atMs: number;
      readonly title: string;
      readonly error: string | null;
    },
  ): Promise<void>;
  /** Another try is due then; likewise. */
  postpone(
    delivery: Pick<ClaimedDelivery, "id" | "attempt">,
    next: { readonly notBeforeMs: number; readonly title: string | null; readonly error: string },
  ): Promise<void>;
  /** A message that was sent outside of the queue, as a test is. */
  record(delivery: Delivery): Promise<void>;
  /** The newest first. */
  deliveries(filter: DeliveryFilter): Promise<Delivery[]>;

  /** Replaces what was there; those named in `keep` stay as they were. Sealed. Throws as Sealer.seal does. */
  putNotifiers(
    notifiers: Readonly<Record<string, NotifierDefinition>>,
    keep: ReadonlySet<string> | "all",
  ): Promise<void>;
  /** By name what is no secret of them. */
  notifiers(): Promise<Record<string, NotifierHead>>;
  /** All of one, references not replaced; undefined where there is none. Throws as Sealer.open does. */
  notifier(name: string): Promise<NotifierDefinition | undefined>;

  /** How many rows each of the steps of the pipeline's last succeeded runs had, before a run; the newest first. */
  rowsBefore(run: string, limit: number): Promise<ReadonlyMap<string, readonly number[]>>;
}
