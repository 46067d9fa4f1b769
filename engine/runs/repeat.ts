import type { Clock } from "../../contract/clock.ts";

export interface Repetition {
  readonly clock: Clock;
  /** Ends it: what is being done then is done to its end, and not again. */
  readonly signal: AbortSignal;
  readonly firstAfterMs: number;
  /** From the end of one time to the next. */
  readonly everyMs: number;
  /** Takes what `work` throws; it is done again all the same. */
  readonly onError: (error: unknown) => void;
}

/** Does something again and again until the signal fires. Throws only what `onError` throws. */
export async function repeat(
  work: () => Promise<void>,
  { clock, signal, firstAfterMs, everyMs, onError }: Repetition,
): Promise<void> {
  for (let waitMs = firstAfterMs;; waitMs = everyMs) {
    await clock.sleep(waitMs, signal);
    if (signal.aborted) return;
    try {
      await work();
    } catch (error) {
      onError(error);
    }
  }
}
