import { AppError } from "../../contract/errors.ts";
import { laterBy, type Length, periodStart, readLength } from "../../contract/pipeline/lengths.ts";
import type { Model } from "../language/model.ts";

/** Epoch milliseconds, from `startMs` until before `endMs`; null is the beginning of time. */
export interface BuildWindow {
  readonly startMs: number | null;
  readonly endMs: number;
}

export interface WindowOptions {
  /** Whether the window was asked for: then it is not moved back by `lookback`, and not begun by `begin`. */
  readonly isGiven: boolean;
  /** Whether the update_key is a DATE: what is within a day cannot be told apart then. */
  readonly isByDay: boolean;
}

const DAY: Length = { ms: 86_400_000 };
export const MAX_BATCHES = 100_000;

/** Whether the rows of the model's window are replaced, by the time in its update_key. */
export function isByWindow(model: Pick<Model, "materialized" | "strategy" | "partitionBy">): boolean {
  return model.materialized === "incremental" && model.strategy === "delete_insert" &&
    model.partitionBy.length === 0;
}

/**
 * The windows, the earliest first, that a model is built for one after the other. With a batch_size they are whole
 * periods of it: the first begins before the run's window where that begins within one, and the last ends after it.
 * There is at least one. Throws invalid for more than MAX_BATCHES.
 */
export function batchesOf(
  model: Pick<
    Model,
    "name" | "batchSize" | "beginMs" | "lookback" | "materialized" | "strategy" | "partitionBy"
  >,
  window: BuildWindow,
  { isGiven, isByDay }: WindowOptions,
): BuildWindow[] {
  const batch = model.batchSize === undefined ? undefined : readLength(model.batchSize);
  const period = batch ?? (isByDay && isByWindow(model) ? DAY : undefined);
  const startMs = isGiven ? window.startMs : beginningOf(model, window.startMs, period);
  const endMs = Math.max(window.endMs, startMs ?? -Infinity);
  if (period === undefined) return [{ startMs, endMs }];
  const lastMs = endOf(endMs, period);
  const firstMs = startMs === null ? null : periodStart(startMs, period);
  if (batch === undefined || firstMs === null || firstMs >= lastMs) {
    return [{ startMs: firstMs, endMs: lastMs }];
  }
  const batches: BuildWindow[] = [];
  for (let beginMs = firstMs; beginMs < lastMs;) {
    const nextMs = laterBy(beginMs, batch, 1);
    if (batches.length === MAX_BATCHES) throw tooMany(model, firstMs, lastMs);
    batches.push({ startMs: beginMs, endMs: nextMs });
    beginMs = nextMs;
  }
  return batches;
}

function beginningOf(
  { lookback, beginMs }: Pick<Model, "lookback" | "beginMs">,
  startMs: number | null,
  period: Length | undefined,
): number | null {
  if (startMs === null) return beginMs ?? null;
  const backMs = lookedBack(startMs, lookback, period);
  return beginMs === undefined ? backMs : Math.max(backMs, Math.min(beginMs, startMs));
}

function lookedBack(
  startMs: number,
  lookback: number | string | undefined,
  period: Length | undefined,
): number {
  if (typeof lookback === "number") {
    return period === undefined ? startMs : laterBy(periodStart(startMs, period), period, -lookback);
  }
  const length = lookback === undefined ? undefined : readLength(lookback);
  return length === undefined ? startMs : laterBy(startMs, length, -1);
}

/** Where the last period ends that something before `ms` lies in. */
function endOf(ms: number, period: Length): number {
  const startMs = periodStart(ms, period);
  return startMs === ms ? ms : laterBy(startMs, period, 1);
}

function tooMany(
  { name, batchSize }: Pick<Model, "name" | "batchSize">,
  startMs: number,
  endMs: number,
): AppError {
  const [from, to] = [startMs, endMs].map((ms) => new Date(ms).toISOString());
  return new AppError(
    "invalid",
    `Cannot build the model ${name} from ${from} to ${to} in batches of ${batchSize}: that is more than ` +
      `${MAX_BATCHES} of them; take a longer batch_size`,
  );
}
