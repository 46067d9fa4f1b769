import { basename } from "node:path";
import type { Field, Schema } from "apache-arrow";
import { EXTENSION_NAME_KEY, OPAQUE_EXTENSION } from "../../../contract/arrow.ts";
import type { CopyOptions, LoadInput } from "../../../contract/connector.ts";
import type { Publication } from "../../locations/location.ts";
import { writeArrow } from "../arrow/arrow_write.ts";
import { copyError } from "../duckdb_error.ts";
import type { FileFormat, LoadOptions } from "../options.ts";
import { endingOf, type FileTargetPlan } from "./target_plan.ts";

/**
 * Writes a load's rows, for a merge with those of `existing` that they do not replace, to the publication's
 * stage. `token` names the files in a folder. Returns the count of rows that were written.
 */
export async function writeRows(
  plan: FileTargetPlan,
  publication: Publication,
  token: string,
  input: LoadInput,
  existing: CopyOptions["existing"],
  signal: AbortSignal,
): Promise<number> {
  const { target, format, compression, options } = plan;
  const name = target.kind === "file" ? basename(target.path) : `part-${token}.${endingOf(plan)}`;
  try {
    if (format === "arrow") {
      await using file = await publication.stage(name);
      const isStream = /\.arrows(?:\.|$)/.test(name);
      const rows = await writeArrow(file, input.schema, input.batches(), { isStream, compression }, signal);
      await file.commit();
      return rows;
    }
    const partitionBy = options.partition_by;
    const path = partitionBy === undefined ? `${publication.stagePath}/${name}` : publication.stagePath;
    return await input.copyTo(path, {
      format: format === "parquet" ? "parquet" : format === "json" || format === "ndjson" ? "json" : "csv",
      options: {
        ...formatOptions(format, options),
        ...(compression === "none" ? {} : { compression }),
        ...(partitionBy === undefined ? {} : {
          filename_pattern: `part-${token}_{i}`,
          file_extension: endingOf(plan),
        }),
      },
      ...(format === "parquet" ? { casts: hugeintCasts(input.schema) } : {}),
      ...(partitionBy === undefined ? {} : { partitionBy }),
      ...(plan.mode === "merge" ? { merge: { action: plan.action, primaryKey: plan.primaryKey } } : {}),
      ...(existing === undefined ? {} : { existing }),
    });
  } catch (error) {
    signal.throwIfAborted();
    throw copyError(target.shown, error);
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
