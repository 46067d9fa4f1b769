import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import { type AuthOptions, type Credentials, fixedCredentials, inHeader, tokenForm } from "../auth.ts";
import type { GuardedFetch } from "../../network/guarded_fetch.ts";

/** A token is renewed so long before it expires. */
const EARLY_MS = 60_000;
/** Where the server does not say how long a token is good for. */
const DEFAULT_LIFE_S = 3600;
const TIMEOUT_MS = 30_000;

interface Token {
  readonly credentials: Credentials;
  readonly untilMs: number;
}

/** The credentials of one connector: a token that has to be asked for is asked for once, for all of its streams. */
export class TokenKeeper {
  readonly #auth: AuthOptions | undefined;
  readonly #guarded: Pick<GuardedFetch, "fetch">;
  readonly #clock: Clock;
  /** The server may give a new one with each access token, which takes the old one's place. */
  #refreshToken: string | undefined;
  #token: Promise<Token> | undefined;
  #last: Token | undefined;

  constructor(auth: AuthOptions | undefined, guarded: Pick<GuardedFetch, "fetch">, clock: Clock) {
    this.#auth = auth;
    this.#guarded = guarded;
    this.#clock = clock;
  }

  /** With `refused` these credentials are no good any more. Throws `unauthorized` where there is no token to be had. */
  async credentials(refused: Credentials | undefined, signal: AbortSignal): Promise<Credentials> {
    const fixed = fixedCredentials(this.#auth);
    if (fixed !== undefined) return fixed;
    const isOver = this.#last !== undefined &&
      (this.#last.credentials === refused || this.#clock.now() >= this.#last.untilMs);
    if (isOver) [this.#token, this.#last] = [undefined, undefined];
    this.#token ??= this.#ask(signal);
    try {
      this.#last = await this.#token;
      return this.#last.credentials;
    } catch (error) {
      this.#token = undefined;
      throw error;
    }
  }

  async #ask(signal: AbortSignal): Promise<Token> {
    const auth = this.#auth;
    if (auth === undefined) throw new AppError("internal", "There is nothing to ask a token for");
    const { url, form } = tokenForm(auth);
    if (this.#refreshToken !== undefined) form.set("refresh_token", this.#refreshToken);
    const shown = `Cannot get a token from ${url.origin}${url.pathname}`;
    const askedMs = this.#clock.now();
    const response = await this.#guarded.fetch(url, {
      method: "POST",
      body: form,
      headers: { accept: "application/json" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const text = await response.text();
    if (!response.ok) {
      const code = response.status >= 500 || response.status === 429 ? "unavailable" : "unauthorized";
      throw new AppError(code, `${shown}: the server answered ${response.status}${errorOf(text)}`);
    }
    const found = parsed(text);
    const token = found?.["access_token"];
    if (typeof token !== "string" || token === "") {
      throw new AppError("unauthorized", `${shown}: the answer has no access_token`);
    }
    const next = found?.["refresh_token"];
    if (typeof next === "string") this.#refreshToken = next;
    const life = Number(found?.["expires_in"] ?? DEFAULT_LIFE_S);
    const lifeMs = (Number.isFinite(life) && life > 0 ? life : DEFAULT_LIFE_S) * 1000;
    return {
      credentials: inHeader("Authorization", `Bearer ${token}`),
      untilMs: askedMs + Math.max(lifeMs - EARLY_MS, lifeMs / 2),
    };
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value))
      : undefined;
  } catch {
    return undefined;
  }
}

/** OAuth's own word for what is wrong: the rest may have what nobody should read. */
function errorOf(text: string): string {
  const error = parsed(text)?.["error"];
  return typeof error === "string" && /^[\w.-]{1,60}$/.test(error) ? ` (${error})` : "";
}
