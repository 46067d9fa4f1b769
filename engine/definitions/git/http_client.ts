import type { GitHttpRequest, GitHttpResponse, HttpClient } from "isomorphic-git";
import { AppError } from "../../../contract/errors.ts";

/** A project is small: an answer of more than this is another repository. */
const MAX_ANSWER_BYTES = 512 * 1024 * 1024;

/** Speaks git's protocol over HTTP with one server: it follows no redirect, which would take the token elsewhere. */
export class GitHttp implements HttpClient, AsyncDisposable {
  readonly #signal: AbortSignal;
  readonly #answers: ReadableStreamDefaultReader<Uint8Array>[] = [];

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async request({ url, method = "GET", headers = {}, body }: GitHttpRequest): Promise<GitHttpResponse> {
    const sent = body === undefined ? {} : { body: await bytesOf(body) };
    const response = await fetch(url, {
      method,
      headers,
      ...sent,
      redirect: "manual",
      signal: this.#signal,
    });
    const reader = response.body?.getReader();
    if (reader !== undefined) this.#answers.push(reader);
    if (response.status >= 300 && response.status < 400) {
      throw new AppError(
        "unavailable",
        `The repository's server leads elsewhere: name the address that it leads to (${
          placeOf(response.headers.get("location"), url)
        })`,
      );
    }
    return {
      url: response.url,
      method,
      headers: Object.fromEntries(response.headers),
      body: chunksOf(reader),
      statusCode: response.status,
      statusMessage: response.statusText,
    };
  }

  /** The library leaves what it has no use for: an answer that it began to read, or did not begin. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#answers.map((reader) => reader.cancel().catch(() => {})));
  }
}

function placeOf(location: string | null, url: string): string {
  if (location === null || !URL.canParse(location, url)) return "it does not say where";
  const { origin, pathname } = new URL(location, url);
  return `${origin}${pathname}`.replace(/\/info\/refs$/, "");
}

async function bytesOf(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

async function* chunksOf(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
): AsyncIterableIterator<Uint8Array> {
  let length = 0;
  for (;;) {
    const { value } = await reader?.read() ?? {};
    if (value === undefined) return;
    length += value.length;
    if (length > MAX_ANSWER_BYTES) {
      throw new AppError("invalid", "The repository is too large: 512 MB at most");
    }
    yield value;
  }
}
