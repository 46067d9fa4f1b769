import type { ConnectorContext } from "../../../contract/connector/connector.ts";
import type { AccessToken } from "../../../contract/connector/tokens.ts";
import { AppError } from "../../../contract/errors.ts";
import { assertionForm } from "../assertion.ts";
import {
  type AuthOptions,
  type Credentials,
  fixedCredentials,
  inHeader,
  type RefreshTokenAuth,
  type TokenForm,
  tokenForm,
} from "../auth.ts";
import type { GuardedFetch } from "../../network/guarded_fetch.ts";

/** A token is renewed so long before it expires. */
const EARLY_MS = 60_000;
/** Where the server does not say how long a token is good for. */
const DEFAULT_LIFE_S = 3600;
const TIMEOUT_MS = 30_000;

type Context = Pick<ConnectorContext, "clock" | "signal" | "accessToken">;

interface Token extends AccessToken {
  readonly credentials: Credentials;
}

/**
 * The credentials of one connector: a token that has to be asked for is asked for once, for all of its streams; one that
 * goes by a refresh token is shared with all processes of the server.
 */
export class TokenKeeper {
  readonly #auth: AuthOptions | undefined;
  readonly #guarded: Pick<GuardedFetch, "fetch">;
  readonly #context: Context;
  #token: Promise<Token> | undefined;
  #last: Token | undefined;

  constructor(auth: AuthOptions | undefined, guarded: Pick<GuardedFetch, "fetch">, context: Context) {
    this.#auth = auth;
    this.#guarded = guarded;
    this.#context = context;
  }

  /** With `refused` these credentials are no good any more. Throws `unauthorized` where there is no token to be had. */
  async credentials(refused: Credentials | undefined): Promise<Credentials> {
    const auth = this.#auth;
    const fixed = fixedCredentials(auth);
    if (fixed !== undefined) return fixed;
    if (auth === undefined) throw new AppError("internal", "There is nothing to ask a token for");
    const last = this.#last;
    const isRefused = last !== undefined && last.credentials === refused;
    if (last !== undefined && (isRefused || this.#context.clock.now() >= last.untilMs)) {
      [this.#token, this.#last] = [undefined, undefined];
    }
    this.#token ??= this.#get(auth, isRefused ? last.token : undefined);
    try {
      this.#last = await this.#token;
      return this.#last.credentials;
    } catch (error) {
      this.#token = undefined;
      throw error;
    }
  }

  async #get(auth: AuthOptions, refused: string | undefined): Promise<Token> {
    const access = auth.type === "oauth2_refresh_token"
      ? await this.#shared(auth, refused)
      : (await this.#ask(await this.#formOf(auth))).access;
    return { ...access, credentials: inHeader("Authorization", `Bearer ${access.token}`) };
  }

  async #formOf(auth: AuthOptions): Promise<TokenForm> {
    return auth.type === "oauth2_jwt"
      ? await assertionForm(auth, this.#context.clock.now())
      : tokenForm(auth);
  }

  async #shared(auth: RefreshTokenAuth, refused: string | undefined): Promise<AccessToken> {
    const { url, form } = tokenForm(auth);
    const request = {
      issuer: `${url.href}\n${auth.client_id}`,
      refreshToken: auth.refresh_token,
      ...(refused === undefined ? {} : { refused }),
    };
    return await this.#context.accessToken(request, async (refreshTokens) => {
      let failure: unknown;
      for (const refreshToken of refreshTokens) {
        form.set("refresh_token", refreshToken);
        try {
          const { access, next = refreshToken } = await this.#ask({ url, form });
          return { access, refreshToken: next };
        } catch (error) {
          if (!(error instanceof AppError) || error.code !== "unauthorized") throw error;
          failure ??= error;
        }
      }
      throw withHint(failure);
    });
  }

  /** `next` is a refresh token that takes the old one's place. */
  async #ask({ url, form }: TokenForm): Promise<{ readonly access: AccessToken; readonly next?: string }> {
    const { clock, signal } = this.#context;
    const shown = `Cannot get a token from ${url.origin}${url.pathname}`;
    const askedMs = clock.now();
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
    const life = Number(found?.["expires_in"] ?? DEFAULT_LIFE_S);
    const lifeMs = (Number.isFinite(life) && life > 0 ? life : DEFAULT_LIFE_S) * 1000;
    return {
      access: { token, untilMs: askedMs + Math.max(lifeMs - EARLY_MS, lifeMs / 2) },
      ...(typeof next === "string" && next !== "" ? { next } : {}),
    };
  }
}

function withHint(failure: unknown): unknown {
  if (!(failure instanceof AppError)) return failure;
  const hint = "no refresh token is good any more: sign in anew, and give the connector the refresh_token";
  return new AppError(failure.code, `${failure.message}; ${hint}`);
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
