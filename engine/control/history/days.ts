import type { RunDay } from "../../../contract/runs/history.ts";
import type { RunCount } from "../../store/ports/history.ts";

/** A day by the clock of some zone. */
export interface Day {
  /** `2026-03-01`. */
  readonly date: string;
  /** Where it begins, epoch milliseconds: not at midnight where the clock leaves that out. */
  readonly startMs: number;
}

/** So many days in order, the last the one that has this moment. A zone that is not known is UTC. */
export function daysUntil(nowMs: number, timezone: string, count: number): Day[] {
  const today = zonedTime(nowMs, timezone);
  return Array.from({ length: count }, (_, index) => {
    const day = today.toPlainDate().subtract({ days: count - 1 - index });
    const start = day.toZonedDateTime({ timeZone: today.timeZoneId }).startOfDay();
    return { date: day.toString(), startMs: start.epochMilliseconds };
  });
}

/** How the runs of each day stand; days without any are left out. */
export function countDays(days: readonly Day[], counts: readonly RunCount[]): RunDay[] {
  const byDay = new Map<string, RunDay>();
  let at = 0;
  for (const { fromMs, state, count } of counts.toSorted((a, b) => a.fromMs - b.fromMs)) {
    while ((days[at + 1]?.startMs ?? Infinity) <= fromMs) at += 1;
    const { date, startMs } = days[at] ?? { date: "", startMs: Infinity };
    if (fromMs < startMs) continue;
    const day = byDay.get(date) ?? { date, succeeded: 0, failed: 0, cancelled: 0, active: 0 };
    const key = state === "queued" || state === "running" ? "active" : state;
    byDay.set(date, { ...day, [key]: day[key] + count });
  }
  return [...byDay.values()];
}

function zonedTime(nowMs: number, timezone: string): Temporal.ZonedDateTime {
  const now = Temporal.Instant.fromEpochMilliseconds(nowMs);
  try {
    return now.toZonedDateTimeISO(timezone);
  } catch {
    return now.toZonedDateTimeISO("UTC");
  }
}
