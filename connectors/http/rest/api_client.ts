import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Secret } from "../../../contract/secret.ts";
import { wholeBody } from "../../locations/remote/body_chunks.ts";
import { retryAfterMs } from "../../locations/http/http_error.ts";
import type { Sign } from "../../locations/http/signed_request.ts";
import { type GuardedFetch, hostOf } from "../../network/guarded_fetch.ts";
import type { Credentials } from "../auth.ts";
import { type ApiRequest, MAX_PAGE_BYTES, shownRequest } from "./api_request.ts";
import { answerFault, connectionFault } from "./api_error.ts";
import { Tally } from "./tally.ts";

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  /** The transfer itself showed where the body ended: a cut one would have failed. Not by default. */
  readonly isBounded?: boolean;
  /** It is of another address than was asked. Not by default. */
  readonly isRedirected?: boolean;
}

export interface ApiClientOptions {
  readonly guarded: Pick<GuardedFetch, "fetch">;
  readonly baseUrl: URL;
  /** Sent to the base's own origin only, as credentials are. */
  readonly headers: Readonly<Record<string, Secret>>;
  /** Not those that the server has just refused, where there are others to be had. */
  credentials(refused: Credentials | undefined): Promise<Credentials>;
  /** Signs what goes to the base's own origin; undefined where nothing is signed. */
  readonly sign: Sign | undefined;
  /** `name:port` of hosts that a request may go to. */
  readonly hosts: ReadonlySet<string>;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Waits for its turn by the connector's rate_limit. */
  turn(host: string, signal: AbortSignal): Promise<void>;
  /** The server wants no request to the host before so many milliseconds are over. */
  hold(host: string, waitMs: number): void;
  readonly log: (level: "debug" | "info" | "warn", message: string) => void;
}

const MAX_TRIES = 8;
const MAX_SIGN_INS = 3;
const FIRST_WAIT_MS = 500;
const LONGEST_BACKOFF_MS = 60_000;
/** A server that wants a longer pause than that fails the step: the run's own retry comes later. */
const LONGEST_WAIT_MS = 15 * 60_000;
const MAX_REDIRECTS = 10;
/** Asking whether it may go takes about as long where nothing has to be waited for. */
const ASKING_MS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];
/** Slower than this, over a while, is no transfer. */
const LEAST_BYTES_PER_S = 100;
const PATIENCE_MS = 60_000;
/** Of a page that does not say how long it is. */
const USUAL_BYTES = 256 * 1024;
const MOST_EXPECTED_BYTES = 16 * 1024 * 1024;

/** Sends an API's requests: signs in, waits for its turn, tries again what may pass, follows redirects as far as they are allowed. */
export class ApiClient {
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  /**
   * The answer with its whole body, of a status below 300 or among `accepted`. Throws `unauthorized`, `forbidden`,
   * `not_found`, `invalid`, and `unavailable` where the tries are used up.
   */
  async send(
    request: ApiRequest,
    accepted: readonly number[],
    signal: AbortSignal,
    tally: Tally = new Tally(),
  ): Promise<ApiAnswer> {
    const { clock, random, log, hold, hosts } = this.#options;
    if (!hosts.has(hostOf(request.url))) {
      throw new AppError(
        "invalid",
        `${
          shownRequest(request)
        }: the next page is on ${request.url.host}; if that is right, add it to the connector's redirect_hosts`,
      );
    }
    let refused: Credentials | undefined;
    let signIns = 1;
    for (let tries = 1;; tries++) {
      const outcome = await this.#try(request, accepted, refused, signal, tally);
      if ("answer" in outcome) return outcome.answer;
      const { fault, waitMs, sent } = outcome;
      // A token may have been taken back before its time, as by somebody else who has renewed it.
      if (fault.code === "unauthorized" && sent !== undefined && signIns++ < MAX_SIGN_INS) {
        refused = sent;
        if (await this.#options.credentials(refused) !== refused) continue;
      }
      if (fault.code !== "unavailable" || tries >= MAX_TRIES) throw fault;
      const backoffMs = Math.min(FIRST_WAIT_MS * 2 ** (tries - 1), LONGEST_BACKOFF_MS) * (0.5 + random() / 2);
      const pauseMs = waitMs ?? backoffMs;
      if (pauseMs > LONGEST_WAIT_MS) {
        const minutes = Math.ceil(pauseMs / 60_000);
        throw new AppError(
          "unavailable",
          `${fault.message}; it wants to be asked again in ${minutes} minutes`,
        );
      }
      if (waitMs !== null) hold(hostOf(request.url), waitMs);
      log("info", `${fault.message}; trying again in ${(pauseMs / 1000).toFixed(1)} s`);
      tally.add({ retries: 1, waited_ms: pauseMs });
      await clock.sleep(pauseMs, signal);
      signal.throwIfAborted();
    }
  }

  async #try(
    request: ApiRequest,
    accepted: readonly number[],
    refused: Credentials | undefined,
    signal: AbortSignal,
    tally: Tally,
  ): Promise<
    | { readonly answer: ApiAnswer }
    | { readonly fault: AppError; readonly waitMs: number | null; readonly sent: Credentials | undefined }
  > {
    const { clock } = this.#options;
    const late = new AbortController();
    const gone = AbortSignal.any([signal, late.signal]);
    let sent: Credentials | undefined;
    try {
      sent = await this.#options.credentials(refused);
      const { response, isRedirected } = await this.#follow(request, sent, gone, late, tally);
      const bytes = await this.#body(request, response, gone, late);
      const { status, headers } = response;
      if (status < 300 || accepted.includes(status)) {
        return { answer: { status, headers, bytes, isBounded: isBounded(response), isRedirected } };
      }
      return {
        fault: answerFault(request, status, response.statusText, bytes),
        waitMs: status === 429 || status === 503 ? retryAfterMs(headers, clock.now()) : null,
        sent,
      };
    } catch (error) {
      signal.throwIfAborted();
      return { fault: connectionFault(request, error), waitMs: null, sent: undefined };
    }
  }

