import type { LogLine, Run, RunDetail, Step } from "../../contract/run.ts";
import type { LogRow, NewStepRow, RunRow, StepRow } from "./schema.ts";

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
    window_start: isoOrNull(row.windowStartMs),
    window_end: isoTime(row.windowEndMs),
    created_at: isoTime(row.createdAtMs),
    not_before: isoOrNull(row.notBeforeMs),
    started_at: isoOrNull(row.startedAtMs),
    finished_at: isoOrNull(row.finishedAtMs),
    duration_ms: durationOf(row),
    rows_extracted: row.rowsExtracted,
    rows_loaded: row.rowsLoaded,
    warnings: row.warnings,
    peak_rss_bytes: row.peakRssBytes,
    error: row.error,
  };
}

export function runDetailOf(row: RunRow, steps: readonly StepRow[]): RunDetail {
  return { ...runOf(row), steps: steps.map(stepOf) };
}

export function stepOf(row: StepRow): Step {
  return {
    name: row.name,
    kind: row.kind,
    state: row.state,
    attempt: row.attempt,
    rows: row.rows,
    size_bytes: row.sizeBytes,
    started_at: isoOrNull(row.startedAtMs),
    finished_at: isoOrNull(row.finishedAtMs),
    duration_ms: row.durationMs,
    error: row.error,
    sql: row.sql,
    depends: row.depends,
  };
}

export function stepRowOf(run: string, step: Step): NewStepRow {
  return {
    run,
    name: step.name,
    kind: step.kind,
    state: step.state,
    attempt: step.attempt,
    rows: step.rows,
    sizeBytes: step.size_bytes,
    startedAtMs: msOrNull(step.started_at),
    finishedAtMs: msOrNull(step.finished_at),
    durationMs: step.duration_ms,
    error: step.error,
    sql: step.sql === null ? null : storableText(step.sql),
    depends: step.depends,
  };
}

export function logLineOf(row: LogRow): LogLine {
  return { seq: row.seq, at: isoTime(row.atMs), level: row.level, step: row.step, message: row.message };
}

export function logRowOf(run: string, line: LogLine): LogRow {
  return {
    run,
    seq: line.seq,
    atMs: Date.parse(line.at),
    level: line.level,
    step: line.step,
    message: storableText(line.message),
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
function durationOf(row: RunRow): number | null {
  if (row.startedAtMs === null || row.finishedAtMs === null) return null;
  return Math.max(0, row.finishedAtMs - row.startedAtMs);
}
