import { AppError } from "../../../contract/errors.ts";
import { DURATION_PATTERN, durationMs } from "../../../contract/pipeline/words.ts";
import { type LogFilter, MAX_SEARCH_TEXT } from "../../../contract/runs/log_search.ts";
import { timeText } from "../../../text/moment.ts";
import type { LogConditions } from "./port.ts";

/** The conditions as a filter of lines. Throws invalid for a time that is none and a text that is too long. */
export function logFilterOf(
  { search, level, step, since, until }: LogConditions,
  nowMs: number,
): LogFilter {
  if (search !== undefined && search.length > MAX_SEARCH_TEXT) {
    throw new AppError(
      "invalid",
      `Cannot search for a text of ${search.length} characters: at most ${MAX_SEARCH_TEXT} can be searched for`,
    );
  }
  return {
    ...(search ? { text: search } : {}),
    ...(level === undefined ? {} : { level }),
    ...(step ? { step } : {}),
    ...(since ? { sinceMs: momentOf(since, "since", nowMs) } : {}),
    ...(until ? { untilMs: momentOf(until, "until", nowMs) } : {}),
  };
}

/** Epoch milliseconds. Throws invalid for what is none. */
export function momentOf(text: string, name: string, nowMs: number): number {
  if (DURATION_PATTERN.test(text)) return nowMs - durationMs(text);
  const iso = timeText(text);
  const ms = iso === undefined ? NaN : Date.parse(iso);
  if (!Number.isNaN(ms)) return ms;
  throw new AppError(
    "invalid",
    `${name} is "${text}", expected a date, a time such as 2026-03-01T06:00:00Z, or how long ago, ` +
      "such as 7d",
  );
}
