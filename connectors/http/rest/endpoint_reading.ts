import type { Scan, StreamRequest } from "../../../contract/connector/source.ts";
import type { JsonValue } from "../../../contract/json.ts";
import { parentsOf } from "../../../contract/pipeline/parents.ts";
import { trafficText } from "../../../contract/streams/traffic.ts";
import { formatPlural } from "../../../text/format.ts";
import { type RecordSurvey, scanRecords } from "../../files/record_scan.ts";
import { TableFiles } from "../../files/table_files.ts";
import { DiskFile } from "../../locations/disk/disk_file.ts";
import type { Scratch } from "../../locations/scratch.ts";
import type { EndpointStream } from "../options.ts";
import type { ApiClient } from "./api_client.ts";
import type { ApiRequest } from "./api_request.ts";
import { cursorText } from "./cursor_value.ts";
import type { Values } from "./fill_in.ts";
import { PageReader } from "./page/page_reader.ts";
import { RecordFile } from "./page/record_file.ts";
import { readChildren } from "./read_children.ts";
import { readPages } from "./read_pages.ts";
import { Requests } from "./requests.ts";
import { Tally } from "./tally.ts";
import { pagesUnchanged, ReadValidators } from "./unchanged.ts";

export interface RestPlace {
  readonly baseUrl: URL;
  /** Of all that answers depend on beside the requests. */
  readonly identity: string;
  /** Absolute; DuckDB may read it. */
  readonly scratchDir: string;
  readonly log: (level: "debug" | "info" | "warn", message: string) => void;
}

type Request = StreamRequest<EndpointStream>;

/** Of a check: enough to tell the columns by. */
const SAMPLE_PAGES = 1;
/** How often a long reading says how far it is. */
const TELL_EVERY = 100;

/** The pages of one stream, read into files of the local disk. */
export class EndpointReading {
  readonly #place: RestPlace;
  readonly #client: ApiClient;
  readonly #request: Request;
  readonly #survey: RecordSurvey | undefined;
  readonly #records: RecordFile;
  readonly #tables: TableFiles;
  readonly #reader: PageReader;
  readonly #tally: Tally;
  readonly #validators: ReadValidators;
  #pages = 0;

  private constructor(
    place: RestPlace,
    client: ApiClient,
    request: Request,
    files: { readonly records: RecordFile; readonly tables: TableFiles },
  ) {
    this.#place = place;
    this.#client = client;
    this.#request = request;
    this.#survey = files.records.survey;
    this.#records = files.records;
    this.#tables = files.tables;
    this.#reader = new PageReader(request.address.endpoint, files);
    this.#tally = new Tally((traffic) => request.onTraffic?.(traffic, this.#reader.records));
    this.#validators = new ReadValidators(request.address.endpoint, place.identity);
  }

  /** With `onFile` records are in several files, and it is given each of them that is finished, but the last. */
  static async begin(
    place: RestPlace,
    client: ApiClient,
    request: Request,
    { scratch, survey, onFile }: {
      readonly scratch: Scratch;
      readonly survey: RecordSurvey | undefined;
      readonly onFile: ((file: DiskFile) => void) | undefined;
    },
  ): Promise<EndpointReading> {
    const onPart = onFile && (async (path: string) => onFile(await diskFile(place, request, path)));
    const records = await RecordFile.create(scratch, `${request.name}.ndjson`, survey, onPart);
    const tables = new TableFiles(scratch, request.address.options);
    return new EndpointReading(place, client, request, { records, tables });
  }

  /** Of what is written of the records. */
  get sizeBytes(): number {
    return this.#records.sizeBytes;
  }

