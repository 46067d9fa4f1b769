import { AppError } from "../../../contract/errors.ts";
import { JsonFault } from "../../files/record_scan.ts";
import type { ApiAnswer, ApiClient } from "./api_client.ts";
import { type ApiRequest, shownRequest } from "./api_request.ts";
import type { Endpoint } from "./endpoint.ts";
import { simplePath } from "./json_path.ts";
import { keysOf, RecordFinder } from "./page/find_records.ts";
import { JsonText, JsonTextFault, type PathStep, type Piece } from "./page/json_walk.ts";
import type { RecordFile, Surveyed } from "./page/record_file.ts";
import { createPaginator } from "./paginators/create.ts";
import type { Paginator, Turn } from "./paginators/paginator.ts";
import type { Requests } from "./requests.ts";

/** A server that says the same so often, with records in it, does not go by what the paginator sends. */
const SAME_PAGES = 3;
const NOTHING = new Uint8Array();

export interface PageReading {
  readonly client: Pick<ApiClient, "send">;
  readonly endpoint: Endpoint;
  readonly requests: Requests;
  /** Shared by all readings of a stream. */
  readonly finder: RecordFinder;
  readonly file: RecordFile;
  /** Members that every record gets in front of its own, as JSON; none by default. */
  readonly before?: Uint8Array;
  /** Only so many pages. */
  readonly maxPages?: number;
  readonly onPage: (pages: number) => void;
}

/**
 * Reads all pages and adds their records to the file: the next page is asked for while this one's are written. Returns how
 * many there were. Throws what a request throws, and `invalid` with the page for one that cannot be understood.
 */
export async function readPages(reading: PageReading, signal: AbortSignal): Promise<number> {
  const { client, endpoint, requests, maxPages = Infinity, onPage } = reading;
  const paginator = createPaginator(endpoint.paginator ?? { type: "auto" });
  const ignored = endpoint.response_actions.map(({ status_code: status }) => status);
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
      if (ignored.includes(answer.status)) return pages;
      try {
        const page = new Page(answer, reading);
        guard.page(answer.bytes, page.records.length);
        const turn = pages < maxPages ? page.next(paginator) : undefined;
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

/** One answer as JSON with its records. */
class Page {
  readonly records: readonly Piece[];
  readonly #text: JsonText;
  readonly #root: Piece;
  readonly #headers: Headers;
  readonly #file: RecordFile;
  readonly #before: Uint8Array;
  readonly #surveyed: Surveyed | undefined;
  #read = 0;

  constructor(
    { bytes, headers }: ApiAnswer,
    { finder, file, before = NOTHING }: Pick<PageReading, "finder" | "file" | "before">,
  ) {
    this.#file = file;
    this.#before = before;
    this.#text = new JsonText(bytes);
    this.#headers = headers;
    const { path } = finder;
    const { survey, records } = file;
    // Records that get members of their parent are surveyed with them.
    if (path === undefined || survey === undefined || before.length > 0) this.#root = this.#text.root();
    else {
      survey.hasLineBreaks = false;
      const read = (start: number) => survey.read(bytes, start, records + ++this.#read);
      this.#root = this.#text.root({ path, read });
      this.#surveyed = { hasLineBreaks: survey.hasLineBreaks };
    }
    checkErrors(this.#text, this.#root);
    this.records = finder.records(this.#text, this.#root);
  }

  /** Adds the records to the file. */
  async write(): Promise<void> {
    for (const record of this.records) {
      const full = this.#file.add(this.#text, record, this.#before, this.#surveyed);
      if (full !== undefined) await full;
    }
  }

  next(paginator: Paginator): Turn | undefined {
    return paginator.next({
      headers: this.#headers,
      records: this.records.length,
      keys: keysOf(this.#text, this.#root),
      at: (path: readonly PathStep[]) => {
        const piece = this.#text.find(this.#root, path);
        return piece === undefined ? undefined : this.#text.value(piece);
      },
    });
  }
}

/** GraphQL, and not only that, says what went wrong in a page of status 200. */
function checkErrors(text: JsonText, root: Piece): void {
  const errors = text.find(root, ["errors"]);
  if (errors === undefined || text.kind(errors) !== "array") return;
  const [first] = text.items(errors);
  if (first === undefined) return;
  const message = text.find(first, ["message"]);
  const said = text.text(message ?? first).slice(0, 300);
  throw new AppError("invalid", `The server says that it failed: ${said}`);
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

/** The path that an endpoint's data_selector says. */
export const selectorOf = ({ data_selector: selector }: Endpoint): readonly PathStep[] | undefined =>
  selector === undefined ? undefined : simplePath(selector);
