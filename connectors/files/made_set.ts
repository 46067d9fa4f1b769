import type { StreamRequest } from "../../contract/connector/source.ts";
import type { StoredFile } from "../locations/location.ts";
import type { FileSet } from "./file_set.ts";
import type { FileFormat, StreamOptions } from "./options.ts";

/** What is asked for of rows that are read by way of files that somebody made for it. */
export type AskedOfRows = Pick<StreamRequest, "texts" | "cursor" | "setsAside">;

/** Plain files of the local disk that a connector made on the way, as a stream's files. */
export function madeSet(
  files: readonly StoredFile[],
  format: FileFormat,
  options: StreamOptions,
  { texts, cursor, setsAside }: AskedOfRows,
): FileSet {
  return {
    root: "/",
    base: "/",
    pathSql: (local) => local,
    files,
    format,
    compressions: files.map(() => "none"),
    options,
    ...(texts === undefined ? {} : { texts }),
    ...(cursor === undefined ? {} : { cursor }),
    ...(setsAside === true ? { setsAside } : {}),
  };
}
