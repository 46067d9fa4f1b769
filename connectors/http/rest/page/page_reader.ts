import { AppError } from "../../../../contract/errors.ts";
import type { TableFiles } from "../../../files/table_files.ts";
import type { ApiAnswer } from "../api_client.ts";
import { type ApiRequest, MAX_PAGE_BYTES } from "../api_request.ts";
import type { Endpoint } from "../endpoint.ts";
import { relOf } from "../paginators/create.ts";
import type { PageView } from "../paginators/paginator.ts";
import { keysOf, RecordFinder } from "./find_records.ts";
import { flattened } from "./flatten.ts";
import { decompressed, isCompressed } from "./compressed.ts";
import { charsetOf, formatOf, type PageFormat } from "./format.ts";
import { JsonText, type PageRecord, type PathStep, type Piece } from "./json_walk.ts";
import { ndjsonLines } from "./ndjson_lines.ts";
import type { ListNames } from "./list_names.ts";
import { isIgnored } from "./page_actions.ts";
import { PageList } from "./page_list.ts";
import type { RecordFile } from "./record_file.ts";
import { selectorOf } from "./selector.ts";

/** A page whose records are known. */
export interface Page {
  readonly view: PageView;
  /** One of the endpoint's response_actions says that there are no records on it, and no page after it. */
  readonly isIgnored: boolean;
  /** Adds what is not yet there of its records to the stream's. */
  write(): Promise<void>;
}

/** Members that every record gets in front of its own: names, and values as JSON. */
export type MoreMembers = ReadonlyMap<string, string>;

/** What the records of one reading become on the way. */
export interface Changes {
  readonly more: MoreMembers;
  /** Of records that are lists. */
  readonly names: ListNames | undefined;
}

/** Makes records of an endpoint's pages, whatever they are written in: the same on all of them. */
export class PageReader {
  readonly #endpoint: Endpoint;
  readonly #records: RecordFile;
  readonly #tables: TableFiles;
  readonly #finder: RecordFinder;
  readonly #xmlLists = new Set<string>();
  #kind: "records" | "table" | undefined;
  #rows = 0;

  constructor(endpoint: Endpoint, files: { readonly records: RecordFile; readonly tables: TableFiles }) {
    this.#endpoint = endpoint;
    this.#records = files.records;
    this.#tables = files.tables;
    this.#finder = new RecordFinder(selectorOf(endpoint));
  }

  /** The rows are in the table's files. */
  get isTable(): boolean {
    return this.#kind === "table";
  }

  get records(): number {
    return this.#records.records + this.#rows;
  }

