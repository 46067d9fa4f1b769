import type { Run } from "../../contract/run.ts";
import { formatDuration } from "../../text/format.ts";
import { formatInZone } from "../../text/zone_time.ts";
import { formatRelative, formatUtc } from "./format.ts";

/** `3 min ago`; the UTC time on hover, to which the page's script adds the reader's own. */
export function Ago({ at, nowMs }: { at: string; nowMs: number }) {
  return <time datetime={at} title={formatUtc(at)} data-relative>{formatRelative(at, nowMs)}</time>;
}

/** `Thu 07:30 Paris`, by the clock of a schedule's zone; how long it is until then, and UTC, on hover. */
export function At({ at, timezone, nowMs }: { at: string; timezone: string; nowMs: number }) {
  const title = `${formatRelative(at, nowMs)}\n${formatUtc(at)}`;
  return <time datetime={at} title={title}>{formatInZone(Date.parse(at), timezone, nowMs)}</time>;
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
