import type { Clock } from "../../../contract/clock.ts";
import { toAppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import { createVaultHttp, type VaultHttp, type VaultRequest, type VaultResponse } from "./http.ts";
import type { VaultSettings } from "./settings.ts";
import { createSignIn, tokenOf, type VaultToken } from "./sign_in.ts";

export interface VaultClientOptions {
  readonly settings: VaultSettings;
  readonly clock: Clock;
  readonly log: Log;
  /** The most that one request may take; 10 s by default. */
  readonly requestMs?: number;
}

/** A token with when it came. */
interface Held extends VaultToken {
  /** Epoch milliseconds; undefined where it does not end. */
  readonly endsMs: number | undefined;
  /** What it was given for at first: a renewal for much less says that its end has come. */
  readonly firstTtlMs: number | undefined;
}

/** A renewal that gives less of this part of the first time is the last one. */
const LEAST_OF_FIRST = 1 / 3;
/** A token that came a moment ago is not looked for again where something is refused. */
const YOUNG_MS = 5_000;
const IDLE_MS = 60_000;
const LEAST_PAUSE_MS = 200;
const MOST_PAUSE_MS = 10_000;

/**
 * One Vault with this server signed in: at the first request, again where its token has ended, and the token renewed before
 * it does. Disposing of it ends a token that it signed in for, with all that was leased by it.
 */
export class VaultClient implements AsyncDisposable {
  readonly #http: VaultHttp;
  readonly #signIn: () => Promise<VaultToken>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #held: Held | undefined;
  #signing: Promise<Held> | undefined;
  #renewing: Promise<void> | undefined;
  /** Goes up with each token that is another one; by it, when those before end. */
  #generation = 0;
  readonly #ends = new Map<number, number | undefined>();

  constructor({ settings, clock, log, requestMs }: VaultClientOptions) {
    this.#http = createVaultHttp({ settings, clock, ...(requestMs === undefined ? {} : { requestMs }) });
    this.#signIn = createSignIn(this.#http, settings.auth);
    this.#clock = clock;
    this.#log = log;
  }

  /** The answer to a request of this server's, whatever its status below 500 but 429. Throws as `VaultHttp.send` and `unauthorized`. */
  async request(request: Omit<VaultRequest, "token">): Promise<VaultResponse> {
    const held = await this.#token();
    const response = await this.#http.send({ ...request, token: held.token });
    if (response.status !== 403 || await this.#isKnown(held)) return response;
    const renewed = await this.#token();
    return await this.#http.send({ ...request, token: renewed.token });
  }

  /** Says when what was leased by the present token ends with it: once that is known, and undefined before. */
  endOfToken(): () => number | undefined {
    const generation = this.#generation;
    return () => this.#ends.get(generation);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    await this.#renewing;
    await this.#signing?.catch(() => {});
    if (this.#held?.isOwn === true) {
      const path = "auth/token/revoke-self";
      await this.#http.send({ method: "POST", path, token: this.#held.token }).catch(() => {});
    }
    this.#http[Symbol.dispose]();
  }

  async #token(): Promise<Held> {
    const held = this.#held;
    if (held !== undefined && (held.endsMs === undefined || held.endsMs > this.#clock.now())) return held;
    return await this.#signInAgain(held);
  }

  /** For all who come at a time once. `old` is the token that is no good any more. */
  async #signInAgain(old: Held | undefined): Promise<Held> {
    if (this.#held !== undefined && this.#held !== old) return this.#held;
    this.#signing ??= this.#signedIn(old).finally(() => this.#signing = undefined);
    return await this.#signing;
  }

  async #signedIn(old: Held | undefined): Promise<Held> {
    const askedMs = this.#clock.now();
    const token = await this.#signIn();
    if (old !== undefined && old.token !== token.token) {
      this.#ends.set(this.#generation, old.endsMs);
      this.#generation++;
    }
    const held = this.#held = this.#holding(token, token.ttlMs, askedMs);
    this.#renewing ??= this.#keepRenewed();
    return held;
  }

  /** Its time runs from when it was asked for at the earliest, whenever the answer came. */
  #holding(token: VaultToken, firstTtlMs: number | undefined, askedMs: number): Held {
    const endsMs = token.ttlMs === undefined ? undefined : askedMs + token.ttlMs;
    return { ...token, endsMs, firstTtlMs };
  }

  /** Whether Vault knows the token still: what it refused is refused then. Else another one is there. */
  async #isKnown(held: Held): Promise<boolean> {
    const path = "auth/token/lookup-self";
    const { status } = await this.#http.send({ method: "GET", path, token: held.token });
    // A policy without "default" may not even look: that is no reason to sign in for each refusal.
    if (status !== 403) return true;
    const isYoung = held.endsMs !== undefined && held.ttlMs !== undefined &&
      this.#clock.now() - (held.endsMs - held.ttlMs) < YOUNG_MS;
    if (isYoung) return true;
    await this.#signInAgain(held);
    return false;
  }

  async #keepRenewed(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const held = this.#held;
      if (held?.endsMs === undefined || held.ttlMs === undefined) {
        await this.#clock.sleep(IDLE_MS, signal);
        continue;
      }
      const at = held.endsMs - held.ttlMs / 3;
      await this.#clock.sleep(Math.max(at - this.#clock.now(), LEAST_PAUSE_MS), signal);
      if (signal.aborted || this.#held !== held) continue;
      try {
        await this.#renew(held);
      } catch (error) {
        this.#log("warn", "the token of Vault could not be renewed", { error: toAppError(error).message });
        await this.#clock.sleep(Math.min(Math.max(held.ttlMs / 10, LEAST_PAUSE_MS), MOST_PAUSE_MS), signal);
      }
    }
  }

  async #renew(held: Held): Promise<void> {
    if (held.isRenewable) {
      const path = "auth/token/renew-self";
      const askedMs = this.#clock.now();
      const response = await this.#http.send({ method: "POST", path, token: held.token, body: {} });
      if (response.status < 300 && this.#held === held) {
        const renewed = this.#holding(
          { ...tokenOf(response), isOwn: held.isOwn },
          held.firstTtlMs,
          askedMs,
        );
        this.#held = renewed;
        const isEnough = renewed.ttlMs === undefined || held.firstTtlMs === undefined ||
          renewed.ttlMs >= held.firstTtlMs * LEAST_OF_FIRST;
        if (!isEnough) await this.#signInAgain(renewed);
        return;
      }
    }
    await this.#signInAgain(held);
  }
}
