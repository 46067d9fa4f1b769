import type { Clock } from "../../../contract/clock.ts";
import type { RateLimit } from "../../../contract/connector/connector.ts";

interface Host {
  /** When requests were let go, the latest last: as many as the largest limit that was asked for looks at. */
  readonly at: number[];
  most: number;
  heldUntilMs: number;
  /** Somebody keeps to a limit there. */
  isLimited: boolean;
  /** Until then requests may go that nobody counts. */
  freeUntilMs: number;
  /** Who comes first goes first. */
  queue: Promise<void>;
}

/**
 * So long a process may go on without asking, where nobody counts a host's requests: asking for each takes as much time as
 * the request itself. A host that wants to be left alone is left so by other processes a little later.
 */
const FREE_MS = 100;

/** How many requests a host gets of all pipelines together, and when it wants to be left alone. */
export class HostRates {
  readonly #clock: Clock;
  readonly #hosts = new Map<string, Host>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves when a request may go to the host, `name:port`. Returns for how many milliseconds from then on further ones without a
   * limit may go unasked, 0 where somebody counts them. Throws the signal's reason.
   */
  async turn(host: string, limit: RateLimit | undefined, signal: AbortSignal): Promise<number> {
    const state = this.#stateOf(host);
    state.isLimited ||= limit !== undefined;
    const before = state.queue;
    const { promise, resolve } = Promise.withResolvers<void>();
    state.queue = promise;
    try {
      await before;
      while (true) {
        signal.throwIfAborted();
        const waitMs = this.#waitMs(state, limit);
        if (waitMs <= 0) break;
        await this.#clock.sleep(waitMs, signal);
      }
      state.most = Math.max(state.most, limit?.requests ?? 0);
      state.at.push(this.#clock.now());
      if (state.at.length > state.most) state.at.splice(0, state.at.length - state.most);
      if (state.isLimited) return 0;
      state.freeUntilMs = this.#clock.now() + FREE_MS;
      return FREE_MS;
    } finally {
      resolve();
    }
  }

  /** No request goes to the host before so many milliseconds are over. */
  hold(host: string, waitMs: number): void {
    const state = this.#stateOf(host);
    state.heldUntilMs = Math.max(state.heldUntilMs, this.#clock.now() + waitMs);
  }

  #waitMs({ at, heldUntilMs, freeUntilMs }: Host, limit: RateLimit | undefined): number {
    const now = this.#clock.now();
    const first = limit === undefined ? undefined : at.at(-limit.requests);
    const isFull = limit !== undefined && at.length >= limit.requests && first !== undefined;
    const uncountedMs = limit === undefined ? 0 : freeUntilMs - now;
    return Math.max(heldUntilMs - now, uncountedMs, isFull ? first + limit.perMs - now : 0);
  }

  #stateOf(host: string): Host {
    let state = this.#hosts.get(host);
    if (state === undefined) {
      state = {
        at: [],
        most: 1,
        heldUntilMs: 0,
        isLimited: false,
        freeUntilMs: 0,
        queue: Promise.resolve(),
      };
      this.#hosts.set(host, state);
    }
    return state;
  }
}
