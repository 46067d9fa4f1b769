import type { Cursor } from "../../contract/connector/source.ts";
import type { StoredFile } from "../locations/location.ts";
import type { JsonSurvey } from "./json/surveyed.ts";
import type { Compression, FileFormat, StreamOptions } from "./options.ts";

/** The files that a stream names, all of one format. */
export interface FileSet {
  readonly root: string;
  /** The folder under which the pattern matches. */
  readonly base: string;
  /** SQL of a file's path, of SQL of its localPath. */
  readonly pathSql: (localPath: string) => string;
  readonly files: readonly StoredFile[];
  readonly format: FileFormat;
  /** In the order of `files`. */
  readonly compressions: readonly Compression[];
  readonly options: StreamOptions;
  /** Partitions are text whatever their values look like. */
  readonly isHiveText?: boolean;
  /** Columns whose values are given as they are written: see StreamRequest. */
  readonly texts?: readonly string[];
  /** Rows that do not fit are set aside, where the format can single them out. */
  readonly setsAside?: boolean;
  /** See StreamRequest. */
  readonly mayGuess?: boolean;
  /** Where an incremental stream goes on from, and of which type that is. */
  readonly cursor?: Cursor;
  /** What JSON files hold, where that is known. */
  readonly survey?: JsonSurvey;
}

/** DuckDB takes every path for a glob; brackets make its special characters plain. */
export function escapeGlob(path: string): string {
  return path.replace(/[*?[]/g, "[$&]");
}
