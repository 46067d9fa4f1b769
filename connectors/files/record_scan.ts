import * as v from "valibot";
import type { Scan, StreamRequest } from "../../contract/connector/source.ts";
import type { StoredFile } from "../locations/location.ts";
import { type StreamOptions, streamOptionsSchema } from "./options.ts";
import { scanFiles } from "./read/scan.ts";

/**
 * Records that a connector has written to a file of the local disk, as JSON, a line each, with what is asked for of them;
 * `columns` are types of the user's, by name. What it needs on the way is made in `scratchDir`.
 */
export async function scanRecords(
  file: StoredFile,
  columns: StreamOptions["columns"],
  { texts, cursor, setsAside }: Pick<StreamRequest, "texts" | "cursor" | "setsAside">,
  scratchDir: string,
  signal: AbortSignal,
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
    },
    scratchDir,
    signal,
  );
}
