import type { RunState } from "./run.ts";

/**
 * A run's life:
 *
 *              claim            succeed
 *   ┌────────┐ ─────► ┌─────────┐ ─────► ┌───────────┐
 *   │ queued │        │ running │        │ succeeded │
 *   └────────┘ ◄───── └─────────┘        └───────────┘
 *      │  ▲    requeue  │     │ fail
 *      │  │             │     └──────► ┌────────┐
 *      │  └─────────────┼───────────── │ failed │
 *      │      retry     │              └────────┘
 *      │ cancel         │ cancel
 *      └────────────────┴────────────► ┌───────────┐ ── retry ──► queued
 *                                      │ cancelled │
 *                                      └───────────┘
 *
 * `requeue` is the engine's: an attempt that failed and may be tried again, or whose server died.
 * `retry` is a person's. The table is total: a pair left out does not compile.
 */

export const RUN_EVENTS = ["claim", "succeed", "fail", "cancel", "requeue", "retry"] as const;
export type RunStateEvent = (typeof RUN_EVENTS)[number];

const TRANSITIONS: Record<RunState, Record<RunStateEvent, RunState | null>> = {
  queued: { claim: "running", succeed: null, fail: null, cancel: "cancelled", requeue: null, retry: null },
  running: {
    claim: null,
    succeed: "succeeded",
    fail: "failed",
    cancel: "cancelled",
    requeue: "queued",
    retry: null,
  },
  succeeded: { claim: null, succeed: null, fail: null, cancel: null, requeue: null, retry: null },
  failed: { claim: null, succeed: null, fail: null, cancel: null, requeue: null, retry: "queued" },
  cancelled: { claim: null, succeed: null, fail: null, cancel: null, requeue: null, retry: "queued" },
};

/** The state after the event; null where the event is illegal in that state. */
export const nextState = (state: RunState, event: RunStateEvent): RunState | null =>
  TRANSITIONS[state][event];

/** Whether nothing more happens by itself. */
export const isTerminal = (state: RunState): boolean => state !== "queued" && state !== "running";
