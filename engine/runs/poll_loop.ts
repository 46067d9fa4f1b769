import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import type { Service } from "./service.ts";

const MAX_PAUSE_MS = 60_000;

export interface PollLoopContext {
  readonly clock: Clock;
  readonly log: Log;
  /** Looks for work and does it; returns in how many milliseconds to look again at the latest. */
  readonly look: () => Promise<number>;
  /** What the log says where a look throws, as `the inbox cannot be read`. */
  readonly failure: string;
}

/**
 * Looks for work again and again: at once, when it is woken, and after the time that the last look said. After a look
 * that failed it pauses, from a second to a minute, and waking it does not shorten that: what is written meanwhile must
 * not make it hammer on what it cannot do.
 */
export class PollLoop implements Service {
  readonly #context: PollLoopContext;
  readonly #stopping = new AbortController();
  #woken = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(context: PollLoopContext) {
    this.#context = context;
  }

  /** Aborted when it stops. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  start(): void {
    this.#loop = this.#work();
  }

  wake(): void {
    this.#woken.abort();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#loop;
  }

  async #work(): Promise<void> {
    const { clock, log, look, failure } = this.#context;
    for (let failures = 0; !this.signal.aborted;) {
      const woken = this.#woken = new AbortController();
      try {
        const waitMs = await look();
        failures = 0;
        await clock.sleep(waitMs, woken.signal);
      } catch (error) {
        log("error", `${failure}; trying again`, { error: String(error) });
        await clock.sleep(Math.min(1_000 * 2 ** Math.min(failures, 10), MAX_PAUSE_MS), this.signal);
        failures += 1;
      }
    }
  }
}
