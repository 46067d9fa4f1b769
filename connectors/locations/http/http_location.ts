import { dirname } from "node:path";
import type { Budget } from "../../../contract/connector/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import { fileError } from "../file_error.ts";
import { requireFree } from "../free_space.ts";
import type { FileList, FileWriter, Location, Publication, StoredFile } from "../location.ts";
import { bodyChunks } from "../remote/body_chunks.ts";
import { FetchedFile } from "../remote/fetched_file.ts";
import { localNameOf, pathSqlOf } from "../remote/local_name.ts";
import { TRANSFER_CUT } from "../remote/remote_object.ts";
import { DownloadedFile } from "./downloaded_file.ts";
import { type HttpAnswer, HttpClient, type HttpSettings } from "./http_client.ts";
import { factsOf, HttpObject, totalBytes } from "./http_object.ts";

/** Tries of a request that got no answer, and of a download that was cut. */
const MAX_TRIES = 5;
const FIRST_WAIT_MS = 200;
/** How long a download may be silent. */
const SILENCE_MS = 60_000;

export interface HttpPlace {
  /** Of the process's own; absolute. */
  readonly scratchDir: string;
  readonly budget: Budget;
  /** Aborted when the connection ends. */
  readonly signal: AbortSignal;
}

interface Named {
  readonly url: URL;
  readonly path: string;
  readonly shown: string;
  readonly localPath: string;
}

/** Files of a web server, by their names: it cannot be listed, and it is only read. */
export class HttpLocation implements Location {
  readonly #settings: HttpSettings;
  readonly #client: HttpClient;
  readonly #place: HttpPlace;

  constructor(settings: HttpSettings, place: HttpPlace) {
    this.#settings = settings;
    this.#place = place;
    this.#client = new HttpClient(settings);
  }

  /** Throws where the server does not answer, fails, or does not take the sign-in. */
  async reach(signal: AbortSignal): Promise<void> {
    const { baseUrl } = this.#settings;
    await this.#client.reach(baseUrl, baseUrl.href, signal);
  }