  /** For the run's log. */
  get summary(): string {
    const [records, pages] = [
      formatPlural(this.#reader.records, "record"),
      formatPlural(this.#pages, "page"),
    ];
    return `${records} on ${pages}, ${trafficText({ ...this.#tally.traffic, pages: 0 })}`;
  }

  /** What tells later whether the pages are still what they were; undefined where nothing does. */
  get validators(): JsonValue | undefined {
    return this.#hasParent ? undefined : this.#validators.validators;
  }

  get #hasParent(): boolean {
    return parentsOf({ endpoint: this.#request.address.endpoint }).length > 0;
  }

  /**
   * For the run's log, where the server says of all pages that they are what they were when the request's validators came.
   * Throws as read() does. There is nothing to be read then.
   */
  async unchanged(signal: AbortSignal): Promise<string | undefined> {
    if (this.#request.validators === undefined || this.#hasParent) return undefined;
    let pages: number | undefined;
    let isRead = false;
    try {
      pages = await this.#unchangedPages(this.#request.validators, signal);
      isRead = pages === undefined;
    } finally {
      if (!isRead) await this.#close();
    }
    if (pages === undefined) return undefined;
    return `Nothing has changed on ${formatPlural(pages, "page")}, ${trafficText(this.#tally.traffic)}`;
  }

  async #unchangedPages(known: JsonValue, signal: AbortSignal): Promise<number | undefined> {
    const { endpoint } = this.#request.address;
    const { baseUrl, identity } = this.#place;
    const first = new Requests(baseUrl, endpoint, valuesOf(this.#request)).first(endpoint);
    const send = (asked: ApiRequest, accepted: readonly number[]) =>
      this.#client.send(asked, accepted, signal, this.#tally);
    return await pagesUnchanged(known, first, identity, send);
  }

  /** Reads all pages. Throws what the requests throw, and `invalid` with the page for one that cannot be understood. */
  async read(signal: AbortSignal): Promise<void> {
    try {
      this.#pages = await this.#readPages(signal);
      await this.#records.finish();
      await this.#tables.finish();
    } finally {
      await this.#close();
    }
  }

  async #readPages(signal: AbortSignal): Promise<number> {
    const { name, address: { endpoint }, isSample } = this.#request;
    const { baseUrl } = this.#place;
    const tally = this.#tally;
    const send: ApiClient["send"] = (asked, accepted, gone) =>
      this.#client.send(asked, accepted, gone, tally);
    const reading = {
      client: { send },
      endpoint,
      reader: this.#reader,
      onPage: () => tally.add({ pages: 1 }),
      ...(isSample === true ? { maxPages: SAMPLE_PAGES } : {}),
    };
    const values = valuesOf(this.#request);
    const tell = (count: number, what: string) => {
      if (count % TELL_EVERY > 0) return;
      this.#place.log("info", `${name}: ${count} ${what}, ${this.#reader.records} records`);
    };
    const [parent] = parentsOf({ endpoint });
    if (parent !== undefined && this.#request.parentRows !== undefined) {
      return await readChildren({
        ...reading,
        baseUrl,
        values,
        parent: parent.stream,
        rows: await this.#request.parentRows(parent.columns, endpoint.include_from_parent),
        onParent: (count) => tell(count, `rows of ${parent.stream}`),
      }, signal);
    }
    const onPage = (count: number) => {
      reading.onPage();
      tell(count, "pages");
    };
    return await readPages(
      {
        ...reading,
        validators: this.#validators,
        requests: new Requests(baseUrl, endpoint, values),
        onPage,
      },
      signal,
    );
  }

  /** The file that is written to, or was, last. */
  async lastFile(): Promise<DiskFile> {
    return await diskFile(this.#place, this.#request, this.#records.path);
  }

  async #close(): Promise<void> {
    await this.#records[Symbol.asyncDispose]();
    await this.#tables[Symbol.asyncDispose]();
  }

  /** Of all records, once they are read. */
  async scan(signal: AbortSignal): Promise<Scan> {
    const request = this.#request;
    const { scratchDir } = this.#place;
    const paths = this.#reader.isTable ? this.#tables.paths : this.#records.paths;
    const files = await Promise.all(paths.map((path) => diskFile(this.#place, request, path)));
    return this.#reader.isTable
      ? await this.#tables.scan(files, request, scratchDir, signal)
      : await scanRecords(files, request.address.options.columns, request, scratchDir, signal, this.#survey);
  }
}

async function diskFile(
  { baseUrl }: RestPlace,
  { address: { endpoint } }: Request,
  path: string,
): Promise<DiskFile> {
  const shown = `GET ${baseUrl.origin}${baseUrl.pathname}${endpoint.path.replace(/^\/+/, "")}`;
  return new DiskFile(path, shown, await Deno.stat(path));
}

/** What the requests say of the window. */
function valuesOf({ address: { endpoint: { incremental } }, cursor, until }: Request): Values {
  const format = incremental?.format ?? "datetime";
  const first = incremental?.initial_value;
  return {
    start: cursor !== undefined
      ? cursorText(cursor, format)
      : first === undefined
      ? undefined
      : String(first),
    end: until?.isRange === true ? cursorText(until, format) : undefined,
  };
}
