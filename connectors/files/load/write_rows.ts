import { basename } from "node:path";
import type { Schema } from "apache-arrow";
import type { Copied, CopyOptions, LoadInput } from "../../../contract/connector/destination.ts";
import type { Publication } from "../../locations/location.ts";
import { writeArrow } from "../arrow/arrow_write.ts";
import { compressed } from "../compression.ts";
import { copyError } from "../duckdb_error.ts";
import type { FileFormat, LoadOptions } from "../options.ts";
import { csvCopy } from "./csv_format.ts";
import { endingOf, type FileTargetPlan } from "./target_plan.ts";

/**
 * Writes a load's rows, for a merge with those of `existing` that they do not replace, to the publication's
 * stage. `token` names the files in a folder. Returns what was written.
 */
export async function writeRows(
  plan: FileTargetPlan,
  publication: Publication,
  token: string,
  input: LoadInput,
  { existing, scratchDir }: { readonly existing: CopyOptions["existing"]; readonly scratchDir: string },
  signal: AbortSignal,
): Promise<Copied> {
  const { target, format, compression, options } = plan;
  const name = target.kind === "file" ? basename(target.path) : `part-${token}.${endingOf(plan)}`;
  try {
    if (format === "arrow") {
      await using file = await publication.stage(name);
      const isStream = /\.arrows(?:\.|$)/.test(name);
      const rows = await writeArrow(file, input.schema, input.batches(), { isStream, compression }, signal);
      await file.commit();
      return { rows, deleted: 0 };
    }
    if (format === "xlsx") {
      const { writeWorkbook } = await import("./write_xlsx.ts");
      return { rows: await writeWorkbook(plan, publication, name, scratchDir, input, signal), deleted: 0 };
    }
    const partitionBy = options.partition_by;
    const path = partitionBy === undefined ? `${publication.stagePath}/${name}` : publication.stagePath;
    const copy = formatCopy(input.schema, format, options);
    const copied = await input.copyTo(path, {
      ...copy,
      format: format === "parquet" ? "parquet" : format === "json" || format === "ndjson" ? "json" : "csv",
      options: {
        ...copy.options,
        ...(compression === "none" ? {} : { compression }),
        ...(partitionBy === undefined ? {} : {
          filename_pattern: `part-${token}_{i}`,
          file_extension: endingOf(plan),
        }),
      },
      ...(partitionBy === undefined ? {} : { partitionBy }),
      ...(plan.mode !== "append" && plan.primaryKey.length > 0
        ? {
          merge: {
            action: plan.action,
            primaryKey: plan.primaryKey,
            deletesMissing: plan.deletesMissing,
          },
        }
        : {}),
      ...(existing === undefined ? {} : { existing }),
    });
    if (options.bom && isCsv(format)) {
      await publication.prefix(await compressed(BYTE_ORDER_MARK, compression));
    }
    return copied;
  } catch (error) {
    signal.throwIfAborted();
    throw copyError(target.shown, error);
  }
}

const BYTE_ORDER_MARK = new TextEncoder().encode("\ufeff");

const isCsv = (format: FileFormat): format is "csv" | "tsv" => format === "csv" || format === "tsv";

function formatCopy(
  schema: Schema,
  format: FileFormat,
  options: LoadOptions,
): Pick<CopyOptions, "options" | "expressions"> {
  if (isCsv(format)) return csvCopy(schema, options, options.delimiter ?? (format === "tsv" ? "\t" : ","));
  return format === "json" ? { options: { array: true } } : {};
}
