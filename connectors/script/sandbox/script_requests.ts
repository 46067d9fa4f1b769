import * as v from "valibot";
import type { ConnectorContext, RateLimit } from "../../../contract/connector/connector.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { Traffic } from "../../../contract/streams/traffic.ts";
import { retryAfterMs } from "../../locations/http/http_error.ts";
import { GuardedFetch, hostOf } from "../../network/guarded_fetch.ts";
import { FrameFault } from "./frame_fault.ts";
import {
  type AnswerHead,
  MAX_REQUEST_BYTES,
  MAX_REQUESTS,
  numbered,
  ORDER,
  REPORT,
  REQUEST_CODES,
  type RequestCode,
} from "./frames.ts";

const headSchema = v.strictObject({
  url: v.string(),
  method: v.pipe(v.string(), v.regex(/^[A-Za-z]{1,20}$/)),
  headers: v.array(v.tuple([v.string(), v.string()])),
  redirect: v.picklist(["follow", "manual", "error"]),
  hasBody: v.boolean(),
});

const MAX_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];
/** What a connection says of itself, and what is meant for a proxy. */
const OWN_HEADERS =
  /^(?:host|connection|content-length|transfer-encoding|upgrade|te|trailer|expect|keep-alive|proxy-.*)$/i;
/** Not for another host than the one that they were meant for. */
const PERSONAL_HEADERS = ["authorization", "cookie"];
/** Of the bytes that go to a sandbox at a time. */
const PIECE_BYTES = 256 * 1024;

/** Asking whether it may go takes about as long where nothing has to be waited for. */
const ASKING_MS = 5;
/** What a server asks for that wants to be left alone. */
const LONGEST_HOLD_MS = 15 * 60_000;
/** Requests that have failed, which a script may send again. */
const MAX_NOTED = 1_000;

interface SentRequest {
  readonly method: string;
  readonly headers: Headers;
  readonly signal: AbortSignal;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

interface Underway {
  readonly stop: AbortController;
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  rest: Uint8Array;
}

/** Sends what goes to a sandbox. */
type Send = (kind: number, payload: Uint8Array) => Promise<void>;

export interface ScriptRequestsOptions {
  /** `name:port` of those that the script may ask. */
  readonly hosts: readonly string[];
  /** Of its requests to each host. */
  readonly rateLimit: RateLimit | undefined;
  /** Told of each request what it adds to those before it. */
  readonly onTraffic: (more: Partial<Traffic>) => void;
  readonly send: Send;
}

/**
 * The requests that a script makes by ctx.fetch: to the hosts that its stream names and to no other, whatever redirects
 * say, over connections that the server makes to addresses that it has judged.
 */
export class ScriptRequests implements Disposable {
  readonly #guarded: GuardedFetch;
  readonly #hosts: ReadonlySet<string>;
  readonly #send: Send;
  readonly #context: Pick<ConnectorContext, "wayOut" | "turn" | "hold" | "clock">;
  readonly #rateLimit: RateLimit | undefined;
  readonly #onTraffic: (more: Partial<Traffic>) => void;
  /** Requests that failed in a way that may pass: sent once more they are retries. */
  readonly #mayPass = new Set<string>();
  readonly #underway = new Map<number, Underway>();

  constructor(
    context: Pick<ConnectorContext, "wayOut" | "turn" | "hold" | "clock">,
    { hosts, rateLimit, onTraffic, send }: ScriptRequestsOptions,
  ) {
    this.#context = context;
    this.#guarded = new GuardedFetch(context.wayOut);
    this.#hosts = new Set(hosts);
    this.#rateLimit = rateLimit;
    this.#onTraffic = onTraffic;
    this.#send = send;
  }

