import type { Scan, StreamRequest } from "../../../contract/connector/source.ts";
import { scanFiles } from "../../files/read/scan.ts";
import { streamOptionsSchema } from "../../files/options.ts";
import { DiskFile } from "../../locations/disk/disk_file.ts";
import { Scratch } from "../../locations/scratch.ts";
import * as v from "valibot";
import type { EndpointStream } from "../options.ts";
import type { ApiClient } from "./api_client.ts";
import { cursorText } from "./cursor_value.ts";
import { RecordFinder } from "./page/find_records.ts";
import { RecordFile } from "./page/record_file.ts";
import { readPages, selectorOf } from "./read_pages.ts";
import { Requests } from "./requests.ts";

export interface RestPlace {
  readonly baseUrl: URL;
  /** Absolute; DuckDB may read it. */
  readonly scratchDir: string;
  readonly log: (level: "debug" | "info" | "warn", message: string) => void;
}

/** Of a check: enough to tell the columns by. */
const SAMPLE_PAGES = 1;

/**
 * The stream's records as a file that DuckDB reads: every key and the type of every value is known before the first row is
 * stored. Throws what the requests throw, and `invalid` with the page for one that cannot be understood.
 */
export async function scanEndpoint(
  { baseUrl, scratchDir, log }: RestPlace,
  client: ApiClient,
  { name, address, cursor, until, texts, setsAside, isSample }: StreamRequest<EndpointStream>,
  signal: AbortSignal,
): Promise<Scan> {
  const { endpoint, columns } = address;
  const { incremental } = endpoint;
  const format = incremental?.format ?? "datetime";
  const start = cursor !== undefined
    ? cursorText(cursor, format)
    : incremental?.initial_value === undefined
    ? undefined
    : String(incremental.initial_value);
  const end = until?.isRange === true ? cursorText(until, format) : undefined;
  await using stack = new AsyncDisposableStack();
  const scratch = stack.use(new Scratch(scratchDir));
  const shown = `GET ${baseUrl.origin}${baseUrl.pathname}${endpoint.path.replace(/^\/+/, "")}`;
  const file = await RecordFile.create(scratch, `${name}.ndjson`);
  let pages: number;
  {
    await using open = file;
    pages = await readPages({
      client,
      endpoint,
      requests: new Requests(baseUrl, endpoint, { start, end }),
      finder: new RecordFinder(selectorOf(endpoint)),
      file: open,
      ...(isSample === true ? { maxPages: SAMPLE_PAGES } : {}),
      onPage: (count) => {
        if (count % 100 === 0) log("info", `${name}: ${count} pages, ${open.records} records`);
      },
    }, signal);
    await open.finish();
  }
  const found = new DiskFile(file.path, shown, await Deno.stat(file.path));
  const scan = await scanFiles(
    {
      root: "/",
      base: "/",
      pathSql: (local) => local,
      files: [found],
      format: "ndjson",
      compressions: ["none"],
      options: { ...v.parse(streamOptionsSchema, {}), columns },
      ...(texts === undefined ? {} : { texts }),
      ...(cursor === undefined ? {} : { cursor }),
      ...(setsAside === true ? { setsAside } : {}),
    },
    scratchDir,
    signal,
  );
  const kept = stack.move();
  return {
    ...scan,
    files: [],
    // The file is the process's own.
    verify: () => Promise.resolve(),
    messages: [{
      level: "info",
      message: `${file.records} records on ${pages} ${pages === 1 ? "page" : "pages"}`,
    }],
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
