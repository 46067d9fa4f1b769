import type { Context } from "hono";
import type { Clock } from "../../../contract/clock.ts";
import { hashToken, randomText } from "../../../engine/control/people/token_text.ts";
import type { HalfOpenPurpose, SignInStore } from "../../../engine/store/factors/port.ts";
import type { Auth } from "../auth.ts";

const COOKIE = "sluice_sign_in";
export const HALF_OPEN_MS = 5 * 60_000;
/** Of one sign-in; then the password is asked for again. */
const MOST_ATTEMPTS = 5;

/** A sign-in that has a right password and lacks a factor. */
export interface HalfOpen {
  readonly hash: string;
  /** The user's id. */
  readonly user: string;
  readonly purpose: HalfOpenPurpose;
  readonly openedAtMs: number;
}

export interface HalfOpenOptions {
  readonly auth: Pick<Auth, "readCookie" | "setCookie" | "clearCookie">;
  readonly signIns: SignInStore;
  readonly clock: Pick<Clock, "now">;
}

/** Sign-ins between the password and the factor: a cookie of their own, which gives access to nothing else. */
export class HalfOpenSignIns {
  readonly #options: HalfOpenOptions;

  constructor(options: HalfOpenOptions) {
    this.#options = options;
  }

  async open(c: Context, user: string, purpose: HalfOpenPurpose): Promise<void> {
    const { auth, signIns, clock } = this.#options;
    const text = randomText();
    const nowMs = clock.now();
    const signIn = { hash: await hashToken(text), user, purpose, expiresAtMs: nowMs + HALF_OPEN_MS };
    await signIns.openHalf(signIn, nowMs);
    auth.setCookie(c, COOKIE, text, HALF_OPEN_MS);
  }

  /** The one of the request's cookie; undefined where there is none, or it is over. */
  async find(c: Context): Promise<HalfOpen | undefined> {
    const { signIns, clock } = this.#options;
    const hash = await this.#hash(c);
    const found = hash === undefined ? undefined : await signIns.findHalf(hash, clock.now());
    return hash === undefined || found === undefined ? undefined : halfOpen(hash, found);
  }

  /** Counts an attempt before it is looked at: parallel ones cannot pass together. Undefined where it is over. */
  async attempt(c: Context): Promise<HalfOpen | undefined> {
    const { signIns, clock } = this.#options;
    const hash = await this.#hash(c);
    if (hash === undefined) return undefined;
    const found = await signIns.attemptHalf(hash, MOST_ATTEMPTS, clock.now());
    return found && halfOpen(hash, found);
  }

  /** False where another request has closed it: of parallel ones one alone goes on. */
  async close(c: Context, { hash }: HalfOpen): Promise<boolean> {
    const { auth, signIns } = this.#options;
    auth.clearCookie(c, COOKIE);
    return await signIns.closeHalf(hash);
  }

  async #hash(c: Context): Promise<string | undefined> {
    const text = this.#options.auth.readCookie(c, COOKIE);
    return text === undefined ? undefined : await hashToken(text);
  }
}

function halfOpen(
  hash: string,
  { user, purpose, expiresAtMs }: { user: string; purpose: HalfOpenPurpose; expiresAtMs: number },
): HalfOpen {
  return { hash, user, purpose, openedAtMs: expiresAtMs - HALF_OPEN_MS };
}
