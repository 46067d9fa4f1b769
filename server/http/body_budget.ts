import { retryLater } from "./too_many.ts";

export interface BodyBudgetOptions {
  /** Bytes of all requests together. */
  readonly total: number;
  /** Of one client's address. */
  readonly perAddress: number;
}

/** So much of each request has its place in any case: signing in must not wait for those who fill the rest. */
const FREE_BYTES = 64 * 1_024;

/** What one request holds of the budget. */
export interface BodyShare {
  /** Counts bytes that have come. Throws status 429 where there is no room for them. */
  take(bytes: number): void;
  /** When the request is over. */
  release(): void;
}

/**
 * Bounds the memory that bodies of requests take: each may be large, and is read before it is known who sends it where it
 * says that itself (a password, a signature), so that many at a time would be more than the machine has.
 */
export class BodyBudget {
  readonly #options: BodyBudgetOptions;
  readonly #ofAddress = new Map<string, number>();
  #held = 0;

  constructor(options: BodyBudgetOptions) {
    this.#options = options;
  }

  get held(): number {
    return this.#held;
  }

  open(address: string): BodyShare {
    let come = 0;
    let mine = 0;
    return {
      take: (length) => {
        const before = Math.max(0, come - FREE_BYTES);
        come += length;
        const bytes = Math.max(0, come - FREE_BYTES) - before;
        if (bytes === 0) return;
        const { total, perAddress } = this.#options;
        const ofAddress = this.#ofAddress.get(address) ?? 0;
        if (this.#held + bytes > total || ofAddress + bytes > perAddress) {
          throw retryLater(
            "The bodies of too many requests are coming in at this moment: send it again in some seconds",
            5_000,
            "too_many_requests",
          );
        }
        mine += bytes;
        this.#held += bytes;
        this.#ofAddress.set(address, ofAddress + bytes);
      },
      release: () => {
        const left = (this.#ofAddress.get(address) ?? 0) - mine;
        if (left > 0) this.#ofAddress.set(address, left);
        else this.#ofAddress.delete(address);
        this.#held -= mine;
        mine = 0;
      },
    };
  }
}