  async #follow(
    request: ApiRequest,
    credentials: Credentials,
    signal: AbortSignal,
    late: AbortController,
    tally: Tally,
  ): Promise<{ readonly response: Response; readonly isRedirected: boolean }> {
    let { url, method, body } = request;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const before = this.#options.clock.now();
      await this.#options.turn(hostOf(url), signal);
      const waitedMs = this.#options.clock.now() - before;
      tally.add({
        requests: 1,
        ...(hops === 0 ? {} : { redirects: 1 }),
        ...(waitedMs < ASKING_MS ? {} : { waited_ms: waitedMs }),
      });
      const response = await this.#fetch({ ...request, url, method, body }, credentials, signal, late);
      if (!REDIRECTS.includes(response.status)) return { response, isRedirected: hops > 0 };
      await response.body?.cancel();
      url = this.#next(request, url, response);
      if (response.status === 303) [method, body] = ["GET", null];
    }
    throw new AppError(
      "invalid",
      `${shownRequest(request)}: the server sends it on and on (${MAX_REDIRECTS} redirects)`,
    );
  }

  async #fetch(
    request: ApiRequest,
    credentials: Credentials,
    signal: AbortSignal,
    late: AbortController,
  ): Promise<Response> {
    const { url, method, body, accept = "application/json", headers } = request;
    const { guarded, baseUrl, timeoutMs } = this.#options;
    const isOwn = url.origin === baseUrl.origin;
    const target = new URL(url);
    const own = isOwn ? revealed({ ...this.#options.headers, ...credentials.headers }) : {};
    if (isOwn) {
      for (const [name, value] of Object.entries(revealed(credentials.params))) {
        target.searchParams.set(name, value);
      }
    }
    const type = body === null ? {} : { "content-type": "application/json" };
    const unsigned = { method, url: target, body, headers: headersOf({ accept }, type, own, headers) };
    const signed = isOwn ? await this.#options.sign?.(unsigned) ?? unsigned : unsigned;
    const timer = setTimeout(() => late.abort(lateness(request, timeoutMs)), timeoutMs);
    try {
      return await guarded.fetch(signed.url, { method, body, signal, headers: signed.headers });
    } finally {
      clearTimeout(timer);
    }
  }

  #next(request: ApiRequest, from: URL, response: Response): URL {
    const location = response.headers.get("location");
    const next = location === null ? null : URL.parse(location, from);
    const fault = (what: string) => new AppError("invalid", `${shownRequest(request)}: the server ${what}`);
    if (next === null) throw fault(`answered ${response.status} without an address to go on to`);
    if (next.protocol !== "https:" && next.protocol !== from.protocol) {
      throw fault(`sends it on to ${next.protocol}//, which is not as safe as ${from.protocol}//`);
    }
    if (this.#options.hosts.has(hostOf(next))) return next;
    throw fault(`sends it on to ${next.host}; if that is right, add it to the connector's redirect_hosts`);
  }

  async #body(
    request: ApiRequest,
    { body, headers }: Response,
    signal: AbortSignal,
    late: AbortController,
  ): Promise<Uint8Array> {
    if (body === null) return new Uint8Array();
    const { timeoutMs, clock } = this.#options;
    const start = clock.now();
    let timer = setTimeout(() => late.abort(lateness(request, timeoutMs)), timeoutMs);
    const promised = Number(headers.get("content-length"));
    const onBytes = (sizeBytes: number) => {
      if (sizeBytes > MAX_PAGE_BYTES || promised > MAX_PAGE_BYTES) {
        throw new AppError(
          "invalid",
          `${shownRequest(request)}: the answer is larger than 512 MiB; ask for smaller pages`,
        );
      }
      const tookMs = clock.now() - start;
      if (tookMs > PATIENCE_MS && sizeBytes / tookMs * 1000 < LEAST_BYTES_PER_S) {
        throw new AppError("unavailable", `${shownRequest(request)}: the answer comes too slowly`);
      }
      clearTimeout(timer);
      timer = setTimeout(() => late.abort(lateness(request, timeoutMs)), timeoutMs);
    };
    try {
      return await wholeBody(body, expectedBytes(headers), onBytes, signal);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Of a body, as its answer says; not more than some megabytes, which a server may promise and never send. */
function expectedBytes(headers: Headers): number {
  const length = Number(headers.get("content-length") ?? USUAL_BYTES);
  return Number.isSafeInteger(length) && length >= 0 ? Math.min(length, MOST_EXPECTED_BYTES) : USUAL_BYTES;
}

/** Later ones stand in the place of those before them, whatever the case of their names. */
function headersOf(...parts: readonly Readonly<Record<string, string>>[]): Headers {
  const headers = new Headers();
  for (const part of parts) for (const [name, value] of Object.entries(part)) headers.set(name, value);
  return headers;
}

const isBounded = ({ headers, url }: Response): boolean =>
  headers.has("content-length") || headers.has("transfer-encoding") || url.startsWith("https:");

const lateness = (request: ApiRequest, timeoutMs: number): AppError =>
  new AppError("unavailable", `${shownRequest(request)}: nothing came within ${timeoutMs / 1000} s`);

const revealed = (secrets: Readonly<Record<string, Secret>>): Record<string, string> =>
  Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, value.reveal()]));