  /** One file: a pattern is an address. */
  async list(pattern: string, signal: AbortSignal): Promise<FileList> {
    const named = this.#name(pattern);
    const file = await this.#find(named, signal);
    return { base: this.#settings.baseUrl.pathname, files: [file] };
  }

  async find(path: string): Promise<StoredFile | undefined> {
    try {
      return await this.#find(this.#named(new URL(path, this.#settings.baseUrl)), this.#place.signal);
    } catch (error) {
      if (error instanceof AppError && error.code === "not_found") return undefined;
      throw error;
    }
  }

  write(path: string): Promise<FileWriter> {
    return Promise.reject(this.#isReadOnly(path));
  }

  remove(path: string): Promise<void> {
    return Promise.reject(this.#isReadOnly(path));
  }

  publish({ shown }: { readonly shown: string }): Promise<Publication> {
    return Promise.reject(this.#isReadOnly(shown));
  }

  pathSql(localPath: string): string {
    return pathSqlOf(localPath, this.#ownFolder());
  }

  /** Each use has its files to itself; all of these are as long. */
  #ownFolder(): string {
    return `${this.#place.scratchDir}/${crypto.randomUUID()}`;
  }

  #isReadOnly(path: string): AppError {
    return new AppError("invalid", `Cannot write "${path}": files of a web server are only read`);
  }

  #name(pattern: string): Named {
    const { baseUrl } = this.#settings;
    const fail = (what: string) => new AppError("invalid", `Cannot read "${pattern}": ${what}`);
    const [name = ""] = pattern.split("?");
    if (/[*[\]]/.test(name)) {
      throw fail(
        "a web server cannot list its files; name one file, and make a stream of each (a * of its name is %2A)",
      );
    }
    const isAddress = /^[a-z][a-z0-9+.-]*:/i.test(pattern);
    const url = URL.parse(isAddress ? pattern : `./${pattern.replace(/^\/+/, "")}`, baseUrl);
    if (url === null) throw fail(`it is no path below ${baseUrl.href}`);
    if (url.origin !== baseUrl.origin || !url.pathname.startsWith(baseUrl.pathname)) {
      throw fail(`it is not below the connector's base_url, ${baseUrl.href}`);
    }
    return this.#named(url);
  }

  #named(url: URL): Named {
    url.hash = "";
    const path = `${url.pathname}${url.search}`;
    // A query may hold what signs in.
    const shown = `${url.origin}${url.pathname}`;
    return { url, path, shown, localPath: `${this.#ownFolder()}${localNameOf(path)}` };
  }

  async #find(named: Named, signal: AbortSignal): Promise<StoredFile> {
    const stop = AbortSignal.any([signal, this.#place.signal]);
    const looked = await this.#persist(stop, async () => {
      using _place = await this.#place.budget.acquire(stop);
      return await this.#look(named, stop);
    });
    if ("object" in looked) {
      const { budget } = this.#place;
      return new FetchedFile(looked.object, named.localPath, {
        clock: this.#settings.clock,
        signal: this.#place.signal,
        budget,
      });
    }
    const { sizeBytes, facts } = looked;
    const again = () =>
      this.#persist(this.#place.signal, async () => {
        using _place = await this.#place.budget.acquire(this.#place.signal);
        const { shown, url } = named;
        const answer = await this.#client.get(url, shown, {}, this.#place.signal);
        return await this.#download(named, answer, this.#place.signal);
      });
    return new DownloadedFile(named, { ...facts, sizeBytes }, again);
  }

  /** Asks for the first byte: the answer says whether there are ranges, and how large the file is. */
  async #look(
    named: Named,
    signal: AbortSignal,
  ): Promise<
    { readonly object: HttpObject } | {
      readonly sizeBytes: number;
      readonly facts: ReturnType<typeof factsOf>;
    }
  > {
    const { url, shown } = named;
    const answer = await this.#client.get(url, shown, { range: "bytes=0-0" }, signal);
    const total = totalBytes(answer);
    const isEmpty = answer.status === 416 && total === 0;
    if (answer.status === 206 || isEmpty) {
      await answer.body?.cancel();
      checkKind(named, answer);
      if (total === undefined) {
        // A server that does not know the size gives no parts that could be counted.
        const whole = await this.#client.get(url, shown, {}, signal);
        return await this.#whole(named, whole, signal);
      }
      return { object: new HttpObject(this.#client, named, factsOf(answer, total)) };
    }
    if (answer.status !== 200) {
      await answer.body?.cancel();
      throw new AppError("invalid", `Cannot read "${shown}": the server answered ${answer.status}`);
    }
    return await this.#whole(named, answer, signal);
  }

  async #whole(
    named: Named,
    answer: HttpAnswer,
    signal: AbortSignal,
  ): Promise<{ readonly sizeBytes: number; readonly facts: ReturnType<typeof factsOf> }> {
    const sizeBytes = await this.#download(named, answer, signal);
    return { sizeBytes, facts: factsOf(answer, sizeBytes) };
  }

  /** Returns how many bytes came: all of the file, or it throws (rule 7). */
  async #download(named: Named, answer: HttpAnswer, signal: AbortSignal): Promise<number> {
    const { shown, localPath } = named;
    const { headers, body } = answer;
    try {
      checkKind(named, answer);
      const length = headers.get("content-length");
      const isCounted = length !== null || headers.has("transfer-encoding") ||
        named.url.protocol === "https:";
      if (!isCounted) {
        throw new AppError(
          "invalid",
          `Cannot read "${shown}": the server says neither how long it is nor where it ends, so a transfer that ` +
            "was cut could not be told from a whole one; use https, or a server that sends Content-Length",
        );
      }
      if (length !== null) await requireFree(dirname(localPath), Number(length), `"${shown}"`);
    } catch (error) {
      await body?.cancel();
      throw error;
    }
    let sizeBytes = 0;
    using file = await createFile(localPath);
    const silent = new AbortController();
    const chunks = body === null ? undefined : bodyChunks(body, silent.signal);
    try {
      for (;;) {
        const bytes = await nextOf(chunks, silent, shown, signal);
        if (bytes === undefined) return sizeBytes;
        sizeBytes += bytes.length;
        await writeAll(file, bytes, localPath);
      }
    } finally {
      await chunks?.return();
    }
  }

  /** Tries again what may pass by itself. */
  async #persist<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (let tries = 1;; tries++) {
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        const mayPass = error instanceof AppError && error.reason === TRANSFER_CUT;
        if (!mayPass || tries >= MAX_TRIES) throw error;
        await this.#settings.clock.sleep(FIRST_WAIT_MS * 2 ** (tries - 1), signal);
      }
    }
  }
}

/** A page of HTML in a file's place says that somebody should sign in, or that the address is another one. */
function checkKind({ shown, url }: Named, { headers }: HttpAnswer): void {
  const isPage = /^text\/html\b|^application\/xhtml/i.test(headers.get("content-type")?.trim() ?? "");
  if (!isPage || /\.html?$/i.test(url.pathname)) return;
  throw new AppError(
    "invalid",
    `Cannot read "${shown}": the server sent a page of HTML, no file; check the path, and whether one has to sign in`,
  );
}

/** Undefined at the end. */
async function nextOf(
  chunks: AsyncGenerator<Uint8Array, void, undefined> | undefined,
  silent: AbortController,
  shown: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const cut = (what: string, cause?: unknown) =>
    new AppError("unavailable", `Cannot read "${shown}": ${what}`, { reason: TRANSFER_CUT, cause });
  const timer = setTimeout(() => silent.abort(cut(`nothing came for ${SILENCE_MS / 1000} s`)), SILENCE_MS);
  try {
    const { value } = await chunks?.next() ?? {};
    return value ?? undefined;
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof AppError ? error : cut("the connection was cut", error);
  } finally {
    clearTimeout(timer);
  }
}

async function createFile(path: string): Promise<Deno.FsFile> {
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    return await Deno.open(path, { write: true, create: true, truncate: true });
  } catch (error) {
    throw fileError("write", path, error);
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array, path: string): Promise<void> {
  try {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
  } catch (error) {
    throw fileError("write", path, error);
  }
}
