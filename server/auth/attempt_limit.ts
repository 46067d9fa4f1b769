import type { Clock } from "../../contract/clock.ts";
import { networkOf } from "../../contract/network/network_of.ts";

export interface AttemptLimitOptions {
  readonly clock: Pick<Clock, "now" | "sleep">;
  /** Failures of one address within `windowMs` after which it is slowed down. 10 by default. */
  readonly failures?: number;
  /** 5 minutes by default. */
  readonly windowMs?: number;
  /** Attempts of a slowed address that may wait for their turn. 20 by default. */
  readonly waiting?: number;
  /** Between two of them. 50 by default. */
  readonly pauseMs?: number;
  /** Addresses remembered, the newest; 10,000 by default. */
  readonly addresses?: number;
  /** Called at an address's first failure in a window, and when it has reached the limit. */
  readonly onFailure?: (address: string, isLimited: boolean) => void;
}

/** How an attempt to be let in came out. `limited`: it failed, or was not tried, and too many did before. */
export type Attempt<T> =
  | { readonly kind: "known"; readonly value: T }
  | { readonly kind: "unknown" }
  | { readonly kind: "limited"; readonly waitMs: number };

interface Window {
  readonly endsAtMs: number;
  /** Attempts that failed, and those that are not decided yet. */
  counted: number;
  failed: number;
  waiting: number;
  /** Settles when the next attempt of a slowed address may go. */
  turn: Promise<void>;
}

/** What came of looking; undefined where there was no place to wait for a turn. */
type Finding<T> = { readonly value: T | undefined; readonly isOver: boolean } | undefined;

/**
 * Counts failed attempts by address, or by whatever else stands for one, in fixed windows, in bounded memory. An attempt counts before it is
 * decided, so that parallel ones cannot pass together; one that succeeds is taken back. Beyond the limit
 * attempts are decided one after the other with a pause, and where too many wait already they are
 * refused: guessing is slow, and a right token still gets in among others' wrong ones. What has succeeded
 * from an address before is never counted, limited or slowed there.
 */
export class AttemptLimit<T> {
  readonly #options: Required<Omit<AttemptLimitOptions, "onFailure">>;
  readonly #onFailure: (address: string, isLimited: boolean) => void;
  /** By network, in order of their first attempt. */
  readonly #windows = new Map<string, Window>();
  /** Of one network and key; the longest known first. */
  readonly #proven = new Set<string>();
  /** The same key again while it is looked for: one attempt. */
  readonly #looking = new Map<string, Promise<Finding<T>>>();

  constructor(options: AttemptLimitOptions) {
    const { failures = 10, windowMs = 300_000, waiting = 20, pauseMs = 50, addresses = 10_000 } = options;
    this.#options = { clock: options.clock, failures, windowMs, waiting, pauseMs, addresses };
    this.#onFailure = options.onFailure ?? (() => {});
  }

  /**
   * Decides whether `key` (the hash of what was sent) is known, by `find`. Throws what `find` throws. Without a key
   * nothing is remembered of what was sent: that is for passwords.
   */
  async attempt(
    address: string,
    key: string | undefined,
    find: () => Promise<T | undefined>,
  ): Promise<Attempt<T>> {
    const network = networkOf(address);
    const id = key === undefined ? undefined : `${network} ${key}`;
    if (id !== undefined && this.#proven.has(id)) {
      const value = await find();
      if (value !== undefined) return { kind: "known", value };
      this.#proven.delete(id);
    }
    const window = this.#window(network);
    const joined = id === undefined ? undefined : this.#looking.get(id);
    const finding = await (joined ?? this.#look(window, id, find));
    if (finding === undefined) return this.#limited(window);
    if (finding.value !== undefined) {
      if (id !== undefined) remember(this.#proven, id, this.#options.addresses);
      return { kind: "known", value: finding.value };
    }
    // The attempt that looked has counted before it did.
    const isOver = joined === undefined ? finding.isOver : window.counted++ >= this.#options.failures;
    window.failed++;
    if (window.failed === 1) this.#onFailure(address, false);
    if (window.failed === this.#options.failures) this.#onFailure(address, true);
    return isOver ? this.#limited(window) : { kind: "unknown" };
  }

  #look(window: Window, id: string | undefined, find: () => Promise<T | undefined>): Promise<Finding<T>> {
    if (id === undefined) return this.#find(window, find);
    const finding = this.#find(window, find).finally(() => this.#looking.delete(id));
    this.#looking.set(id, finding);
    return finding;
  }

  async #find(window: Window, find: () => Promise<T | undefined>): Promise<Finding<T>> {
    const isOver = window.counted >= this.#options.failures;
    if (isOver && !await this.#turn(window)) return undefined;
    window.counted++;
    let value: T | undefined;
    let isDecided = false;
    try {
      value = await find();
      isDecided = true;
    } finally {
      if (value !== undefined || !isDecided) window.counted--;
    }
    return { value, isOver };
  }

  /** Waits behind the other attempts of a slowed address; false where too many wait already. */
  async #turn(window: Window): Promise<boolean> {
    const { waiting, pauseMs, clock } = this.#options;
    if (window.waiting >= waiting) return false;
    window.waiting++;
    window.turn = window.turn.then(() => clock.sleep(pauseMs, NEVER));
    await window.turn;
    window.waiting--;
    return true;
  }

  #limited(window: Window): Attempt<never> {
    return { kind: "limited", waitMs: Math.max(0, window.endsAtMs - this.#options.clock.now()) };
  }

  #window(network: string): Window {
    const nowMs = this.#options.clock.now();
    const known = this.#windows.get(network);
    if (known !== undefined && known.endsAtMs > nowMs) return known;
    this.#windows.delete(network);
    const endsAtMs = nowMs + this.#options.windowMs;
    const window = { endsAtMs, counted: 0, failed: 0, waiting: 0, turn: Promise.resolve() };
    this.#windows.set(network, window);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > this.#options.addresses && oldest !== undefined) this.#windows.delete(oldest);
    return window;
  }
}

/** A pause is short: nothing stops it. */
const NEVER = new AbortController().signal;

function remember(set: Set<string>, entry: string, limit: number): void {
  set.add(entry);
  const [oldest] = set;
  if (set.size > limit && oldest !== undefined) set.delete(oldest);
}
