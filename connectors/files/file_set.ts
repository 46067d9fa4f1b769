import { quoteLiteral } from "../../contract/sql.ts";
import { escapeGlob, type FoundFile } from "../locations/disk/paths.ts";
import type { Compression, FileFormat, StreamOptions } from "./options.ts";

/** The files that a stream names, all of one format. */
export interface FileSet {
  readonly root: string;
  /** The folder under which the pattern matches. */
  readonly base: string;
  readonly files: readonly FoundFile[];
  readonly format: FileFormat;
  /** In the order of `files`. */
  readonly compressions: readonly Compression[];
  readonly options: StreamOptions;
  /** Partitions are text whatever their values look like. */
  readonly isHiveText?: boolean;
}

/** A list of DuckDB's, of the files' paths. */
export function fileList(set: FileSet): string {
  return `[${set.files.map(({ path }) => quoteLiteral(escapeGlob(path))).join(", ")}]`;
}
