import * as v from "valibot";
import type { Scan, StreamRequest } from "../../contract/connector/source.ts";
import type { StoredFile } from "../locations/location.ts";
import { JsonFault } from "./json/json_scanner.ts";
import { RecordSurvey } from "./json/record_survey.ts";
import { type StreamOptions, streamOptionsSchema } from "./options.ts";
import { scanFiles } from "./read/scan.ts";

export { JsonFault, type RecordSurvey };

/**
 * Records that a connector has written to a file of the local disk, as JSON, a line each, with what is asked for of them;
 * `columns` are types of the user's, by name. What it needs on the way is made in `scratchDir`. `survey` has been told of all
 * of them; without it they are read for one.
 */
export async function scanRecords(
  file: StoredFile,
  columns: StreamOptions["columns"],
  { texts, cursor, setsAside }: Pick<StreamRequest, "texts" | "cursor" | "setsAside">,
  scratchDir: string,
  signal: AbortSignal,
  survey?: RecordSurvey,
): Promise<Scan> {
  return await scanFiles(
    {
      root: "/",
      base: "/",
      pathSql: (local) => local,
      files: [file],
      format: "ndjson",
      compressions: ["none"],
      options: { ...v.parse(streamOptionsSchema, {}), columns },
      ...(texts === undefined ? {} : { texts }),
      ...(cursor === undefined ? {} : { cursor }),
      ...(setsAside === true ? { setsAside } : {}),
      ...(survey === undefined ? {} : { survey: survey.of(file) }),
    },
    scratchDir,
    signal,
  );
}

/** Takes the survey of records as they are written; undefined where records that do not fit are to be set aside, which it has no way to do. */
export const recordSurvey = ({ setsAside }: Pick<StreamRequest, "setsAside">): RecordSurvey | undefined =>
  setsAside === true ? undefined : new RecordSurvey();
