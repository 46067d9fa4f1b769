import type { MiddlewareHandler } from "hono";
import type { Clock } from "../../contract/clock.ts";
import { AppError } from "../../contract/errors.ts";
import { networkOf } from "../../contract/network/network_of.ts";
import { isThisMachine } from "../../contract/network/this_machine.ts";
import { bearerOf } from "../auth/bearer.ts";
import type { AppEnv } from "./app_env.ts";
import type { HttpError } from "./problem.ts";
import { retryLater } from "./too_many.ts";

export interface RequestRateOptions {
  readonly clock: Pick<Clock, "now">;
  /** Requests a second that a key may send for long. */
  readonly perSecond: number;
  /** Requests that it may send at once after a pause; 20 seconds' by default. */
  readonly burst?: number;
  /** Keys remembered, those that sent last; 10,000 by default. */
  readonly keys?: number;
}

interface Bucket {
  left: number;
  atMs: number;
}

/**
 * How many requests a user or an address may send: a bucket of tokens for each, filled at an even rate. In bounded
 * memory, whoever is forgotten begins with a full one. Our own, since the libraries for it keep a timer or an entry for
 * each key that ever came.
 */
export class RequestRate {
  readonly #options: Required<RequestRateOptions>;
  /** The one that sent longest ago first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor({ clock, perSecond, burst = perSecond * 20, keys = 10_000 }: RequestRateOptions) {
    this.#options = { clock, perSecond, burst, keys };
  }

  /** Counts a request of the key: 0 where it may go, else in how many seconds the next one may, at least 1. */
  take(key: string): number {
    const { perSecond } = this.#options;
    const bucket = this.#bucket(key);
    if (bucket.left < 1) return Math.max(1, Math.ceil((1 - bucket.left) / perSecond));
    bucket.left -= 1;
    return 0;
  }

  /** Counts one less: it was somebody else's. */
  giveBack(key: string): void {
    const bucket = this.#bucket(key);
    bucket.left = Math.min(this.#options.burst, bucket.left + 1);
  }

  #bucket(key: string): Bucket {
    const { clock, perSecond, burst, keys } = this.#options;
    const nowMs = clock.now();
    const known = this.#buckets.get(key);
    const bucket = known ?? { left: burst, atMs: nowMs };
    // A clock that was set back fills nothing, and takes nothing away.
    bucket.left = Math.min(burst, bucket.left + Math.max(0, nowMs - bucket.atMs) / 1_000 * perSecond);
    bucket.atMs = nowMs;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > keys && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket;
  }
}

/** Throws status 429 where `key`, `who` in words, sends more than it may. */
export function countRequest(rate: RequestRate, key: string, who: string): void {
  const seconds = rate.take(key);
  if (seconds > 0) throw tooMany(who, seconds);
}

function tooMany(who: string, seconds: number): HttpError {
  const message = `Too many requests of ${who}: wait ${seconds} second${seconds === 1 ? "" : "s"}`;
  return retryLater(message, seconds * 1_000, "too_many_requests");
}

/**
 * Counts by address what nobody who is known asks; what users ask counts as theirs. What comes with a token or a cookie
 * is looked at also where the address has sent too much, so that nobody is locked out by another behind the same proxy.
 * This machine's own addresses are left out: a proxy that is not told of stands there, and all come by it.
 */
export function addressRate(
  rate: RequestRate,
  addressOf: (c: Parameters<MiddlewareHandler<AppEnv>>[0]) => string,
): MiddlewareHandler<AppEnv> {
  return async function addressRate(c, next) {
    const address = addressOf(c);
    if (isThisMachine(address)) return await next();
    const network = networkOf(address);
    const hasCredential = bearerOf(c) !== undefined || c.req.header("cookie") !== undefined;
    const seconds = rate.take(network);
    if (seconds > 0 && !hasCredential) throw tooMany(address, seconds);
    await next();
    if (c.get("principal") !== undefined) rate.giveBack(network);
  };
}

const DEFAULT_PER_SECOND = 100;

/** Requests a second of SLUICE_REQUEST_RATE; undefined for 0: no limit. Throws `invalid`. */
export function readRequestRate(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return DEFAULT_PER_SECOND;
  if (/^\d{1,6}$/.test(text)) return Number(text) || undefined;
  throw new AppError(
    "invalid",
    `SLUICE_REQUEST_RATE is "${text}", expected how many requests a second a user may send; 0 for any number`,
  );
}

/** What users and addresses are held to; nothing where no rate is given. An address is known by less, and gets half. */
export interface RequestRates {
  readonly user: RequestRate;
  readonly address: RequestRate;
}

export function createRequestRates(
  clock: Pick<Clock, "now">,
  perSecond: number | undefined,
): RequestRates | undefined {
  if (perSecond === undefined) return undefined;
  return {
    user: new RequestRate({ clock, perSecond }),
    address: new RequestRate({ clock, perSecond: perSecond / 2 }),
  };
}
