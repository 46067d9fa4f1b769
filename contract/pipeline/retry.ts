import * as v from "valibot";
import { duration, durationMs } from "./words.ts";

/** How failures that may pass by themselves are tried again: those of runs, and those of steps. */

export const retrySchema = v.pipe(
  v.strictObject({
    limit: v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(100),
      v.description("How many more attempts what failed gets."),
    ),
    interval: v.optional(v.pipe(duration, v.description("The wait before the first of them.")), "10s"),
    backoff: v.optional(
      v.pipe(
        v.picklist(["constant", "exponential"]),
        v.description("Whether each wait is as long as the first, or twice as long as the one before."),
      ),
      "exponential",
    ),
    max_interval: v.optional(v.pipe(duration, v.description("The longest wait.")), "5m"),
  }),
  v.description("Attempts after a failure that may pass by itself; a wrong definition is not tried again."),
);
export type RetryDefinition = v.InferOutput<typeof retrySchema>;

export const stepSettingsSchema = v.strictObject({
  retry: v.optional(retrySchema),
  timeout: v.optional(
    v.pipe(
      duration,
      v.description("A step that takes longer, its retries among it, ends the run's attempt."),
    ),
  ),
});
export type StepSettings = v.InferOutput<typeof stepSettingsSchema>;

/**
 * The wait after the given attempt (from 1). One that grows is up to a quarter shorter, by the id of what failed and
 * the attempt: what failed at the same moment does not come back at the same moment.
 */
export function retryDelayMs(retry: RetryDefinition, attempt: number, id: string): number {
  const baseMs = durationMs(retry.interval);
  const isGrowing = retry.backoff === "exponential";
  const grownMs = Math.min(
    isGrowing ? baseMs * 2 ** Math.min(attempt - 1, 30) : baseMs,
    durationMs(retry.max_interval),
  );
  return isGrowing ? Math.round(grownMs * (1 - shareOf(`${id} ${attempt}`) / 4)) : grownMs;
}

/** From 0 to less than 1, always the same for a text (FNV-1a). */
function shareOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return ((hash ^ hash >>> 15) >>> 0) / 2 ** 32;
}
