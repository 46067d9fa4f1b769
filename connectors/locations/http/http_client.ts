import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Secret } from "../../../contract/secret.ts";
import type { GuardedFetch } from "../../network/guarded_fetch.ts";
import { TRANSFER_CUT } from "../remote/remote_object.ts";
import { connectionError, retryAfterMs, statusError } from "./http_error.ts";
import type { Sign, SignedRequest } from "./signed_request.ts";

export interface HttpSettings {
  /** Ends with a slash. */
  readonly baseUrl: URL;
  /** Sent to the base's own origin only. */
  readonly headers: Readonly<Record<string, Secret>>;
  /** Whether the headers sign in: for messages. */
  readonly signsIn: boolean;
  /** Whether a redirect may lead there. */
  mayFollow(url: URL): boolean;
  /** Signs what goes to the base's own origin; undefined where nothing is signed. */
  readonly sign: Sign | undefined;
  readonly guarded: Pick<GuardedFetch, "fetch">;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** An answer to a GET whose status is 200, 206, 412 or 416; whoever gets it reads or cancels its body. */
export type HttpAnswer = Response & { readonly status: 200 | 206 | 412 | 416 };

const EXPECTED = [200, 206, 412, 416];
const REDIRECTS = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 10;
/** A server that is busy is asked again when it says, so often and after no longer than this. */
const MAX_WAITS = 5;
const LONGEST_WAIT_MS = 120_000;

/** Sends requests, follows redirects as far as they are allowed, and says what a refusal means. */
export class HttpClient {
  readonly #settings: HttpSettings;

  constructor(settings: HttpSettings) {
    this.#settings = settings;
  }

  /**
   * `shown` names the file in messages. Throws `not_found`, `unauthorized`, `forbidden`, `invalid`, and with
   * the reason TRANSFER_CUT `unavailable` for what may pass by itself.
   */
  async get(
    address: URL,
    shown: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    let url = address;
    let waits = 0;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const response = await this.#send(url, shown, headers, signal);
      if (isExpected(response)) return response;
      await response.body?.cancel();
      const waitMs = this.#waitMs(response);
      if (waitMs !== null && waits++ < MAX_WAITS) {
        await this.#settings.clock.sleep(waitMs, signal);
        hops--;
        continue;
      }
      if (!REDIRECTS.includes(response.status)) {
        throw statusError(shown, response, this.#settings.signsIn);
      }
      url = this.#next(url, shown, response);
    }
    throw new AppError(
      "invalid",
      `Cannot read "${shown}": the server sends the request on and on (${MAX_REDIRECTS} redirects)`,
    );
  }

  /** Whatever the server says of the address, but that it failed or wants another sign-in. */
  async reach(address: URL, shown: string, signal: AbortSignal): Promise<void> {
    const response = await this.#send(address, shown, { range: "bytes=0-0" }, signal);
    await response.body?.cancel();
    const { status } = response;
    if (status === 401 || status === 403 || status >= 500) {
      throw statusError(shown, response, this.#settings.signsIn);
    }
  }

  /** What a busy server asks for; null where it asks for nothing, or for too much. */
  #waitMs({ status, headers }: Response): number | null {
    if (status !== 429 && status !== 503) return null;
    const waitMs = retryAfterMs(headers, this.#settings.clock.now());
    return waitMs === null || waitMs > LONGEST_WAIT_MS ? null : waitMs;
  }

  async #send(
    url: URL,
    shown: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response> {
    const { timeoutMs, guarded } = this.#settings;
    // Of what the server compresses on the way, a range is no range of the file.
    const own = { ...this.#ownHeaders(url), ...headers, "accept-encoding": "identity" };
    const signed = await this.#signed(url, new Headers(own));
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    const gone = AbortSignal.any([signal, late.signal]);
    try {
      return await guarded.fetch(signed.url, { headers: signed.headers, signal: gone });
    } catch (error) {
      signal.throwIfAborted();
      if (late.signal.aborted) {
        throw new AppError(
          "unavailable",
          `Cannot read "${shown}": ${url.host} did not answer within ${timeoutMs / 1000} s`,
          { reason: TRANSFER_CUT, cause: error },
        );
      }
      const failure = connectionError(shown, url, error);
      // A name service may be silent for a moment.
      if (failure.code !== "unavailable" || failure.reason !== undefined) throw failure;
      throw new AppError(failure.code, failure.message, { reason: TRANSFER_CUT, cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  async #signed(url: URL, headers: Headers): Promise<SignedRequest> {
    const { sign, baseUrl } = this.#settings;
    if (sign === undefined || url.origin !== baseUrl.origin) return { url, headers };
    return await sign({ method: "GET", url, headers, body: null });
  }

  #ownHeaders(url: URL): Record<string, string> {
    const { baseUrl, headers } = this.#settings;
    if (url.origin !== baseUrl.origin) return {};
    return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.reveal()]));
  }

  #next(from: URL, shown: string, response: Response): URL {
    const location = response.headers.get("location");
    const next = location === null ? null : URL.parse(location, from);
    const refused = (what: string) => new AppError("invalid", `Cannot read "${shown}": the server ${what}`);
    if (next === null) throw refused(`answered ${response.status} without an address to go on to`);
    if (next.protocol !== "https:" && next.protocol !== from.protocol) {
      throw refused(`sends the request on to ${next.protocol}//, which is not as safe as ${from.protocol}//`);
    }
    if (!this.#settings.mayFollow(next)) {
      throw refused(
        `sends the request on to ${next.host}; if that is right, add it to the connector's redirect_hosts`,
      );
    }
    return next;
  }
}

// A type predicate is the only way to narrow a Response's status.
const isExpected = (response: Response): response is HttpAnswer => EXPECTED.includes(response.status);
