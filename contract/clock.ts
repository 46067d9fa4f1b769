/** Time as the engine sees it, so that tests can hold it still. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Resolves after the wait or when the signal fires, whichever is first. Never throws. */
  sleep(waitMs: number, signal: AbortSignal): Promise<void>;
}

/** setTimeout takes no more than 2^31 - 1 ms. */
const MAX_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (waitMs, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const finish = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, Math.min(Math.max(waitMs, 0), MAX_TIMER_MS));
      signal.addEventListener("abort", finish, { once: true });
    }),
};
