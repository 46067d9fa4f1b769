import { MAX_WINDOWS } from "../../../contract/backfills/backfill.ts";
import { AppError } from "../../../contract/errors.ts";
import { laterBy, readLength } from "../../../contract/pipeline/lengths.ts";
import { timeText } from "../../../text/moment.ts";

/** Epoch milliseconds, from `startMs` until before `endMs`. */
export interface BackfillSpan {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * The windows from `from` until before `to`, each `every` long, the last as long as what is left; by the calendar of
 * UTC where that is months or years. Throws invalid for texts that are none of these, a span that holds nothing, and
 * one of more than MAX_WINDOWS windows.
 */
export function splitSpan(from: string, to: string, every: string): BackfillSpan[] {
  const startMs = momentOf(from, "from");
  const endMs = momentOf(to, "to");
  if (startMs >= endMs) {
    throw new AppError("invalid", `Cannot backfill from ${from} to ${to}: the end must come after the start`);
  }
  const endOf = stepOf(every, startMs);
  const spans: BackfillSpan[] = [];
  for (let index = 0, beginMs = startMs; beginMs < endMs; index++) {
    if (spans.length === MAX_WINDOWS) {
      throw new AppError(
        "invalid",
        `Cannot backfill from ${from} to ${to} every ${every}: that is more than ${MAX_WINDOWS} windows, take ` +
          "longer ones or several backfills",
      );
    }
    const nextMs = Math.min(endOf(index + 1), endMs);
    spans.push({ startMs: beginMs, endMs: nextMs });
    beginMs = nextMs;
  }
  return spans;
}

/** As a range has it: a date alone at midnight, which keys that are dates can be compared with. */
export function boundText(ms: number): string {
  const iso = new Date(ms).toISOString();
  return iso.endsWith("T00:00:00.000Z") ? iso.slice(0, 10) : iso;
}

function momentOf(text: string, name: string): number {
  const iso = timeText(text);
  const ms = iso === undefined ? NaN : Date.parse(iso);
  if (Number.isNaN(ms)) {
    throw new AppError(
      "invalid",
      `Cannot backfill: ${name} is "${text}", expected a date or a time such as 2026-03-01 or 2026-03-01T06:00:00Z`,
    );
  }
  return ms;
}

/** Where the window of a number (from 1) ends. */
function stepOf(every: string, startMs: number): (number: number) => number {
  const length = readLength(every);
  if (length === undefined) {
    throw new AppError(
      "invalid",
      `Cannot backfill every "${every}": expected a length such as 1d, 6h, 1w, 1mo or 1y`,
    );
  }
  return (number) => laterBy(startMs, length, number);
}
