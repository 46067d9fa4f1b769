import type { Scan, StreamRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { parentsOf } from "../../../contract/pipeline/parents.ts";
import { prepareWith, recordSurvey } from "../../files/record_scan.ts";
import type { DiskFile } from "../../locations/disk/disk_file.ts";
import { Scratch } from "../../locations/scratch.ts";
import type { EndpointStream } from "../options.ts";
import type { ApiClient } from "./api_client.ts";
import { EndpointReading, type RestPlace } from "./endpoint_reading.ts";
import { ArrivingRecords } from "./page/arriving_records.ts";

type Request = StreamRequest<EndpointStream>;

/**
 * The stream's records as files that DuckDB reads: every key and the type of every value is known before the first row is
 * stored; or, where that may be undone, of all records so far. Throws what the requests throw, and `invalid` with the page for
 * one that cannot be understood.
 */
export async function scanEndpoint(
  place: RestPlace,
  client: ApiClient,
  request: Request,
  signal: AbortSignal,
): Promise<Scan> {
  const [parent] = parentsOf({ endpoint: request.address.endpoint });
  // A check has no rows of other streams.
  if (parent !== undefined && request.parentRows === undefined) return UNKNOWN;
  await using stack = new AsyncDisposableStack();
  const scratch = stack.use(new Scratch(place.scratchDir));
  const survey = recordSurvey(request);
  const arriving = survey !== undefined && mayArrive(request)
    ? new ArrivingRecords(survey, request)
    : undefined;
  const onFile = arriving && ((file: DiskFile) => arriving.add(file));
  const reading = await EndpointReading.begin(place, client, request, { scratch, survey, onFile });
  const unchanged = await reading.unchanged(signal);
  if (unchanged !== undefined) return unchangedScan(request, unchanged);
  if (arriving === undefined) await reading.read(signal);
  else {
    const stop = new AbortController();
    const lastFile = reading.read(AbortSignal.any([signal, stop.signal])).then(() => reading.lastFile());
    // Whoever reads the rows hears of it.
    lastFile.catch(() => {});
    const relation = await arriving.beginning(lastFile);
    if (relation !== undefined) {
      const end = stack.move();
      end.defer(async () => {
        stop.abort();
        await lastFile.catch(() => {});
      });
      return {
        relation,
        ...NO_FILES,
        get sizeBytes() {
          return reading.sizeBytes;
        },
        get validators() {
          return reading.validators;
        },
        explain: (error) => arriving.explain(error),
        async *arriving() {
          await using _end = end;
          yield* arriving.rows(lastFile);
          place.log("info", `${request.name}: ${reading.summary}`);
        },
      };
    }
    await lastFile;
  }
  const scan = await reading.scan(signal);
  return {
    ...scan,
    ...NO_FILES,
    validators: reading.validators,
    messages: [{ level: "info", message: reading.summary }],
    prepare: prepareWith(scan, stack.move()),
  };
}

/** Those that are read are the process's own. */
const NO_FILES = { files: [], verify: () => Promise.resolve() };

/** Whether rows may be stored before all pages are read: a fault of the user's own types names a record of all. */
const mayArrive = ({ mayGuess, isSample, address: { options } }: Request): boolean =>
  mayGuess === true && isSample !== true && Object.keys(options.columns).length === 0;

/** Nobody can tell the columns yet. */
const UNKNOWN: Scan = {
  ...NO_FILES,
  relation: "(SELECT NULL AS nothing WHERE false)",
  hasNoColumns: true,
  sizeBytes: 0,
  explain: (error) => Promise.resolve(new AppError("internal", String(error))),
};

/** All pages are what they were when the rows were read. */
const unchangedScan = ({ validators }: Request, message: string): Scan => ({
  ...UNKNOWN,
  isUnchanged: true,
  validators,
  messages: [{ level: "info", message }],
});
