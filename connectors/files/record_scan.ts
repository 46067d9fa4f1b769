import * as v from "valibot";
import type { PreparedScan, Scan } from "../../contract/connector/source.ts";
import type { StoredFile } from "../locations/location.ts";
import { jsonSoFar, type RelationSoFar } from "./json/json_guess.ts";
import { JsonFault } from "./json/json_scanner.ts";
import { type ReadRecords, RecordSurvey } from "./json/record_survey.ts";
import { type AskedOfRows, madeSet } from "./made_set.ts";
import { type StreamOptions, streamOptionsSchema } from "./options.ts";
import { scanFiles } from "./read/scan.ts";

export type { LineWrap, WrappedRun } from "./json/known_records.ts";
/** Types of columns by name, whatever their values are. */
export type ColumnTypes = StreamOptions["columns"];
export { type AskedOfRows, JsonFault, type ReadRecords, RecordSurvey, type RelationSoFar };

/**
 * Records that a connector has written to files of the local disk, as JSON, a line each, with what is asked for of them;
 * `columns` are types of the user's, by name. What it needs on the way is made in `scratchDir`. `survey` has been told of all
 * of them; without it they are read for one.
 */
export async function scanRecords(
  files: readonly StoredFile[],
  columns: StreamOptions["columns"],
  asked: AskedOfRows,
  scratchDir: string,
  signal: AbortSignal,
  survey?: RecordSurvey,
): Promise<Scan> {
  return await scanFiles(
    {
      ...madeSet(files, "ndjson", { ...v.parse(streamOptionsSchema, {}), columns }, asked),
      ...(survey === undefined ? {} : { survey: survey.of(files) }),
    },
    scratchDir,
    signal,
  );
}

/** The same of Parquet files, whose columns may differ. They are of the types that they have themselves. */
export async function scanTables(
  files: readonly StoredFile[],
  columns: ColumnTypes,
  asked: AskedOfRows,
  scratchDir: string,
  signal: AbortSignal,
): Promise<Scan> {
  const options = { ...v.parse(streamOptionsSchema, {}), union_by_name: true, columns };
  return await scanFiles(madeSet(files, "parquet", options, asked), scratchDir, signal);
}

/**
 * What DuckDB is to read of such files, from the one at `from` on, while more of them are written: by what the survey has been
 * told so far; see scanRecords() for `columns`. Throws `invalid` for keys that cannot be columns.
 */
export function recordsSoFar(
  files: readonly StoredFile[],
  from: number,
  asked: AskedOfRows,
  survey: RecordSurvey,
  columns: ColumnTypes = {},
): RelationSoFar {
  const set = madeSet(files, "ndjson", { ...v.parse(streamOptionsSchema, {}), columns }, asked);
  return jsonSoFar(set, survey.of(files), from);
}

/** `prepare` of a scan whose files go with `made`: they are there until what it gives is disposed of. */
export const prepareWith =
  (scan: Scan, made: AsyncDisposable) => async (signal: AbortSignal): Promise<PreparedScan> => {
    const prepared = await scan.prepare?.(signal);
    return {
      relation: prepared?.relation ?? scan.relation,
      ...(prepared?.rejects === undefined ? {} : { rejects: prepared.rejects }),
      async [Symbol.asyncDispose]() {
        await prepared?.[Symbol.asyncDispose]();
        await made[Symbol.asyncDispose]();
      },
    };
  };

/** Takes the survey of records as they are written; undefined where records that do not fit are to be set aside, which it has no way to do. */
export const recordSurvey = ({ setsAside }: AskedOfRows): RecordSurvey | undefined =>
  setsAside === true ? undefined : new RecordSurvey();
