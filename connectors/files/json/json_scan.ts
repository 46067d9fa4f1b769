import { AppError } from "../../../contract/errors.ts";
import { quoteLiteral } from "../../../contract/sql.ts";
import { readBytes } from "../compression.ts";
import { driverMessage, isOutside } from "../duckdb_error.ts";
import { fileError } from "../../locations/file_error.ts";
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
export async function explainJson(set: FileSet, error: unknown): Promise<AppError> {
  if (isOutside(error)) return error;
  const message = driverMessage(error);
  const options = { cause: error };
  const index = set.files.findIndex(({ localPath }) => message.includes(`"${localPath}"`));
  const file = set.files[Math.max(index, 0)];
  const told = /in (?:line|record\/value) (\d+)/.exec(message)?.[1];
  const reason = /(?:in (?:line|record\/value) \d+): ([^]*?)(?:\.?\s*\n|\nTry |$)/.exec(message)?.[1] ??
    message.replace(/^.*?Error: /, "").split("\n")[0];
  if (told !== undefined && file !== undefined) {
    const unit = message.includes("record/value") ? "value" : "line";
    const line = unit === "line" ? await badLine(set, Math.max(index, 0), Number(told)) : undefined;
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
async function badLine(set: FileSet, index: number, told: number): Promise<number | undefined> {
  const file = set.files[index];
  const compression = set.compressions[index] ?? "none";
  if (file === undefined || file.sizeBytes > MAX_BYTES) return undefined;
  const lines = await linesAt(readBytes(file, compression), [told - 1, told]);
  const isBad = (line: number) => {
    const text = lines.get(line)?.trim();
    return text !== undefined && text !== "" && !isJson(text);
  };
  return [told - 1, told].find(isBad);
}

/** The texts of the lines with these numbers, from 1. */
async function linesAt(
  bytes: AsyncIterable<Uint8Array>,
  wanted: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const found = new Map<number, string>();
  const decoder = new TextDecoder();
  let line = 1;
  for await (const chunk of bytes) {
    const pieces = decoder.decode(chunk, { stream: true }).split("\n");
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) line++;
      if (wanted.includes(line)) found.set(line, (found.get(line) ?? "") + piece);
    }
    if (line > Math.max(...wanted)) break;
  }
  return found;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
