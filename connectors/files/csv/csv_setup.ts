import { encodingOf } from "../text/encoding.ts";
import type { Compression, StreamOptions } from "../options.ts";
import type { StoredFile } from "../../locations/location.ts";
import type { CsvDialect } from "./csv_records.ts";

export interface CsvFile {
  readonly file: StoredFile;
  readonly compression: Compression;
  /** It is compressed in a way that DuckDB cannot read. */
  readonly isOdd: boolean;
}

/** How the CSV files of a stream are written. */
export interface CsvSetup {
  readonly dialect: CsvDialect;
  readonly header: boolean;
  /** Lines before the column names, and records behind the last row. */
  readonly skipRows: number;
  readonly skipFooter: number;
  readonly encoding: string;
  readonly replacesInvalid: boolean;
  /** Rows with fewer values than columns end with NULLs. */
  readonly padsRows: boolean;
  /** The delimiter was not given, so that a first line as `sep=;` may say it. */
  readonly mayNameDelimiter: boolean;
}

export function csvSetup(options: StreamOptions, isTabs: boolean): CsvSetup {
  return {
    dialect: {
      delimiter: options.delimiter ?? (isTabs ? "\t" : ","),
      quote: options.quote,
      escape: options.escape ?? options.quote,
      nulls: new Set(typeof options.null === "string" ? [options.null] : options.null),
      quotedNull: options.quoted_null,
      comment: options.comment,
      skipsBlanks: options.skip_initial_space,
      hasMixedLineEnds: options.line_ends === "mixed",
      maxCharacters: options.max_line_bytes,
    },
    header: options.header,
    skipRows: options.skip_rows,
    skipFooter: options.skip_footer,
    encoding: encodingOf(options.encoding) ?? "utf-8",
    replacesInvalid: options.encoding_errors === "replace",
    padsRows: options.null_padding,
    mayNameDelimiter: options.delimiter === undefined,
  };
}

/** Whether DuckDB's reader takes the files as this setup says, given that their heads are plain. */
export function isDuckdbSetup({ dialect, encoding, ...setup }: CsvSetup): boolean {
  return encoding === "utf-8" && !setup.replacesInvalid && setup.skipFooter === 0 && !setup.padsRows &&
    // DuckDB drops an escape before other characters.
    dialect.escape === dialect.quote && dialect.comment === undefined && !dialect.skipsBlanks &&
    !dialect.hasMixedLineEnds;
}
