import { withoutDetail } from "../../contract/errors.ts";
import type { Attempt, LogLine, Run, RunDetail, Step } from "../../contract/run.ts";
import type { AttemptRow, LogRow, RunRow, StepReceipt, StepRow } from "./schema.ts";

/** How rows of the store become the resources of contract/run.ts, and back. */

export function runOf(row: RunRow): Run {
  return {
    id: row.id,
    pipeline: row.pipeline,
    revision: row.revision,
    git_commit: row.gitCommit,
    state: row.state,
    reason: row.reason,
    trigger: row.trigger,
    triggered_by: row.triggeredBy,
    attempt: row.attempt,
    params: { ...row.params },
    select: row.selection,
    full_refresh: row.fullRefresh,
    group: row.group,
    parent: row.parent,
    priority: row.priority,
    cancelled_by: row.cancelledBy,
    window_start: isoOrNull(row.windowStartMs),
    window_end: isoTime(row.windowEndMs),
    window_given: row.windowGiven,
    ...(row.range === null ? {} : { range: row.range }),
    ...(row.tags ? { tags: [...row.tags] } : {}),
    ...(row.note ? { note: row.note } : {}),
    // Rows of the outbox that an earlier version wrote have none of these.
    ...(row.promotes ? { promotes: row.promotes } : {}),
    ...(row.traceparent ? { traceparent: row.traceparent } : {}),
    ...(row.retriedAfter ? { retried_after: row.retriedAfter } : {}),
    created_at: isoTime(row.createdAtMs),
    not_before: isoOrNull(row.notBeforeMs),
    started_at: isoOrNull(row.startedAtMs),
    finished_at: isoOrNull(row.finishedAtMs),
    duration_ms: durationOf(row.startedAtMs, row.finishedAtMs),
    rows_extracted: row.rowsExtracted,
    rows_loaded: row.rowsLoaded,
    warnings: row.warnings,
    peak_rss_bytes: row.peakRssBytes,
    error: row.error,
  };
}

/** As lists show it: who wants an error's detail asks for the one run. */
export function listedRunOf(row: RunRow): Run {
  return { ...runOf(row), error: withoutDetail(row.error) };
}

/** `steps` and `attempts` in their own order; the steps as they were at the end of `attempt`, by default now. */
export function runDetailOf(
  row: RunRow,
  steps: readonly StepRow[],
  attempts: readonly AttemptRow[],
  attempt = Infinity,
): RunDetail {
  const until = steps.filter((step) => step.attempt <= attempt);
  return { ...runOf(row), steps: newestOf(until).map(stepOf), attempts: attempts.map(attemptOf) };
}

/** Of each step the row of its last attempt, in the order in which the steps were first seen. */
function newestOf(rows: readonly StepRow[]): StepRow[] {
  const newest = new Map<string, StepRow>();
  for (const row of rows) {
    const known = newest.get(row.name);
    if (known === undefined || row.attempt >= known.attempt) newest.set(row.name, row);
  }
  return [...newest.values()];
}

function attemptOf(row: AttemptRow): Attempt {
  return {
    attempt: row.attempt,
    worker: row.worker,
    state: row.state,
    started_at: isoTime(row.startedAtMs),
    finished_at: isoOrNull(row.endedAtMs),
    duration_ms: durationOf(row.startedAtMs, row.endedAtMs),
    error: row.error,
    peak_rss_bytes: row.peakRssBytes,
  };
}

export function stepOf(row: StepRow): Step {
  return {
    name: row.name,
    kind: row.kind,
    state: row.state,
    attempt: row.attempt,
    rows: row.rows,
    size_bytes: row.sizeBytes,
    ...row.receipt,
    started_at: isoOrNull(row.startedAtMs),
    finished_at: isoOrNull(row.finishedAtMs),
    duration_ms: row.durationMs,
    error: row.error,
    sql: row.sql,
    depends: row.depends,
  };
}

/** The columns of a step but for whose it is. */
export function stepRowOf(step: Step) {
  return {
    name: step.name,
    kind: step.kind,
    state: step.state,
    rows: step.rows,
    size_bytes: step.size_bytes,
    started_at: msOrNull(step.started_at),
    finished_at: msOrNull(step.finished_at),
    duration_ms: step.duration_ms,
    error: step.error,
    sql: step.sql === null ? null : storableText(step.sql),
    depends: step.depends,
    receipt: receiptOf(step),
  };
}

/** Null where the step has nothing of it. */
function receiptOf(
  { inserted, updated, deleted, hash, verified, rejects, unchanged, traffic, manifest }: Step,
): StepReceipt | null {
  const receipt = {
    ...(inserted === undefined ? {} : { inserted }),
    ...(updated === undefined ? {} : { updated }),
    ...(deleted === undefined ? {} : { deleted }),
    ...(hash === undefined ? {} : { hash }),
    ...(verified === undefined ? {} : { verified }),
    ...(rejects === undefined ? {} : { rejects }),
    ...(unchanged === undefined ? {} : { unchanged }),
    ...(traffic === undefined ? {} : { traffic }),
    ...(manifest === undefined ? {} : { manifest }),
  };
  return Object.keys(receipt).length === 0 ? null : receipt;
}

export function logLineOf(row: LogRow): LogLine {
  return {
    seq: row.seq,
    at: isoTime(row.atMs),
    level: row.level,
    attempt: row.attempt,
    step: row.step,
    message: row.message,
  };
}

/** libsql cuts a text at its first NUL: the visible symbol for it keeps the rest. Half a surrogate pair is U+FFFD. */
export function storableText(text: string): string {
  return text.replaceAll("\0", "\u2400").toWellFormed();
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms);
}

function msOrNull(iso: string | null): number | null {
  return iso === null ? null : Date.parse(iso);
}

/** Never below 0: the clock may have been set back while it ran. */
export function durationOf(startedAtMs: number | null, finishedAtMs: number | null): number | null {
  return startedAtMs === null || finishedAtMs === null ? null : Math.max(0, finishedAtMs - startedAtMs);
}
