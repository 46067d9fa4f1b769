import * as v from "valibot";
import type { JsonValue } from "../../../contract/json.ts";
import { AppError } from "../../../contract/errors.ts";
import type { ApiAnswer, ApiClient } from "./api_client.ts";
import type { ApiRequest } from "./api_request.ts";
import type { Endpoint } from "./endpoint.ts";

/**
 * Conditional requests (RFC 9110, section 13): what tells of each page of a read whether it is still the same, and the
 * question whether all of them are.
 */

const pageSchema = v.strictObject({
  url: v.string(),
  etag: v.exactOptional(v.string()),
  modified: v.exactOptional(v.string()),
});
const validatorsSchema = v.strictObject({ identity: v.string(), pages: v.array(pageSchema) });
type PageValidators = v.InferOutput<typeof pageSchema>;

/** Of more pages it would cost as much to ask as to read. */
const MOST_PAGES = 1_000;
const NOT_MODIFIED = 304;
/** A time of change that is so much older than the answer: nothing changed after it within the same second. */
const SETTLED_MS = 60_000;
/** The parameters in which APIs take how many records a page may have. */
const PAGE_SIZES = ["per_page", "limit", "page_size", "pagesize", "pageSize", "maxResults", "$top"];

/** Gathers the validators of a read. */
export class ReadValidators {
  readonly #endpoint: Endpoint;
  readonly #identity: string;
  readonly #pages: PageValidators[] = [];
  readonly #counts: number[] = [];
  #isWhole = true;

  /** `identity` is of all that the answers depend on beside the requests. */
  constructor(endpoint: Endpoint, identity: string) {
    this.#endpoint = endpoint;
    this.#identity = identity;
  }

  /** To be told of each page in turn, with its records. */
  add(request: ApiRequest, answer: ApiAnswer, records: number): void {
    const page = validatorsOf(request, answer);
    if (page === undefined || this.#pages.length === MOST_PAGES) this.#isWhole = false;
    else this.#pages.push(page);
    this.#counts.push(records);
  }

  /** Nothing will tell whether this read is still what the server has. */
  giveUp(): void {
    this.#isWhole = false;
  }

  /** Undefined where not every page has a validator, or they do not tell that the last page is the last one still. */
  get validators(): JsonValue | undefined {
    if (!this.#isWhole || this.#pages.length === 0 || !this.#isEndTold) return undefined;
    return { identity: this.#identity, pages: this.#pages };
  }

  /**
   * What a page itself says of the next one, its validator covers. A header it does not: then a record more would change the
   * last page only where that is not full.
   */
  get #isEndTold(): boolean {
    const { type } = this.#endpoint.paginator ?? { type: "auto" };
    if (type !== "auto" && type !== "header_link" && type !== "header_cursor") return true;
    const last = this.#counts.at(-1) ?? 0;
    return last < Math.max(...this.#counts) || last < this.#askedSize;
  }

  /** How many records a page may have, as the request says. */
  get #askedSize(): number {
    const params = URL.parse(this.#pages[0]?.url ?? "")?.searchParams;
    const [size] = PAGE_SIZES.flatMap((name) => params?.get(name) ?? []);
    return size !== undefined && /^\d+$/.test(size) ? Number(size) : 0;
  }
}

/** Undefined for an answer that cannot be asked for conditionally. */
function validatorsOf(request: ApiRequest, answer: ApiAnswer): PageValidators | undefined {
  if (request.method !== "GET" || request.body !== null || answer.isRedirected === true) return undefined;
  const { headers, status } = answer;
  if (status !== 200) return undefined;
  const url = request.url.href;
  const etag = headers.get("etag");
  if (etag !== null) return /^(?:W\/)?"[^"]*"$/.test(etag) ? { url, etag } : undefined;
  const modified = headers.get("last-modified");
  const sent = Date.parse(headers.get("date") ?? "");
  if (modified === null || !(sent - Date.parse(modified) >= SETTLED_MS)) return undefined;
  return { url, modified };
}

/**
 * How many pages the server was asked for, where it says of each that it is what it was when `known` came; undefined where
 * it does not, or cannot be asked. Throws what says nothing about the pages: `unavailable`, `unauthorized`, `forbidden`.
 */
export async function pagesUnchanged(
  known: JsonValue,
  first: ApiRequest,
  identity: string,
  send: (request: ApiRequest, accepted: readonly number[]) => ReturnType<ApiClient["send"]>,
): Promise<number | undefined> {
  const parsed = v.safeParse(validatorsSchema, known);
  if (!parsed.success || parsed.output.identity !== identity) return undefined;
  const { pages } = parsed.output;
  if (pages[0]?.url !== first.url.href || first.method !== "GET" || first.body !== null) return undefined;
  for (const { url, etag, modified } of pages) {
    const condition = etag === undefined
      ? { "if-modified-since": modified ?? "" }
      : { "if-none-match": etag };
    const request = { ...first, url: new URL(url), headers: { ...first.headers, ...condition } };
    if (!await isNotModified(() => send(request, [NOT_MODIFIED]))) return undefined;
  }
  return pages.length;
}

async function isNotModified(send: () => Promise<ApiAnswer>): Promise<boolean> {
  try {
    const { status, isRedirected } = await send();
    return status === NOT_MODIFIED && isRedirected !== true;
  } catch (error) {
    // A page that is not there any more has changed.
    if (error instanceof AppError && (error.code === "not_found" || error.code === "invalid")) return false;
    throw error;
  }
}