  /** Throws `invalid` and JsonTextFault for a page that is not what it should be. */
  async open(
    request: ApiRequest,
    answer: ApiAnswer,
    changes: Changes,
    signal: AbortSignal,
  ): Promise<Page> {
    const isZipped = isCompressed(answer.bytes);
    const bytes = isZipped ? await decompressed(answer.bytes, MAX_PAGE_BYTES) : answer.bytes;
    const { headers } = answer;
    const format = formatOf(this.#endpoint.response_format, { headers, bytes, url: request.url });
    const hasEnd = format === "json" || format === "xml" || isZipped || answer.isBounded === true;
    if (!hasEnd) throw unbounded(format);
    this.#checkKind(format === "csv" || format === "tsv" ? "table" : "records", bytes);
    switch (format) {
      case "csv":
      case "tsv":
        return await this.#table(headers, bytes, format, changes, signal);
      case "ndjson": {
        const text = new JsonText(bytes);
        const list = this.#finder.areLines ? this.#listOf(text, changes) : undefined;
        if (list !== undefined) {
          list.readLines();
          return { view: viewOf(headers, list.records), isIgnored: false, write: () => list.write() };
        }
        const lines = ndjsonLines(text);
        return this.#page(headers, text, undefined, this.#finder.recordsOfLines(text, lines), changes);
      }
      case "xml": {
        this.#checkXml(headers);
        const json = xmlText(await xmlJson(bytes, charsetOf(headers), this.#xmlLists));
        const root = json.root();
        return this.#page(headers, json, root, this.#finder.elements(json, root), changes);
      }
      case "json": {
        const text = new JsonText(bytes);
        const list = this.#listOf(text, changes);
        const root = this.#rootOf(text, list);
        checkErrors(text, root);
        if (isIgnored(this.#endpoint.response_actions, text, root)) return ignoredPage(headers);
        const place = list === undefined ? undefined : this.#finder.place(text, root);
        if (list === undefined || place === undefined || text.kind(place) !== "array") {
          return this.#page(headers, text, root, this.#finder.records(text, root), changes);
        }
        if (!list.isRead) list.read(place.start);
        return {
          view: viewOf(headers, list.records, text, root),
          isIgnored: false,
          write: () => list.write(),
        };
      }
    }
  }

  /** For a list of records that are written as they are; undefined where they are not. */
  #listOf(text: JsonText, { more, names }: Changes): PageList | undefined {
    const { survey } = this.#records;
    const isChanged = more.size > 0 || names !== undefined || this.#endpoint.flatten;
    if (survey === undefined || isChanged || !this.#finder.isPlace || !text.isUtf8) return undefined;
    return new PageList(text, this.#records, survey);
  }

  /** The page's value. Its list is read on the way where it is known where that is, and that the page counts. */
  #rootOf(text: JsonText, list: PageList | undefined): Piece {
    const { path } = this.#finder;
    const mayBeIgnored = this.#endpoint.response_actions.some((action) => "value_path" in action);
    if (list === undefined || path === undefined || mayBeIgnored) return text.root();
    return text.root({ path, readList: (start) => list.read(start) });
  }

  #page(
    headers: Headers,
    text: JsonText,
    root: Piece | undefined,
    found: readonly PageRecord[],
    { more, names }: Changes,
  ): Page {
    const records = names === undefined ? found : found.flatMap((record) => names.named(record) ?? []);
    const before = new TextEncoder().encode(
      Array.from(more, ([name, json]) => `${JSON.stringify(name)}:${json},`).join(""),
    );
    return {
      view: viewOf(headers, records.length, text, root),
      isIgnored: false,
      write: async () => {
        for (const record of records) {
          const { text, piece } = this.#endpoint.flatten ? flattened(record) : record;
          const full = this.#records.add(text, piece, before);
          if (full !== undefined) await full;
        }
      },
    };
  }

  async #table(
    headers: Headers,
    bytes: Uint8Array,
    format: PageFormat,
    { more, names }: Changes,
    signal: AbortSignal,
  ): Promise<Page> {
    if (names !== undefined) {
      throw new AppError("invalid", "it is CSV, whose rows have names; leave out list_names");
    }
    if (this.#endpoint.data_selector !== undefined) {
      throw new AppError("invalid", "it is CSV, all of which is records; leave out data_selector");
    }
    const values = new Map(Array.from(more, ([name, json]) => [name, plainText(json)]));
    const text = { bytes, shown: "the page", isTabs: format === "tsv", charset: charsetOf(headers) };
    // Rows are counted where they are read: to keep those of a large table would take more memory than its text.
    const records = bytes.length === 0 ? 0 : await this.#tables.add(text, values, signal);
    this.#rows += records;
    return { view: viewOf(headers, records), isIgnored: false, write: () => Promise.resolve() };
  }

  #checkKind(kind: "records" | "table", bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#kind ??= kind;
    if (this.#kind === kind) return;
    const [now, before] = kind === "table" ? ["CSV", "not"] : ["no CSV", "CSV"];
    throw new AppError(
      "invalid",
      `it is ${now}, and the pages before it were ${before}; set response_format`,
    );
  }

  /** In XML nothing shows which of its elements are records, or that there is another page. */
  #checkXml(headers: Headers): void {
    const { data_selector: selector, paginator } = this.#endpoint;
    if (selector === undefined) {
      throw new AppError(
        "invalid",
        "it is XML; set data_selector to the elements that are records, as orders.order",
      );
    }
    if ((paginator?.type ?? "auto") !== "auto" || this.records > 0) return;
    if (relOf(headers.get("link") ?? "", "next") !== undefined) return;
    throw new AppError(
      "invalid",
      "it is XML, which shows no next page; set paginator (single_page where there is none)",
    );
  }
}

function viewOf(headers: Headers, records: number, text?: JsonText, root?: Piece): PageView {
  if (text === undefined || root === undefined) return { headers, records, keys: [], at: () => undefined };
  const at = (path: readonly PathStep[]) => {
    const piece = text.find(root, path);
    return piece === undefined ? undefined : text.value(piece);
  };
  return { headers, records, keys: keysOf(text, root), at };
}

const ignoredPage = (headers: Headers): Page => ({
  view: viewOf(headers, 0),
  isIgnored: true,
  write: () => Promise.resolve(),
});

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

async function xmlJson(bytes: Uint8Array, charset: string | undefined, lists: Set<string>): Promise<string> {
  const { xmlToJson } = await import("./xml_tree.ts");
  return xmlToJson(bytes, charset, lists);
}

const xmlText = (json: string): JsonText => new JsonText(new TextEncoder().encode(json));

/** Of a JSON value: as it would stand in a CSV file. */
function plainText(json: string): string | null {
  if (json === "null") return null;
  return json.startsWith('"') ? String(JSON.parse(json)) : json;
}

const unbounded = (format: PageFormat): AppError =>
  new AppError(
    "invalid",
    `it is ${format.toUpperCase()}, and the server says neither how long it is nor where it ends, so a transfer that ` +
      "was cut could not be told from a whole one; use https, or a server that sends Content-Length",
  );
