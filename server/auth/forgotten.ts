import type { Context } from "hono";
import type { Clock } from "../../contract/clock.ts";
import { networkOf } from "../../contract/network/network_of.ts";
import type { PasswordResets } from "../../engine/control/people/passwords/resets.ts";
import { tooManyAttempts } from "../http/too_many.ts";
import type { Auth } from "./auth.ts";

/** Requests of one address in a window. */
const MOST = 10;
const WINDOW_MS = 900_000;
const MOST_ADDRESSES = 10_000;
/** Longer names are nobody's. */
const MOST_NAME = 254;

export interface ForgottenOptions {
  readonly resets: Pick<PasswordResets, "canMail" | "request">;
  readonly auth: Pick<Auth, "addressOf">;
  readonly clock: Pick<Clock, "now">;
  /** Whether nobody signs in by a password; false by default. */
  readonly isOff?: boolean;
}

/** Asking for another password where the old one is forgotten. */
export class Forgotten {
  readonly #options: ForgottenOptions;
  /** By network, the oldest first. */
  readonly #asked = new Map<string, { readonly endsAtMs: number; count: number }>();

  constructor(options: ForgottenOptions) {
    this.#options = options;
  }

  get canMail(): boolean {
    return this.#options.resets.canMail && this.#options.isOff !== true;
  }

  /** The same for everybody: whether there is such a user is not to be seen. Throws status 429. */
  ask(c: Context, name: string): void {
    const { auth, clock, resets } = this.#options;
    const address = auth.addressOf(c);
    const nowMs = clock.now();
    const network = networkOf(address);
    let window = this.#asked.get(network);
    if (window === undefined || window.endsAtMs <= nowMs) {
      window = { endsAtMs: nowMs + WINDOW_MS, count: 0 };
      this.#asked.delete(network);
      this.#asked.set(network, window);
      const [oldest] = this.#asked.keys();
      if (this.#asked.size > MOST_ADDRESSES && oldest !== undefined) this.#asked.delete(oldest);
    }
    if (++window.count > MOST) {
      throw tooManyAttempts(`requests from ${address}`, window.endsAtMs - nowMs);
    }
    const account = name.trim().slice(0, MOST_NAME);
    if (account !== "" && this.canMail) resets.request(account, address);
  }
}

/** As the pages are handed it. */
export type PageForgotten = Pick<Forgotten, keyof Forgotten>;
