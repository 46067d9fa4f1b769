import { readFileSync } from "node:fs";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { AppError } from "../../../contract/errors.ts";
import { quoteLiteral } from "../../../contract/sql.ts";
import { readBytes } from "../compression.ts";
import { driverMessage, isOutside } from "../duckdb_error.ts";
import { fileError } from "../../locations/disk/file_error.ts";
import { fileList, type FileSet } from "../file_set.ts";

/**
 * JSON and NDJSON by DuckDB's reader. Every row is looked at for the columns and types: a key that
 * a sample has not shown would be left out without a word.
 */
export function jsonRelation(set: FileSet, readerOptions: readonly string[]): string {
  return `read_json(${
    [
      fileList(set),
      "auto_detect = true",
      `format = ${quoteLiteral(set.format === "ndjson" ? "newline_delimited" : "auto")}`,
      "sample_size = -1",
      "maximum_object_size = 268435456",
      "ignore_errors = false",
      "field_appearance_threshold = 0",
      "map_inference_threshold = 2000",
      `union_by_name = ${set.options.union_by_name}`,
      ...compressionOption(set),
      ...readerOptions,
    ].join(", ")
  })`;
}

function compressionOption(set: FileSet): string[] {
  const [compression = "none"] = set.compressions;
  return compression === "none" ? [] : [`compression = ${quoteLiteral(compression)}`];
}

/** Throws `invalid` for an empty file and for a byte order mark, which DuckDB takes for data. */
export async function checkJson(set: FileSet): Promise<void> {
  for (const [index, file] of set.files.entries()) {
    if (file.sizeBytes === 0) {
      throw new AppError("invalid", `Cannot read "${file.shown}": it is empty (0 bytes); expected JSON`);
    }
    for await (const [first, second] of readBytes(file, set.compressions[index] ?? "none")) {
      const isMark = (first === 0xef && second === 0xbb) || (first === 0xff && second === 0xfe) ||
        (first === 0xfe && second === 0xff);
      if (isMark) {
        throw new AppError(
          "invalid",
          `Cannot read "${file.shown}": it begins with a byte order mark; save it as UTF-8 without one`,
        );
      }
      break;
    }
  }
}

/** DuckDB's error as one with file and line. */
export function explainJson(set: FileSet, error: unknown): AppError {
  if (isOutside(error)) return error;
  const message = driverMessage(error);
  const options = { cause: error };
  const index = set.files.findIndex(({ path }) => message.includes(`"${path}"`));
  const file = set.files[Math.max(index, 0)];
  const told = /in (?:line|record\/value) (\d+)/.exec(message)?.[1];
  const reason = /(?:in (?:line|record\/value) \d+): ([^]*?)(?:\.?\s*\n|\nTry |$)/.exec(message)?.[1] ??
    message.replace(/^.*?Error: /, "").split("\n")[0];
  if (told !== undefined && file !== undefined) {
    const unit = message.includes("record/value") ? "value" : "line";
    const line = unit === "line" ? badLine(set, Math.max(index, 0), Number(told)) : undefined;
    const place = unit === "line" ? `line ${line ?? told}` : `near value ${told}`;
    const advice = /UTF-8/i.test(reason ?? "") ? "; save the file as UTF-8" : "";
    return new AppError("invalid", `Cannot read "${file.shown}" ${place}: ${reason}${advice}`, options);
  }
  if (/maximum_object_size/i.test(message)) {
    return new AppError("invalid", `Cannot read "${file?.shown}": a value is larger than 256 MiB`, options);
  }
  if (/Invalid Input|JSON|Conversion|Could not convert/i.test(message)) {
    return new AppError("invalid", `Cannot read "${file?.shown}": ${reason}`, options);
  }
  return error instanceof AppError ? error : fileError("read", file?.shown ?? "", error);
}

const MAX_BYTES = 256 * 1024 * 1024;

/** DuckDB counts one line too many in some places: the line before it, where that one is not JSON. */
function badLine(set: FileSet, index: number, told: number): number | undefined {
  const file = set.files[index];
  const compression = set.compressions[index] ?? "none";
  if (file === undefined || file.sizeBytes > MAX_BYTES) return undefined;
  const bytes = readFileSync(file.path);
  const plain = compression === "gzip"
    ? gunzipSync(bytes)
    : compression === "zstd"
    ? zstdDecompressSync(bytes)
    : bytes;
  const lines = new TextDecoder().decode(plain).split("\n");
  const isBad = (line: number) => {
    const text = lines[line - 1]?.trim();
    return text !== undefined && text !== "" && !isJson(text);
  };
  return [told - 1, told].find(isBad);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