  /** Whether it is a frame about a request, which it takes then. Throws FrameFault. */
  take(kind: number, payload: Uint8Array): boolean {
    if (kind !== REPORT.request && kind !== REPORT.pull && kind !== REPORT.cancel) return false;
    if (payload.length < 4) throw new FrameFault("a request without a number");
    const id = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
    if (kind === REPORT.request) void this.#begin(id, payload.subarray(4));
    else if (kind === REPORT.pull) void this.#pull(id);
    else this.#end(id);
    return true;
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#underway.keys()]) this.#end(id);
    this.#guarded[Symbol.dispose]();
  }

  #begin(id: number, bytes: Uint8Array): Promise<void> {
    // The program inside lets no more begin.
    if (this.#underway.has(id) || this.#underway.size >= MAX_REQUESTS) {
      throw new FrameFault("more requests than may be under way");
    }
    const { head, body } = parseRequest(bytes);
    const underway: Underway = { stop: new AbortController(), reader: undefined, rest: new Uint8Array() };
    this.#underway.set(id, underway);
    return this.#answer(id, underway, head, body);
  }

  async #answer(
    id: number,
    underway: Underway,
    head: v.InferOutput<typeof headSchema>,
    body: Uint8Array<ArrayBuffer> | undefined,
  ): Promise<void> {
    try {
      const { response, url, isRedirected } = await this.#follow(head, body, underway.stop.signal);
      const { status, statusText, headers } = response;
      const answer: AnswerHead = { url: url.href, isRedirected, status, statusText, headers: [...headers] };
      underway.reader = response.body?.getReader();
      await this.#send(ORDER.answer, numbered(id, new TextEncoder().encode(JSON.stringify(answer))));
      if (underway.reader === undefined) await this.#finish(id, ORDER.answered);
    } catch (error) {
      await this.#failed(id, underway, error);
    }
  }

  async #pull(id: number): Promise<void> {
    const underway = this.#underway.get(id);
    if (underway?.reader === undefined) return;
    try {
      while (underway.rest.length === 0) {
        const { done, value } = await underway.reader.read();
        if (done) return await this.#finish(id, ORDER.answered);
        underway.rest = value;
      }
      const piece = underway.rest.subarray(0, PIECE_BYTES);
      underway.rest = underway.rest.subarray(piece.length);
      await this.#send(ORDER.piece, numbered(id, piece));
    } catch (error) {
      await this.#failed(id, underway, error);
    }
  }

  async #failed(id: number, { stop }: Underway, error: unknown): Promise<void> {
    if (stop.signal.aborted) return this.#end(id);
    const { code, message } = toAppError(error);
    const known: RequestCode = REQUEST_CODES.find((one) => one === code) ?? "unavailable";
    const failure = new TextEncoder().encode(JSON.stringify({ code: known, message }));
    await this.#finish(id, ORDER.unanswered, failure);
  }

  async #finish(id: number, kind: number, bytes?: Uint8Array): Promise<void> {
    this.#underway.delete(id);
    await this.#send(kind, numbered(id, bytes));
  }

  #end(id: number): void {
    const underway = this.#underway.get(id);
    this.#underway.delete(id);
    underway?.stop.abort();
    void underway?.reader?.cancel().catch(() => {});
  }

  async #follow(
    { url: first, method: asked, headers: given, redirect }: v.InferOutput<typeof headSchema>,
    content: Uint8Array<ArrayBuffer> | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly response: Response; readonly url: URL; readonly isRedirected: boolean }> {
    let url = this.#allowed(first, undefined);
    let method = asked;
    let body = content;
    const headers = new Headers();
    for (const [name, value] of given) if (!OWN_HEADERS.test(name)) headers.append(name, value);
    for (let hops = 0;; hops++) {
      const response = await this.#counted(url, { method, headers, signal, body }, hops);
      const location = response.headers.get("location");
      if (!REDIRECTS.includes(response.status) || location === null || redirect === "manual") {
        return { response, url, isRedirected: hops > 0 };
      }
      await response.body?.cancel();
      if (redirect === "error") throw new AppError("invalid", `${shown(url)} leads elsewhere: a redirect`);
      if (hops >= MAX_REDIRECTS) {
        throw new AppError("invalid", `${shown(url)}: more than ${MAX_REDIRECTS} redirects`);
      }
      const next = this.#allowed(location, url);
      if (next.origin !== url.origin) { for (const name of PERSONAL_HEADERS) headers.delete(name); }
      const { status } = response;
      if (status === 303 && method !== "HEAD" || status < 303 && method === "POST") {
        method = "GET";
        body = undefined;
        for (const name of ["content-type", "content-encoding", "content-language"]) headers.delete(name);
      }
      url = next;
    }
  }

  /** When it may go, and with what becomes of it noted. */
  async #counted(
    url: URL,
    { method, headers, signal, body }: SentRequest,
    hops: number,
  ): Promise<Response> {
    const { clock, turn, hold } = this.#context;
    const host = hostOf(url);
    const before = clock.now();
    await turn(host, this.#rateLimit, signal);
    const waitedMs = clock.now() - before;
    const name = `${method} ${url.href}`;
    this.#onTraffic({
      requests: 1,
      ...(hops === 0 ? {} : { redirects: 1 }),
      ...(this.#mayPass.delete(name) ? { retries: 1 } : {}),
      ...(waitedMs < ASKING_MS ? {} : { waited_ms: waitedMs }),
    });
    let status: number | undefined;
    try {
      const response = await this.#guarded.fetch(url, {
        method,
        headers,
        signal,
        ...(body === undefined ? {} : { body }),
      });
      ({ status } = response);
      const waitMs = status === 429 || status === 503 ? retryAfterMs(response.headers, clock.now()) : null;
      // Nobody else should try meanwhile; what waits longer than that is up to the script.
      if (waitMs !== null && waitMs <= LONGEST_HOLD_MS) hold(host, waitMs);
      return response;
    } finally {
      const isPassing = status === undefined || status === 429 || status >= 500;
      if (isPassing && this.#mayPass.size < MAX_NOTED) this.#mayPass.add(name);
    }
  }

  /** Throws `invalid` and `forbidden`. */
  #allowed(text: string, from: URL | undefined): URL {
    const url = URL.parse(text, from);
    const where = from === undefined ? "" : `${shown(from)} leads to `;
    if (url === null || url.protocol !== "https:" && url.protocol !== "http:") {
      throw new AppError(
        "invalid",
        `${where}${text.slice(0, 200)}: ctx.fetch takes http and https addresses`,
      );
    }
    if (url.username !== "" || url.password !== "") {
      throw new AppError(
        "invalid",
        `${where}${shown(url)}: an address has no user: set a header of your own`,
      );
    }
    if (from?.protocol === "https:" && url.protocol === "http:") {
      throw new AppError("forbidden", `${where}${shown(url)}, which is not encrypted`);
    }
    if (this.#hosts.has(hostOf(url))) return url;
    throw new AppError("forbidden", `${where}${shown(url)}: add ${hostKey(url)} to the stream's hosts`);
  }
}

function parseRequest(
  bytes: Uint8Array,
): { readonly head: v.InferOutput<typeof headSchema>; readonly body: Uint8Array<ArrayBuffer> | undefined } {
  const size = bytes.length < 4 ? -1 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (size < 0 || 4 + size > bytes.length || bytes.length > MAX_REQUEST_BYTES + MAX_REQUEST_BYTES) {
    throw new FrameFault("a request of another form");
  }
  let written: unknown;
  try {
    written = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(4, 4 + size)));
  } catch {
    throw new FrameFault("a request that is no JSON");
  }
  const parsed = v.safeParse(headSchema, written);
  if (!parsed.success) throw new FrameFault("a request of another form");
  return { head: parsed.output, body: parsed.output.hasBody ? bytes.slice(4 + size) : undefined };
}

/** As a stream names it: the port of HTTPS goes without saying. */
const hostKey = (url: URL): string =>
  url.port === "" && url.protocol === "https:" ? url.hostname : hostOf(url);

/** Without its query, in which a secret may be. */
const shown = ({ origin, pathname }: URL): string => `${origin}${pathname}`;
