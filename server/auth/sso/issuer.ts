import type { JWTPayload, JWTVerifyOptions, JWTVerifyResult, RemoteJWKSet } from "jose";
import type { Configuration } from "openid-client";
import type { Clock } from "../../../contract/clock.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { ProviderFetch } from "./provider_fetch.ts";

/** How long metadata and keys are taken as they were read. */
const METADATA_MS = 3_600_000;
const KEYS_MS = 600_000;
/** After a failure nobody is asked again for so long: whoever sends us tokens must not make us ask for each. */
const AFTER_FAILURE_MS = 5_000;
/** The same where a token names a key that is not there. */
const UNKNOWN_KEY_MS = 30_000;
const CLOCK_TOLERANCE_S = 30;
/** A token of more is none that a provider makes. */
const MOST_OF_TOKEN = 16 * 1_024;

/** Asymmetric ones alone: neither `none` nor one that takes the client's secret, or a public key, for a key. */
export const ALGORITHMS: readonly string[] = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

export interface IssuerOptions {
  readonly issuer: URL;
  readonly fetch: ProviderFetch;
  readonly clock: Pick<Clock, "now">;
  /** Makes what the library keeps of a provider, by its metadata. */
  readonly discover: (fetch: ProviderFetch) => Promise<Configuration>;
  /** Told once of each time that metadata or keys cannot be had. */
  readonly onFailure?: (error: AppError) => void;
}

export interface VerifyOptions extends Pick<JWTVerifyOptions, "audience" | "requiredClaims"> {
  /** Whether a key that is not there is asked for at once: only for what the provider itself has just given us. */
  readonly isFromProvider?: boolean;
  /** Whether it may be about nobody. */
  readonly isSubjectOptional?: boolean;
}

/**
 * One issuer of tokens: its metadata, read when first needed and kept for an hour, and its keys. Everything of it fails
 * with `unavailable` while it cannot be reached, and with `unauthorized` for a token that is not good.
 */
export class Issuer {
  readonly url: URL;
  readonly #options: IssuerOptions;
  #known: { readonly configuration: Configuration; readonly atMs: number } | undefined;
  #reading: Promise<Configuration> | undefined;
  #failed: { readonly error: AppError; readonly atMs: number } | undefined;
  #keys: { readonly uri: string; readonly set: Promise<RemoteJWKSet> } | undefined;
  #keysFailed: { readonly error: AppError; readonly atMs: number } | undefined;

  constructor(options: IssuerOptions) {
    this.#options = options;
    this.url = options.issuer;
  }

