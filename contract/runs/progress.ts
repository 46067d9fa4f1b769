import * as v from "valibot";
import { formatBytes, formatShortCount, SECOND_MS } from "../../text/format.ts";
import { formatWait } from "../../text/zone_time.ts";
import { described } from "../described.ts";

/** How far a step is while it runs, how fast it goes, and when it may have ended. */

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const stepProgressSchema = v.object({
  rows: described(count, "Rows that have passed so far; 0 while they are not counted."),
  size_bytes: described(
    v.nullable(count),
    "Bytes that have been read so far; null where they are not counted.",
  ),
  rows_per_second: described(v.nullable(count), "Of the last seconds; null while too little is known."),
  bytes_per_second: described(v.nullable(count), "Of the last seconds; null while too little is known."),
  total_rows: described(
    v.nullable(count),
    "About how many rows there are, as the source says (a database's own estimate); null where it does not.",
  ),
  total_bytes: described(v.nullable(count), "How many bytes the source has; null where that is not known."),
  ends_at: described(
    v.nullable(v.pipe(v.string(), v.isoTimestamp())),
    "When it may have ended, by `ends_by`; null where nothing tells.",
  ),
  ends_by: described(
    v.nullable(v.picklist(["source", "last_runs"])),
    "source: what is left of its total, at its speed. last_runs: how long the step took in the last runs.",
  ),
});
export type StepProgress = v.InferOutput<typeof stepProgressSchema>;

/** Of a step of which nothing is known yet. */
export const NO_PROGRESS: StepProgress = {
  rows: 0,
  size_bytes: null,
  rows_per_second: null,
  bytes_per_second: null,
  total_rows: null,
  total_bytes: null,
  ends_at: null,
  ends_by: null,
};

/** `43 % of 1.20 GB, about 2 min left by the last runs, 12.3 k rows/s, 8.20 MB/s`: what there is of it. */
export function progressText(progress: StepProgress, nowMs: number): string {
  return [...shareText(progress), ...leftText(progress, nowMs), ...speedTexts(progress)].join(", ");
}

/** `43 %  ~2 min left (last runs)  12.3 k rows/s`: for a line of a terminal, the most telling first. */
export function shortProgressText(progress: StepProgress, nowMs: number): string {
  const share = shareText(progress).map((text) => text.replace(/ of .*/, ""));
  const left = leftText(progress, nowMs).map((text) =>
    text.replace("about ", "~").replace(" by the last runs", " (last runs)")
  );
  return [...share, ...left, ...speedTexts(progress)].join("  ");
}

function speedTexts({ rows_per_second: rows, bytes_per_second: bytes }: StepProgress): string[] {
  return [
    ...(rows === null || rows === 0 ? [] : [`${formatShortCount(rows)} rows/s`]),
    ...(bytes === null || bytes === 0 ? [] : [`${formatBytes(bytes)}/s`]),
  ];
}

function shareText({ rows, size_bytes, total_rows, total_bytes }: StepProgress): string[] {
  // A total of rows is an estimate: one that was passed says nothing.
  if (total_bytes !== null && size_bytes !== null && total_bytes >= size_bytes && total_bytes > 0) {
    return [`${percent(size_bytes / total_bytes)} of ${formatBytes(total_bytes)}`];
  }
  if (total_rows !== null && total_rows >= rows && total_rows > 0) {
    return [`${percent(rows / total_rows)} of about ${formatShortCount(total_rows)} rows`];
  }
  return [];
}

function leftText({ ends_at, ends_by }: StepProgress, nowMs: number): string[] {
  if (ends_at === null) return [];
  const leftMs = Date.parse(ends_at) - nowMs;
  // What should have ended by now is a wrong estimate, and no promise.
  if (leftMs < SECOND_MS) return [];
  return [`about ${formatWait(leftMs)} left${ends_by === "last_runs" ? " by the last runs" : ""}`];
}

const percent = (share: number): string => `${Math.floor(share * 100)} %`;
