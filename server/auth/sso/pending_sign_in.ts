import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { Clock } from "../../../contract/clock.ts";
import type { ClientView } from "../../http/client_view.ts";

const COOKIE = "sluice_sso";
/** How long somebody may take at the provider. */
const LIFE_MS = 600_000;
const MOST_USED = 10_000;

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
  readonly #client: ClientView;
  #key: Promise<CryptoKey> | undefined;
  /** The states that were taken and have not expired, the oldest first. */
  readonly #used = new Map<string, number>();

  constructor(clock: Pick<Clock, "now">, client: ClientView) {
    this.#clock = clock;
    this.#client = client;
  }

  async begin(c: Context, pending: PendingSignIn): Promise<void> {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const text = new TextEncoder().encode(
      JSON.stringify({ ...pending, untilMs: this.#clock.now() + LIFE_MS }),
    );
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await this.#keyOf(), text);
    const value = new Uint8Array([...iv, ...new Uint8Array(sealed)]).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    });
    setCookie(c, COOKIE, value, {
      httpOnly: true,
      // The provider's page leads back to us: with Strict the cookie would stay away then.
      sameSite: "Lax",
      path: "/",
      maxAge: LIFE_MS / 1_000,
      ...(this.#client.isSecure(c) ? { secure: true, prefix: "host" } : {}),
    });
  }

  /** What this browser has begun, once; undefined where it has not, or too long ago. */
  async take(c: Context): Promise<PendingSignIn | undefined> {
    const prefix = this.#client.isSecure(c) ? "host" : undefined;
    const value = getCookie(c, COOKIE, prefix);
    if (value === undefined || value === "") return undefined;
    deleteCookie(c, COOKIE, { path: "/", ...(prefix === undefined ? {} : { secure: true, prefix }) });
    const opened = await this.#open(value);
    if (opened === undefined || opened.untilMs <= this.#clock.now() || this.#used.has(opened.state)) {
      return undefined;
    }
    this.#use(opened.state, opened.untilMs);
    return opened;
  }

  async #open(value: string): Promise<PendingSignIn & { readonly untilMs: number } | undefined> {
    try {
      const bytes = Uint8Array.fromBase64(value, { alphabet: "base64url" });
      const opened = await crypto.subtle.decrypt(
        { name: "AES-GCM", iv: bytes.slice(0, 12) },
        await this.#keyOf(),
        bytes.slice(12),
      );
      // What opens was written by `begin`.
      return JSON.parse(new TextDecoder().decode(opened));
    } catch {
      return undefined;
    }
  }

  #use(state: string, untilMs: number): void {
    this.#used.set(state, untilMs);
    const nowMs = this.#clock.now();
    for (const [oldest, endsMs] of this.#used) {
      if (endsMs > nowMs && this.#used.size <= MOST_USED) break;
      this.#used.delete(oldest);
    }
  }

  #keyOf(): Promise<CryptoKey> {
    return this.#key ??= crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
      "encrypt",
      "decrypt",
    ]);
  }
}
