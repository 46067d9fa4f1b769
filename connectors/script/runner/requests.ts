import {
  type AnswerHead,
  headAndBody,
  MAX_REQUEST_BYTES,
  MAX_REQUESTS,
  numbered,
  ORDER,
  REPORT,
  type RequestCode,
  type RequestFailure,
  type RequestHead,
} from "../sandbox/frames.ts";
import type { Channel } from "./channel.ts";

/** A request that failed: the host may not be asked, or did not answer. */
export class FetchError extends Error {
  override readonly name = "FetchError";
  readonly code: RequestCode;

  constructor({ code, message }: RequestFailure) {
    super(message);
    this.code = code;
  }
}

interface Underway {
  readonly head: PromiseWithResolvers<AnswerHead>;
  body: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** A piece that was asked for has come. */
  arrived: (() => void) | undefined;
}

/** Statuses whose answers have no body, which Response insists on. */
const WITHOUT_BODY = [101, 103, 204, 205, 304];

/** The requests of the script, which the run's process sends. */
export class Requests {
  readonly #channel: Channel;
  readonly #underway = new Map<number, Underway>();
  readonly #waiting: (() => void)[] = [];
  #lastId = 0;
  #count = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** As the platform's own, but for what the run's process refuses. Throws FetchError. */
  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const { signal } = request;
    signal.throwIfAborted();
    const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
    if (body !== undefined && body.length > MAX_REQUEST_BYTES) {
      throw new FetchError({ code: "invalid", message: "the body of a request has at most 64 MB" });
    }
    await this.#place();
    const id = ++this.#lastId;
    const underway: Underway = { head: Promise.withResolvers(), body: undefined, arrived: undefined };
    this.#underway.set(id, underway);
    const abort = () => {
      this.#fail(id, signal.reason);
      this.#channel.sendBytes(REPORT.cancel, numbered(id));
    };
    signal.addEventListener("abort", abort, { once: true });
    try {
      this.#send(id, request, body);
      const head = await underway.head.promise;
      return this.#response(id, head, underway);
    } catch (error) {
      this.#end(id);
      // Made here it says where in the script the request was made.
      throw error instanceof FetchError ? new FetchError(error) : error;
    }
  };

  /** A frame of the run's process about one of them. */
  take(kind: number, payload: Uint8Array): void {
    const id = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
    const rest = payload.subarray(4);
    const underway = this.#underway.get(id);
    if (underway === undefined) return;
    switch (kind) {
      case ORDER.answer:
        return underway.head.resolve(JSON.parse(new TextDecoder().decode(rest)));
      case ORDER.piece:
        underway.body?.enqueue(rest);
        return underway.arrived?.();
      case ORDER.answered:
        underway.body?.close();
        underway.arrived?.();
        return this.#end(id);
      case ORDER.unanswered:
        return this.#fail(id, new FetchError(JSON.parse(new TextDecoder().decode(rest))));
    }
  }

  #send(id: number, request: Request, body: Uint8Array | undefined): void {
    const { url, method, headers, redirect } = request;
    const head: RequestHead = { url, method, headers: [...headers], redirect, hasBody: body !== undefined };
    this.#channel.sendBytes(REPORT.request, numbered(id, headAndBody(head, body)));
  }

  #response(id: number, head: AnswerHead, underway: Underway): Response {
    const { status, statusText, url, isRedirected } = head;
    const hasBody = !WITHOUT_BODY.includes(status);
    if (!hasBody) this.#end(id);
    const body = !hasBody ? null : new ReadableStream<Uint8Array>({
      start: (controller) => {
        underway.body = controller;
      },
      pull: () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        underway.arrived = resolve;
        this.#channel.sendBytes(REPORT.pull, numbered(id));
        return promise;
      },
      cancel: () => {
        this.#channel.sendBytes(REPORT.cancel, numbered(id));
        this.#end(id);
      },
    }, { highWaterMark: 0 });
    const headers = new Headers();
    for (const [name, value] of head.headers) headers.append(name, value);
    const response = new Response(body, { status, statusText, headers });
    Object.defineProperties(response, { url: { value: url }, redirected: { value: isRedirected } });
    return response;
  }

  #fail(id: number, reason: unknown): void {
    const underway = this.#underway.get(id);
    underway?.head.reject(reason);
    underway?.body?.error(reason);
    underway?.arrived?.();
    this.#end(id);
  }

  async #place(): Promise<void> {
    if (this.#count >= MAX_REQUESTS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#count++;
  }

  #end(id: number): void {
    if (!this.#underway.delete(id)) return;
    const next = this.#waiting.shift();
    if (next === undefined) this.#count--;
    else next();
  }
}
