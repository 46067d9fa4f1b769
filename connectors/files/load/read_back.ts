import type { ReadBack } from "../../../contract/connector/connector.ts";
import { diskPaths } from "../../locations/file_paths.ts";
import { escapeGlob } from "../file_set.ts";
import { resolveKind } from "../kind.ts";
import type { FileTarget, LoadOptions } from "../options.ts";
import { targetOf } from "./target.ts";
import { endingOf } from "./target_plan.ts";

/**
 * How the files of a target are read back: those of Parquet and Arrow with their types, those of CSV and JSON as the
 * texts that were written.
 */
export function readBack({ path, options }: FileTarget): ReadBack | string {
  const { kind } = targetOf(diskPaths("/"), path);
  const resolved = resolveKind(kind === "file" ? path : `part.${options.format ?? "parquet"}`, options);
  const { format, compression } = resolved;
  if (format === "xlsx") {
    return "a workbook keeps numbers of 15 digits and no types; use a format that keeps them, as parquet";
  }
  // A target is one place, whatever its name would match.
  const literal = escapeGlob(path.replace(/\/+$/, ""));
  const place = kind === "file" ? literal : `${literal}/**/*.${endingOf(resolved)}`;
  if (format === "parquet" || format === "arrow") return { stream: { path: place } };
  if (format === "json" || format === "ndjson") {
    return { stream: { path: place, options: { format, compression } }, texts: { decimalSeparator: "." } };
  }
  return csvReadBack(place, { ...options, format, compression });
}

function csvReadBack(path: string, options: LoadOptions): ReadBack | string {
  if (!options.header) return "a file without a header does not say which column is which";
  if (options.timestamp_format !== undefined) {
    return "what options.timestamp_format writes may be less than the whole moment";
  }
  const dateFormat = options.date_format;
  if (dateFormat !== undefined && !["%Y", "%m", "%d"].every((part) => dateFormat.includes(part))) {
    return "what options.date_format writes is less than the whole date";
  }
  const { format, compression, delimiter } = options;
  const { decimal_separator: decimalSeparator, thousands_separator: thousandsSeparator } = options;
  return {
    stream: {
      path,
      options: {
        format,
        compression,
        all_text: true,
        null: options.null,
        ...(delimiter === undefined ? {} : { delimiter }),
      },
    },
    texts: {
      decimalSeparator,
      ...(thousandsSeparator === undefined ? {} : { thousandsSeparator }),
      ...(dateFormat === undefined ? {} : { dateFormat }),
    },
  };
}
