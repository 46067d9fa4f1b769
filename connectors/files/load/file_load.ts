import type { Field, Schema } from "apache-arrow";
import { EXTENSION_NAME_KEY, OPAQUE_EXTENSION } from "../../../contract/arrow.ts";
import type { ConnectorContext, CopyOptions } from "../../../contract/connector.ts";
import type { WholeRequest } from "../../destination/whole_load.ts";
import { writeArrow } from "../arrow/arrow_write.ts";
import { copyError } from "../duckdb_error.ts";
import type { Compression, FileFormat, FileTarget, LoadOptions } from "../options.ts";

/** One load as the connector sees it, and how its rows get into files. */

export interface Target {
  readonly kind: "file" | "folder";
  readonly root: string;
  /** Absolute. */
  readonly path: string;
  readonly shown: string;
  readonly workPath: string;
}

export interface FileLoad {
  readonly target: Target;
  readonly request: WholeRequest<FileTarget>;
  readonly options: LoadOptions;
  readonly format: FileFormat;
  readonly compression: Compression;
  readonly context: ConnectorContext;
  readonly signal: AbortSignal;
}

/** The ending of files in a folder, with the compression's. */
export function endingOf(format: FileFormat, compression: Compression): string {
  if (format === "parquet") return format;
  return `${format}${{ none: "", gzip: ".gz", zstd: ".zst" }[compression]}`;
}

/** Writes the load's rows, with those of `existing` that they do not replace, to a path that does not exist. */
export async function writeRows(
  load: FileLoad,
  path: string,
  more: Pick<CopyOptions, "existing" | "partitionBy"> & { readonly filenamePattern?: string },
): Promise<void> {
  const { format, compression, options, request, signal } = load;
  try {
    if (format === "arrow") {
      const isStream = /\.arrows(?:\.|$)/.test(path);
      await writeArrow(
        path,
        request.input.schema,
        request.input.batches(),
        { isStream, compression },
        signal,
      );
      return;
    }
    await request.input.copyTo(path, {
      format: format === "parquet" ? "parquet" : format === "json" || format === "ndjson" ? "json" : "csv",
      options: {
        ...formatOptions(format, options),
        ...(compression === "none" ? {} : { compression }),
        ...(more.filenamePattern === undefined
          ? {}
          : { filename_pattern: more.filenamePattern, file_extension: endingOf(format, compression) }),
      },
      ...(format === "parquet" ? { casts: hugeintCasts(request.input.schema) } : {}),
      ...(more.partitionBy === undefined ? {} : { partitionBy: more.partitionBy }),
      ...(more.existing === undefined ? {} : { existing: more.existing }),
    });
  } catch (error) {
    signal.throwIfAborted();
    throw copyError(load.target.shown, error);
  }
}

/** Parquet has no integers of 128 bits, and DuckDB would write them as doubles. */
function hugeintCasts(schema: Schema): Record<string, string> {
  const isHugeint = (field: Field) => field.metadata.get(EXTENSION_NAME_KEY) === OPAQUE_EXTENSION;
  return Object.fromEntries(schema.fields.filter(isHugeint).map(({ name }) => [name, "DECIMAL(38,0)"]));
}

function formatOptions(format: FileFormat, options: LoadOptions): Record<string, string | boolean> {
  switch (format) {
    case "csv":
    case "tsv":
      return { header: options.header, delimiter: options.delimiter ?? (format === "tsv" ? "\t" : ",") };
    case "json":
      return { array: true };
    default:
      return {};
  }
}
