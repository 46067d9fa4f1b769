import type { Context } from "hono";
import type { Clock } from "../../../contract/clock.ts";
import { openBytes, sealBytes } from "../../../engine/keys/cipher.ts";
import type { Auth } from "../auth.ts";
import { TakenOnce } from "./taken_once.ts";

const COOKIE = "sluice_sso";
/** How long somebody may take at the provider. */
const LIFE_MS = 600_000;

type Cookies = Pick<Auth, "readCookie" | "setCookie" | "clearCookie">;

/** What has to be the same when somebody comes back from the provider. */
export interface PendingSignIn {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Where to go afterwards. */
  readonly next: string;
}

/**
 * Keeps a sign-in that is under way in a cookie of the browser that began it, encrypted under a key of this process: so
 * many may begin as like, and none costs memory. Each is taken once.
 */
export class PendingSignIns {
  readonly #clock: Pick<Clock, "now">;
  /** Lax, as the provider's page leads back to us: with Strict the cookie would stay away then. */
  readonly #cookies: Cookies;
  #key: Promise<CryptoKey> | undefined;
  /** States. */
  readonly #taken: TakenOnce;

  constructor(clock: Pick<Clock, "now">, cookies: Cookies) {
    this.#clock = clock;
    this.#cookies = cookies;
    this.#taken = new TakenOnce(clock);
  }

  async begin(c: Context, pending: PendingSignIn): Promise<void> {
    const text = JSON.stringify({ ...pending, untilMs: this.#clock.now() + LIFE_MS });
    const value = await sealBytes(await this.#keyOf(), new TextEncoder().encode(text), COOKIE);
    this.#cookies.setCookie(c, COOKIE, value, LIFE_MS);
  }

  /** What this browser has begun, once; undefined where it has not, or too long ago. */
  async take(c: Context): Promise<PendingSignIn | undefined> {
    const value = this.#cookies.readCookie(c, COOKIE);
    if (value === undefined) return undefined;
    this.#cookies.clearCookie(c, COOKIE);
    const opened = await this.#open(value);
    if (opened === undefined || opened.untilMs <= this.#clock.now() || this.#taken.has(opened.state)) {
      return undefined;
    }
    this.#taken.take(opened.state, opened.untilMs);
    return opened;
  }

  async #open(value: string): Promise<PendingSignIn & { readonly untilMs: number } | undefined> {
    const opened = await openBytes(await this.#keyOf(), value, COOKIE);
    // What opens was written by `begin`.
    return opened === undefined ? undefined : JSON.parse(new TextDecoder().decode(opened));
  }

  #keyOf(): Promise<CryptoKey> {
    return this.#key ??= crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
      "encrypt",
      "decrypt",
    ]);
  }
}
