import type { Scan, StreamRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { trafficText } from "../../../contract/streams/traffic.ts";
import { formatPlural } from "../../../text/format.ts";
import { recordSurvey, scanRecords } from "../../files/record_scan.ts";
import { TableFiles } from "../../files/table_files.ts";
import { DiskFile } from "../../locations/disk/disk_file.ts";
import { Scratch } from "../../locations/scratch.ts";
import type { EndpointStream } from "../options.ts";
import type { ApiClient } from "./api_client.ts";
import { cursorText } from "./cursor_value.ts";
import type { Values } from "./fill_in.ts";
import { parentsOf } from "../../../contract/pipeline/parents.ts";
import { ArrivingRecords } from "./page/arriving_records.ts";
import { PageReader } from "./page/page_reader.ts";
import { RecordFile } from "./page/record_file.ts";
import { readChildren } from "./read_children.ts";
import { readPages } from "./read_pages.ts";
import { Requests } from "./requests.ts";
import { Tally } from "./tally.ts";

export interface RestPlace {
  readonly baseUrl: URL;
  /** Absolute; DuckDB may read it. */
  readonly scratchDir: string;
  readonly log: (level: "debug" | "info" | "warn", message: string) => void;
}

type Request = StreamRequest<EndpointStream>;

/** Of a check: enough to tell the columns by. */
const SAMPLE_PAGES = 1;
/** How often a long reading says how far it is. */
const TELL_EVERY = 100;

/**
 * The stream's records as a file that DuckDB reads: every key and the type of every value is known before the first row is
 * stored. Throws what the requests throw, and `invalid` with the page for one that cannot be understood.
 */
export async function scanEndpoint(
  place: RestPlace,
  client: ApiClient,
  request: Request,
  signal: AbortSignal,
): Promise<Scan> {
  const { name, address: { endpoint, options }, isSample } = request;
  const { baseUrl, scratchDir } = place;
  const [parent] = parentsOf({ endpoint });
  // A check has no rows of other streams.
  if (parent !== undefined && request.parentRows === undefined) return UNKNOWN;
  await using stack = new AsyncDisposableStack();
  const scratch = stack.use(new Scratch(scratchDir));
  const shown = `GET ${baseUrl.origin}${baseUrl.pathname}${endpoint.path.replace(/^\/+/, "")}`;
  const diskFile = async (path: string) => new DiskFile(path, shown, await Deno.stat(path));
  const survey = recordSurvey(request);
  const arriving = survey !== undefined && mayArrive(request)
    ? new ArrivingRecords(survey, request)
    : undefined;
  const onPart = arriving && (async (path: string) => arriving.add(await diskFile(path)));
  const file = await RecordFile.create(scratch, `${name}.ndjson`, survey, onPart);
  const tables = new TableFiles(scratch, options);
  const reader = new PageReader(endpoint, { records: file, tables });
  const tally = new Tally((traffic) => request.onTraffic?.(traffic, reader.records));
  let pages = 0;
  const read = async (during: AbortSignal) => {
    const send: ApiClient["send"] = (asked, accepted, gone) => client.send(asked, accepted, gone, tally);
    const reading = {
      client: { send },
      endpoint,
      reader,
      onPage: () => tally.add({ pages: 1 }),
      ...(isSample === true ? { maxPages: SAMPLE_PAGES } : {}),
    };
    const values = valuesOf(request);
    const tell = (count: number, what: string) => {
      if (count % TELL_EVERY === 0) place.log("info", `${name}: ${count} ${what}, ${reader.records} records`);
    };
    pages = parent === undefined || request.parentRows === undefined
      ? await readPages(
        {
          ...reading,
          requests: new Requests(baseUrl, endpoint, values),
          onPage: (count) => {
            reading.onPage();
            tell(count, "pages");
          },
        },
        during,
      )
      : await readChildren({
        ...reading,
        baseUrl,
        values,
        parent: parent.stream,
        rows: await request.parentRows(parent.columns, endpoint.include_from_parent),
        onParent: (count) => tell(count, `rows of ${parent.stream}`),
      }, during);
    await file.finish();
    await tables.finish();
  };
  const close = async () => {
    await file[Symbol.asyncDispose]();
    await tables[Symbol.asyncDispose]();
  };
  const summary = () =>
    `${formatPlural(reader.records, "record")} on ${formatPlural(pages, "page")}, ${
      trafficText({ ...tally.traffic, pages: 0 })
    }`;
  if (arriving === undefined) await read(signal).finally(close);
  else {
    const stop = new AbortController();
    const reading = read(AbortSignal.any([signal, stop.signal])).finally(close)
      .then(async () => await diskFile(file.lastPath));
    // Whoever reads the rows hears of it.
    reading.catch(() => {});
    const relation = await arriving.beginning(reading);
    if (relation !== undefined) {
      const kept = stack.move();
      return {
        relation,
        files: [],
        get sizeBytes() {
          return file.sizeBytes;
        },
        verify: () => Promise.resolve(),
        explain: (error) => arriving.explain(error),
        async *arriving() {
          try {
            yield* arriving.rows(reading);
            place.log("info", `${name}: ${summary()}`);
          } finally {
            stop.abort();
            await reading.catch(() => {});
            await kept.disposeAsync();
          }
        },
      };
    }
    await reading;
  }
  const scan = reader.isTable
    ? await tables.scan(await Promise.all(tables.paths.map(diskFile)), request, scratchDir, signal)
    : await scanRecords(
      await Promise.all(file.paths.map(diskFile)),
      options.columns,
      request,
      scratchDir,
      signal,
      survey,
    );
  const kept = stack.move();
  return {
    ...scan,
    files: [],
    // The file is the process's own.
    verify: () => Promise.resolve(),
    messages: [{ level: "info", message: summary() }],
    prepare: async (during) => {
      const prepared = await scan.prepare?.(during);
      return {
        relation: prepared?.relation ?? scan.relation,
        ...(prepared?.rejects === undefined ? {} : { rejects: prepared.rejects }),
        async [Symbol.asyncDispose]() {
          await prepared?.[Symbol.asyncDispose]();
          await kept.disposeAsync();
        },
      };
    },
  };
}

/** Whether rows may be stored before all pages are read: a fault of the user's own types names a record of all. */
const mayArrive = ({ mayGuess, isSample, address: { options } }: Request): boolean =>
  mayGuess === true && isSample !== true && Object.keys(options.columns).length === 0;

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

/** Nobody can tell the columns yet. */
const UNKNOWN: Scan = {
  relation: "(SELECT NULL AS nothing WHERE false)",
  hasNoColumns: true,
  files: [],
  sizeBytes: 0,
  explain: (error) => Promise.resolve(new AppError("internal", String(error))),
  verify: () => Promise.resolve(),
};
