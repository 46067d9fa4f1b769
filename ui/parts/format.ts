import type { Run } from "../../contract/run.ts";
import { DAY_MS, SECOND_MS } from "../../text/format.ts";
import { formatWait } from "../../text/zone_time.ts";

/**
 * How times, ids and triggers read on the pages. Times are UTC; the pages' script adds the
 * reader's own zone on hover.
 */

/** `2026-07-30 12:05:09 UTC`; the text itself where it is no time. */
export function formatUtc(iso: string): string {
  const parsed = new Date(iso);
  if (Number.isNaN(parsed.getTime())) return iso;
  return `${parsed.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** The time of day in UTC with milliseconds, for log lines: `12:05:09.123`. */
export function formatLogTime(iso: string): string {
  const parsed = new Date(iso);
  return Number.isNaN(parsed.getTime()) ? iso : parsed.toISOString().slice(11, 23);
}

/** `just now`, `12 s ago`, `3 min ago`, `in 1 h 49 min`, `5 d ago`; the date from 30 days on. */
export function formatRelative(iso: string, nowMs: number): string {
  const atMs = Date.parse(iso);
  if (Number.isNaN(atMs)) return iso;
  const distanceMs = Math.abs(nowMs - atMs);
  if (distanceMs < 5 * SECOND_MS) return atMs > nowMs ? "now" : "just now";
  if (distanceMs >= 30 * DAY_MS) return new Date(atMs).toISOString().slice(0, 10);
  // Who waits wants to know it more closely than who looks back.
  if (atMs > nowMs) return `in ${formatWait(distanceMs)}`;
  return `${formatWait(distanceMs).split(" ").slice(0, 2).join(" ")} ago`;
}

/** The end of a run's id, which differs most between neighbours. */
export function shortId(id: string): string {
  return id.length <= 8 ? id : id.slice(-8);
}

/** The first 8 hex digits of a revision's hash. */
export function shortRevision(revision: string): string {
  return revision.slice(0, 8);
}

/** The first 7 digits of a commit, with `+` where the work tree differed. */
export function shortCommit(commit: string): string {
  const [hash = ""] = commit.split("+");
  return `${hash.slice(0, 7)}${commit.includes("+") ? "+" : ""}`;
}

/** What started the run, for a person: `page · by ada`. */
export function formatTrigger(run: Pick<Run, "trigger" | "triggered_by">): string {
  const by = run.triggered_by === null || run.triggered_by === run.trigger ? "" : ` · ${run.triggered_by}`;
  return `${run.trigger}${by}`;
}
