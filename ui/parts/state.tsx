import type { Run, RunState, StepState } from "../../contract/run.ts";
import { formatDuration, formatRelative, formatUtc } from "./format.ts";
import { Icon } from "./icons.tsx";

type AnyState = RunState | StepState;

/** A state as a sign and a word; as a pill where it is the page's subject. */
export function StateLabel({ state, pill = false }: { state: AnyState; pill?: boolean }) {
  return (
    <span class={`state state-${state}${pill ? " pill" : ""}`}>
      <Icon name={state} />
      <span>{state}</span>
    </span>
  );
}

/** The sign alone, with the word for those who do not see it. */
export function StateIcon({ state }: { state: AnyState }) {
  return (
    <span class={`state state-${state}`} title={state}>
      <Icon name={state} />
      <span class="sr-only">{state}</span>
    </span>
  );
}

/** `3 min ago`; the UTC time on hover, to which the page's script adds the reader's own. */
export function Ago({ at, nowMs }: { at: string; nowMs: number }) {
  return <time datetime={at} title={formatUtc(at)} data-relative>{formatRelative(at, nowMs)}</time>;
}

/** `2026-07-30 12:05:09 UTC`. */
export function Moment({ at }: { at: string }) {
  return <time datetime={at} title={formatUtc(at)}>{formatUtc(at)}</time>;
}

/** What the run took, or so far takes: the page's script lets that grow. */
export function Elapsed({ run, nowMs }: { run: ElapsedRun; nowMs: number }) {
  if (run.finished_at === null && run.started_at !== null) {
    const sinceMs = nowMs - Date.parse(run.started_at);
    return <span data-since={run.started_at}>{formatDuration(sinceMs)}</span>;
  }
  return <span>{formatDuration(run.duration_ms)}</span>;
}

type ElapsedRun = Pick<Run, "started_at" | "finished_at" | "duration_ms">;
