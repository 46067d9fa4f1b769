import { AppError } from "../../../contract/errors.ts";
import { JsonFault } from "../../files/record_scan.ts";
import type { ApiAnswer, ApiClient } from "./api_client.ts";
import { type ApiRequest, shownRequest } from "./api_request.ts";
import type { Endpoint } from "./endpoint.ts";
import { JsonTextFault } from "./page/json_walk.ts";
import type { ReadValidators } from "./unchanged.ts";
import { ListNames } from "./page/list_names.ts";
import type { MoreMembers, PageReader } from "./page/page_reader.ts";
import { createPaginator } from "./paginators/create.ts";
import type { Turn } from "./paginators/paginator.ts";
import type { Requests } from "./requests.ts";

/** A server that says the same so often, with records in it, does not go by what the paginator sends. */
const SAME_PAGES = 3;
const NO_MEMBERS: MoreMembers = new Map();

export interface PageReading {
  readonly client: Pick<ApiClient, "send">;
  readonly endpoint: Endpoint;
  readonly requests: Requests;
  /** Shared by all readings of a stream. */
  readonly reader: PageReader;
  /** What every record gets; nothing by default. */
  readonly more?: MoreMembers;
  /** Only so many pages. */
  readonly maxPages?: number;
  readonly validators?: ReadValidators;
  readonly onPage: (pages: number) => void;
}

/**
 * Reads all pages and adds their records to the file: the next page is asked for while this one's are written. Returns how
 * many there were. Throws what a request throws, and `invalid` with the page for one that cannot be understood.
 */
export async function readPages(reading: PageReading, signal: AbortSignal): Promise<number> {
  const { client, endpoint, requests, reader, more = NO_MEMBERS, maxPages = Infinity, onPage, validators } =
    reading;
  const paginator = createPaginator(endpoint.paginator ?? { type: "auto" });
  const ignored = endpoint.response_actions.flatMap((action) =>
    "status_code" in action ? [action.status_code] : []
  );
  const names = endpoint.list_names === undefined ? undefined : new ListNames(endpoint.list_names);
  const guard = new EndlessGuard();
  // Ends the next request where this page turns out to be wrong.
  const stop = new AbortController();
  const gone = AbortSignal.any([signal, stop.signal]);
  const ask = (turn: Turn, before: URL | undefined) => {
    const request = requests.make(turn, before);
    guard.request(request);
    const answer = client.send(request, ignored, gone);
    answer.catch(() => {});
    return { request, answer };
  };
  let asked: ReturnType<typeof ask> | undefined = ask(paginator.first, undefined);
  let pages = 0;
  try {
    while (asked !== undefined) {
      const { request }: { readonly request: ApiRequest } = asked;
      const answer: ApiAnswer = await asked.answer;
      signal.throwIfAborted();
      pages++;
      if (ignored.includes(answer.status)) {
        validators?.giveUp();
        return pages;
      }
      try {
        const page = await reader.open(request, answer, { more, names }, signal);
        validators?.add(request, answer, page.view.records);
        if (page.isIgnored) return pages;
        guard.page(answer.bytes, page.view.records);
        const turn = pages < maxPages ? paginator.next(page.view) : undefined;
        asked = turn === undefined ? undefined : ask(turn, request.url);
        await page.write();
      } catch (error) {
        throw pageFault(request, pages, error);
      }
      onPage(pages);
    }
  } finally {
    stop.abort();
  }
  return pages;
}

function pageFault(request: ApiRequest, page: number, error: unknown): unknown {
  const where = `${shownRequest(request)}, page ${page}`;
  if (error instanceof JsonTextFault) {
    return new AppError("invalid", `${where}: it is no JSON: ${error.message}, at byte ${error.at}`, {
      cause: error,
    });
  }
  if (error instanceof JsonFault) {
    return new AppError("invalid", `${where}, record ${error.line} of all: ${error.message}`, {
      cause: error,
    });
  }
  if (!(error instanceof AppError) || error.code !== "invalid") return error;
  return new AppError("invalid", `${where}: ${error.message}`, { cause: error });
}

/** Tells pages that never end from many pages. */
class EndlessGuard {
  readonly #asked = new Set<string>();
  #last: Uint8Array | undefined;
  #same = 1;

  /** Throws `invalid` for a request that was sent before. */
  request(request: ApiRequest): void {
    const key = `${request.method} ${request.url.href} ${request.body ?? ""}`;
    if (this.#asked.has(key)) {
      throw new AppError(
        "invalid",
        `${shownRequest(request)}: a page leads back to one before it; correct paginator`,
      );
    }
    this.#asked.add(key);
  }

  /** Throws `invalid` for a page that came several times in a row. */
  page(bytes: Uint8Array, records: number): void {
    const isSame = this.#last !== undefined && records > 0 && isEqual(bytes, this.#last);
    this.#same = isSame ? this.#same + 1 : 1;
    this.#last = bytes;
    if (this.#same < SAME_PAGES) return;
    throw new AppError(
      "invalid",
      `The server gave the same page ${SAME_PAGES} times: it does not go by what the paginator sends; correct it`,
    );
  }
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at]);