  /** As the library wants it; one that is old is used on where a new one cannot be had. */
  async configuration(): Promise<Configuration> {
    const nowMs = this.#options.clock.now();
    if (this.#known !== undefined && nowMs - this.#known.atMs < METADATA_MS) return this.#known.configuration;
    if (this.#failed !== undefined && nowMs - this.#failed.atMs < AFTER_FAILURE_MS) {
      if (this.#known !== undefined) return this.#known.configuration;
      throw this.#failed.error;
    }
    this.#reading ??= this.#read().finally(() => this.#reading = undefined);
    return await this.#reading;
  }

  async #read(): Promise<Configuration> {
    const { clock, discover, fetch, issuer } = this.#options;
    try {
      const configuration = await discover(fetch);
      this.#known = { configuration, atMs: clock.now() };
      this.#failed = undefined;
      return configuration;
    } catch (thrown) {
      const error = providerError(issuer, "gives no metadata that can be used", thrown);
      this.#failed = { error, atMs: clock.now() };
      this.#options.onFailure?.(error);
      if (this.#known !== undefined) return this.#known.configuration;
      throw error;
    }
  }

  /**
   * The claims of a token, signed by one of the issuer's keys, for one of the audiences, and of now. Throws
   * `unauthorized` with what is wrong about it, and never with what is in it.
   */
  async verify(
    token: string,
    { isFromProvider = false, isSubjectOptional = false, ...checks }: VerifyOptions,
  ): Promise<JWTVerifyResult> {
    const { jwtVerify, errors } = await import("jose");
    if (token.length > MOST_OF_TOKEN) throw tokenFault("it is longer than any token");
    const configuration = await this.configuration();
    const keys = await this.#keySet(configuration);
    const verify = () =>
      jwtVerify<JWTPayload>(token, keys, {
        ...checks,
        issuer: configuration.serverMetadata().issuer,
        algorithms: [...ALGORITHMS],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(this.#options.clock.now()),
        requiredClaims: ["exp", ...(isSubjectOptional ? [] : ["sub"]), ...(checks.requiredClaims ?? [])],
      });
    try {
      return await verify().catch(async (error) => {
        if (!isFromProvider || !(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await keys.reload();
        return await verify();
      });
    } catch (error) {
      if (error instanceof AppError) throw error;
      if (error instanceof errors.JWKSTimeout) {
        throw providerError(this.url, "does not give its keys in time", error);
      }
      if (error instanceof errors.JWTExpired) throw tokenFault("it has expired", error);
      if (error instanceof errors.JWTClaimValidationFailed) {
        throw tokenFault(`its claim ${error.claim} is not as it has to be`, error);
      }
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
        throw tokenFault("it is signed by no key of the issuer's", error);
      }
      if (error instanceof errors.JOSEError) throw tokenFault("it is not signed as it has to be", error);
      throw tokenFault("it is not signed as it has to be", error);
    }
  }

  /** Whether its keys can be had now. */
  async readKeys(): Promise<void> {
    await (await this.#keySet(await this.configuration())).reload();
  }

  #keySet(configuration: Configuration): Promise<RemoteJWKSet> {
    const uri = configuration.serverMetadata().jwks_uri;
    if (uri === undefined) throw providerError(this.url, "names no keys in its metadata");
    // One for all who ask at the same time: it reads the keys once for them.
    if (this.#keys?.uri !== uri) this.#keys = { uri, set: this.#createKeySet(uri) };
    return this.#keys.set;
  }

  async #createKeySet(uri: string): Promise<RemoteJWKSet> {
    const { createRemoteJWKSet, customFetch } = await import("jose");
    return createRemoteJWKSet(new URL(uri), {
      cooldownDuration: UNKNOWN_KEY_MS,
      cacheMaxAge: KEYS_MS,
      [customFetch]: (url: string, options: Parameters<ProviderFetch>[1]) => this.#fetchKeys(url, options),
    });
  }

  /** What failed a moment ago fails again without asking. */
  async #fetchKeys(url: string, options: Parameters<ProviderFetch>[1]): Promise<Response> {
    const { clock, fetch } = this.#options;
    const failed = this.#keysFailed;
    if (failed !== undefined && clock.now() - failed.atMs < AFTER_FAILURE_MS) throw failed.error;
    try {
      const response = await fetch(url, options);
      if (response.status !== 200) throw new Error(`status ${response.status}`);
      this.#keysFailed = undefined;
      return response;
    } catch (thrown) {
      const error = providerError(this.url, "does not give its keys", thrown);
      this.#keysFailed = { error, atMs: clock.now() };
      this.#options.onFailure?.(error);
      throw error;
    }
  }
}

export function tokenFault(what: string, cause?: unknown): AppError {
  return new AppError("unauthorized", `The token is not good: ${what}`, {
    reason: "invalid_token",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What a provider did not do, in one line and without what it sent. */
export function providerError(issuer: URL, what: string, thrown?: unknown): AppError {
  const known = findAppError(thrown);
  if (known !== undefined) return known;
  const why = thrown instanceof Error ? `: ${toAppError(thrown).message}` : "";
  return new AppError("unavailable", `The identity provider at ${issuer.href} ${what}${why}`, {
    reason: "provider",
    ...(thrown === undefined ? {} : { cause: thrown }),
  });
}

/** Libraries wrap what our own fetch threw. */
function findAppError(thrown: unknown): AppError | undefined {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++) {
    if (error instanceof AppError) return error;
  }
  return undefined;
}
