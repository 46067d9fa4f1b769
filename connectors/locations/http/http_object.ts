import { AppError } from "../../../contract/errors.ts";
import { bodyChunks } from "../remote/body_chunks.ts";
import { type ByteRange, type RemoteObject, TRANSFER_CUT } from "../remote/remote_object.ts";
import type { HttpAnswer, HttpClient } from "./http_client.ts";

/** What a server says of a file, as far as it says something. */
export interface FileFacts {
  readonly sizeBytes: number;
  readonly modifiedMs: number | null;
  /** A strong one only: another one for other bytes. */
  readonly etag: string | null;
}

/** What an answer's headers say of the file; `sizeBytes` is the whole file's. */
export function factsOf({ headers }: Response, sizeBytes: number): FileFacts {
  const etag = headers.get("etag");
  const modified = Date.parse(headers.get("last-modified") ?? "");
  return {
    sizeBytes,
    modifiedMs: Number.isNaN(modified) ? null : modified,
    etag: etag === null || etag.startsWith("W/") ? null : etag,
  };
}

/** The file's size in `Content-Range: bytes 0-9/100`; undefined where it is not there. */
export function totalBytes({ headers }: Response): number | undefined {
  const total = /^bytes (?:\d+-\d+|\*)\/(\d+)$/.exec(headers.get("content-range")?.trim() ?? "")?.[1];
  return total === undefined ? undefined : Number(total);
}

export function changed(shown: string): AppError {
  return new AppError(
    "unavailable",
    `Cannot read "${shown}": it changed while it was read; run it again when it is no longer written`,
  );
}

/** A file whose server gives parts of it. */
export class HttpObject implements RemoteObject, FileFacts {
  readonly path: string;
  readonly shown: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number | null;
  readonly etag: string | null;
  readonly #url: URL;
  readonly #client: HttpClient;

  constructor(
    client: HttpClient,
    place: { readonly path: string; readonly shown: string; readonly url: URL },
    facts: FileFacts,
  ) {
    this.#client = client;
    this.#url = place.url;
    this.path = place.path;
    this.shown = place.shown;
    this.sizeBytes = facts.sizeBytes;
    this.modifiedMs = facts.modifiedMs;
    this.etag = facts.etag;
  }

  /** Each answer is compared with what was found. */
  get isPinned(): boolean {
    return this.etag !== null;
  }

  async *read({ start, end }: ByteRange, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const answer = await this.#get(start, end - 1, signal);
    const range = answer.headers.get("content-range")?.trim();
    if (range !== `bytes ${start}-${end - 1}/${this.sizeBytes}`) {
      await answer.body?.cancel();
      throw changed(this.shown);
    }
    try {
      if (answer.body !== null) yield* bodyChunks(answer.body);
    } catch (error) {
      signal.throwIfAborted();
      throw new AppError("unavailable", `Cannot read "${this.shown}": the connection was cut`, {
        reason: TRANSFER_CUT,
        cause: error,
      });
    }
  }

  async checkUnchanged(signal: AbortSignal): Promise<void> {
    const answer = await this.#get(0, 0, signal);
    await answer.body?.cancel();
    if (totalBytes(answer) !== this.sizeBytes) throw changed(this.shown);
  }

  /** Throws where the server has another file now, or none. */
  async #get(first: number, last: number, signal: AbortSignal): Promise<HttpAnswer> {
    const condition = this.etag === null ? {} : { "if-match": this.etag };
    const headers = { range: `bytes=${first}-${last}`, ...condition };
    let answer: HttpAnswer;
    try {
      answer = await this.#client.get(this.#url, this.shown, headers, signal);
    } catch (error) {
      if (error instanceof AppError && error.code === "not_found") throw changed(this.shown);
      throw error;
    }
    const facts = factsOf(answer, this.sizeBytes);
    const isSame = answer.status === 206 && facts.etag === this.etag && facts.modifiedMs === this.modifiedMs;
    if (isSame) return answer;
    await answer.body?.cancel();
    throw changed(this.shown);
  }
}
