import { IS_RETRYABLE, toAppError } from "../../contract/errors.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;

export interface WritingContext {
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when this server stops: one last try, then the failure. */
  readonly leaving: AbortSignal;
}

/**
 * Writes to the store until it is written: a full disk or another process's lock passes, and what an
 * attempt has to say must be there then. `what` names it in the log, as `the end of run 01J…`. Returns
 * what `write` returned. Throws where another try makes no sense, or where it was told to give up.
 */
export async function writeUntilDone<T>(
  { clock, log, leaving }: WritingContext,
  what: string,
  write: () => Promise<T>,
): Promise<T> {
  for (let tries = 0;; tries++) {
    const isLast = leaving.aborted;
    try {
      const written = await write();
      if (tries > 0) log("info", `${what} is written now`, { tries: tries + 1 });
      return written;
    } catch (error) {
      const { code, message } = toAppError(error);
      if (isLast || !IS_RETRYABLE[code]) throw error;
      if (tries === 0) {
        log("error", `${what} could not be written; trying again until it is`, { error: message });
      }
      await clock.sleep(Math.min(FIRST_PAUSE_MS * 2 ** Math.min(tries, 10), MAX_PAUSE_MS), leaving);
    }
  }
}
