import type { Clock } from "../../contract/clock.ts";

export interface AttemptLimitOptions {
  readonly clock: Pick<Clock, "now">;
  /** Failures of one address within `windowMs` after which it has to wait. 10 by default. */
  readonly failures?: number;
  /** 5 minutes by default. */
  readonly windowMs?: number;
  /** Addresses remembered, the newest; 10,000 by default. */
  readonly addresses?: number;
}

interface Window {
  readonly endsAtMs: number;
  failures: number;
}

/** Counts failed attempts by address in fixed windows, in bounded memory. */
export class AttemptLimit {
  readonly #clock: Pick<Clock, "now">;
  readonly #failures: number;
  readonly #windowMs: number;
  readonly #addresses: number;
  /** In order of their first failure. */
  readonly #windows = new Map<string, Window>();

  constructor({ clock, failures = 10, windowMs = 300_000, addresses = 10_000 }: AttemptLimitOptions) {
    this.#clock = clock;
    this.#failures = failures;
    this.#windowMs = windowMs;
    this.#addresses = addresses;
  }

  /** How long the address has to wait; 0 where it may try. */
  waitMs(address: string): number {
    const window = this.#current(address);
    if (window === undefined || window.failures < this.#failures) return 0;
    return window.endsAtMs - this.#clock.now();
  }

  fail(address: string): void {
    const key = networkOf(address);
    const window = this.#current(address);
    if (window !== undefined) {
      window.failures++;
      return;
    }
    this.#windows.delete(key);
    this.#windows.set(key, { endsAtMs: this.#clock.now() + this.#windowMs, failures: 1 });
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > this.#addresses && oldest !== undefined) this.#windows.delete(oldest);
  }

  #current(address: string): Window | undefined {
    const window = this.#windows.get(networkOf(address));
    return window !== undefined && window.endsAtMs > this.#clock.now() ? window : undefined;
  }
}

/** One customer has a whole /64 of IPv6: its addresses count as one. */
function networkOf(address: string): string {
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = "", tail = ""] = address.split("::");
  const left = head.split(":").filter((part) => part !== "");
  const right = tail.split(":").filter((part) => part !== "");
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0");
  return [...left, ...(address.includes("::") ? zeros : []), ...right].slice(0, 4).join(":");
}
