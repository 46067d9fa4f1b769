import { basename } from "node:path";
import { AppError } from "../../contract/errors.ts";
import { type Compression, FILE_FORMATS, type FileFormat } from "./options.ts";

/** What a file's ending says of its format and compression. */

const FORMAT_OF_ENDING: Readonly<Record<string, FileFormat>> = {
  csv: "csv",
  tsv: "tsv",
  tab: "tsv",
  xlsx: "xlsx",
  xlsm: "xlsx",
  ndjson: "ndjson",
  jsonl: "ndjson",
  json: "json",
  parquet: "parquet",
  pq: "parquet",
  arrow: "arrow",
  arrows: "arrow",
  feather: "arrow",
  ipc: "arrow",
};

const COMPRESSION_OF_ENDING: Readonly<Record<string, Compression>> = {
  gz: "gzip",
  zst: "zstd",
  zstd: "zstd",
};

export interface FileKind {
  /** Undefined where the ending says nothing. */
  readonly format: FileFormat | undefined;
  readonly compression: Compression;
}

/** What the name says: `a.csv.gz` is csv and gzip. */
export function kindOfName(path: string): FileKind {
  const parts = basename(path).toLowerCase().split(".").slice(1);
  const compression = COMPRESSION_OF_ENDING[parts.at(-1) ?? ""];
  if (compression !== undefined) parts.pop();
  return { format: FORMAT_OF_ENDING[parts.at(-1) ?? ""], compression: compression ?? "none" };
}

export function resolveKind(
  path: string,
  options: { readonly format?: FileFormat | undefined; readonly compression: Compression | "auto" },
): { readonly format: FileFormat; readonly compression: Compression } {
  const byName = kindOfName(path);
  const format = options.format ?? byName.format;
  if (format === undefined) {
    throw new AppError(
      "invalid",
      `Cannot tell the format of "${path}" by its ending; set options.format to one of ${
        FILE_FORMATS.join(", ")
      }`,
    );
  }
  return { format, compression: options.compression === "auto" ? byName.compression : options.compression };
}
