import type { AttemptState, RunDetail, Step } from "../../../contract/run.ts";

/** What a run's time went to: its attempts, and the waits before and between them. */

/** Shorter waits are what starting takes. */
const LEAST_WAIT_MS = 1_000;

export interface RunSpan {
  /** `queued`: until its first attempt. `waiting`: until the next one. */
  readonly kind: AttemptState | "queued" | "waiting";
  /** Of an attempt. */
  readonly attempt?: number;
  readonly startMs: number;
  readonly endMs: number;
}

type SpannedRun = Pick<RunDetail, "state" | "created_at" | "finished_at" | "attempts">;

/** In order, from when it was asked for until its end or now; waits of less than a second are left out. */
export function spansOf(run: SpannedRun, nowMs: number): RunSpan[] {
  const spans: RunSpan[] = [];
  let endMs = Date.parse(run.created_at);
  const wait = (untilMs: number) => {
    if (untilMs - endMs < LEAST_WAIT_MS) return;
    spans.push({ kind: spans.length === 0 ? "queued" : "waiting", startMs: endMs, endMs: untilMs });
  };
  for (const { attempt, state, started_at, finished_at } of run.attempts) {
    const startMs = Date.parse(started_at);
    wait(startMs);
    endMs = Math.max(startMs, finished_at === null ? nowMs : Date.parse(finished_at));
    spans.push({ kind: state, attempt, startMs, endMs });
  }
  if (run.state === "queued") wait(nowMs);
  return spans;
}

/** How long the run waited for its first attempt, or has waited so far; undefined where it did not. */
export function queuedMs(run: SpannedRun, nowMs: number): number | undefined {
  const first = spansOf(run, nowMs)[0];
  return first?.kind === "queued" ? first.endMs - first.startMs : undefined;
}

/**
 * From when everything that the step depends on was done until it began (or now, where it has not): what it waited for
 * a place or a connection. Undefined where that was no time, or another attempt's.
 */
export function waitBefore(
  step: Pick<Step, "attempt" | "state" | "started_at" | "depends">,
  run: Pick<RunDetail, "attempt" | "started_at" | "finished_at" | "steps">,
  nowMs: number,
): { readonly startMs: number; readonly endMs: number } | undefined {
  if (run.started_at === null || step.attempt !== run.attempt) return undefined;
  const isWaiting = step.state === "pending" && run.finished_at === null;
  if (step.started_at === null && !isWaiting) return undefined;
  let startMs = Date.parse(run.started_at);
  for (const { name, attempt, state, finished_at } of run.steps) {
    if (!step.depends.includes(name) || attempt !== run.attempt) continue;
    if (finished_at === null) {
      // It waits for its turn, not for a place.
      if (state === "pending" || state === "running") return undefined;
      continue;
    }
    startMs = Math.max(startMs, Date.parse(finished_at));
  }
  const endMs = step.started_at === null ? nowMs : Date.parse(step.started_at);
  return endMs - startMs < LEAST_WAIT_MS ? undefined : { startMs, endMs };
}
