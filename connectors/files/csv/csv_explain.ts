import { AppError } from "../../../contract/errors.ts";
import { readBytes } from "../compression.ts";
import { CsvSplitter } from "./csv_records.ts";
import { type CsvColumn, type CsvFile, type CsvPlan, faultError, isWidth, widthError } from "./csv_scan.ts";
import { CAST_FAULT } from "../types/exact_cast.ts";
import { driverMessage, isOutside } from "../duckdb_error.ts";
import { fileError } from "../../locations/file_error.ts";

/** Finds the file, line and column behind an error of DuckDB's while it read a CSV plan. */

/** Beyond this a compressed file is not unpacked just for a message. */
const MAX_COMPRESSED_BYTES = 256 * 1024 * 1024;

export async function explainCsv(plan: CsvPlan, error: unknown): Promise<AppError> {
  if (isOutside(error)) return error;
  const message = driverMessage(error);
  const options = { cause: error };
  const file = fileOf(plan, message);
  const line = Number(/CSV Error on Line: (\d+)/.exec(message)?.[1] ?? 0);
  const place = `"${file?.file.shown ?? plan.files[0]?.file.shown}"${line === 0 ? "" : ` line ${line}`}`;
  if (/Invalid unicode|byte sequence mismatch|not utf-8/i.test(message)) {
    return new AppError(
      "invalid",
      `Cannot read ${place}: it is not ${plan.options.encoding.toUpperCase()}; ` +
        `set options.encoding: latin-1, or save the file as UTF-8`,
      options,
    );
  }
  const longest = /Maximum line size of (\d+) bytes exceeded/i.exec(message);
  if (longest !== null) {
    return new AppError(
      "invalid",
      `Cannot read ${place}: the line is longer than ${longest[1]} bytes; set options.max_line_bytes, ` +
        "or look for a quote that is never closed",
      options,
    );
  }
  const isStructure = /CSV Error|state machine|Expected Number of Columns|unterminated quote/i.test(message);
  if (isStructure) {
    const found = await findFault(plan, file === undefined ? plan.files : [file], undefined);
    if (found !== undefined) return new AppError(found.code, found.message, options);
    const what = message.includes("state machine")
      ? "its lines end in different ways (CRLF and LF), or its quotes do not follow RFC 4180; save it with one kind"
      : firstSentence(message);
    return new AppError("invalid", `Cannot read ${place}: ${what}`, options);
  }
  const value = castValue(message);
  if (value !== undefined) {
    const found = await findFault(plan, plan.files, value);
    if (found !== undefined) return new AppError(found.code, found.message, options);
    return new AppError(
      "invalid",
      `Cannot read ${place}: "${value}" does not fit its column's type`,
      options,
    );
  }
  if (error instanceof AppError && error.code === "invalid") {
    return new AppError("invalid", `Cannot read ${place}: ${firstSentence(message)}`, options);
  }
  return error instanceof AppError ? error : fileError("read", plan.files[0]?.file.shown ?? "", error);
}

function fileOf(plan: CsvPlan, message: string): CsvFile | undefined {
  const path = /\bfile = (.*?)\s+delimiter = /.exec(message)?.[1];
  if (plan.files.length === 1) return plan.files[0];
  return plan.files.find(({ file }) => file.localPath === path);
}

/** The value in a message of a cast, ours or DuckDB's; undefined where it is of something else. */
function castValue(message: string): string | undefined {
  const ours = new RegExp(`${CAST_FAULT}:\\d+:([^]*?)(?:\\n\\nLINE |$)`).exec(message);
  if (ours?.[1] !== undefined) return ours[1];
  if (!/could not|out of range|invalid|expected format|conversion|malformed json/i.test(message)) {
    return undefined;
  }
  if (/catalog error|binder error|parser error/i.test(message)) return undefined;
  const quoted =
    /(?:convert string|Could not parse string|field value out of range:|field format:|Failed to cast value:.*?|value out of range:|Malformed JSON at .*?input:) *(?:"([^]*?)"|'([^]*?)')(?: to |,|\s|\.|$)/i
      .exec(message);
  return quoted?.[1] ?? quoted?.[2] ?? /["']([^"']*)["']/.exec(message)?.[1];
}

function firstSentence(message: string): string {
  return message.replace(/^.*?Error: /, "").split("\n").filter((line) => line.trim() !== "").slice(0, 3).join(
    " ",
  );
}

/** The first record that cannot be split, has a wrong count of values, or holds `value` where it does not fit. */
async function findFault(
  plan: CsvPlan,
  files: readonly CsvFile[],
  value: string | undefined,
): Promise<AppError | undefined> {
  for (const source of files) {
    const found = await faultOfFile(plan, source, value);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function faultOfFile(
  plan: CsvPlan,
  source: CsvFile,
  value: string | undefined,
): Promise<AppError | undefined> {
  const { dialect, options } = plan;
  const { shown } = source.file;
  const names = plan.groups.find((group) => group.files.includes(source))?.names ?? [];
  const columns = names.map((name) => plan.columns.get(name));
  const splitter = new CsvSplitter(dialect, 1 + options.skip_rows);
  let isHeader = options.header;
  for await (const [text, isLast] of readText(source, plan)) {
    for (const record of splitter.push(text, isLast)) {
      if (record.kind === "fault") return faultError(shown, record);
      if (isHeader) {
        isHeader = false;
        continue;
      }
      if (record.isBlank && names.length > 1) continue;
      if (!isWidth(record, names.length)) return widthError(shown, record, names.length);
      if (value === undefined) continue;
      const index = record.values.findIndex((v, i) => v === value && columns[i]?.type !== "VARCHAR");
      const column = columns[index];
      if (column !== undefined) return valueError(shown, record.line, column, value);
    }
  }
  return undefined;
}

function valueError(shown: string, line: number, column: CsvColumn, value: string): AppError {
  const text = value.length > 200 ? `${value.slice(0, 200)}…` : value;
  const key = /^[A-Za-z_][A-Za-z0-9_]*$/.test(column.name) ? column.name : JSON.stringify(column.name);
  return new AppError(
    "invalid",
    `Cannot read "${shown}" line ${line}: column "${column.name}" is "${text}", expected ${column.type}` +
      `${
        column.isGiven ? "" : " as in the rows before"
      }; correct the file, or set options.columns: {${key}: VARCHAR}`,
  );
}

/** The file's text after the lines to skip, in pieces; nothing of a compressed file that is too large. */
async function* readText(source: CsvFile, plan: CsvPlan): AsyncIterable<[string, boolean]> {
  const { file, compression } = source;
  if (compression !== "none" && file.sizeBytes > MAX_COMPRESSED_BYTES) return;
  const encoding = plan.options.encoding === "utf-16"
    ? "utf-16le"
    : plan.options.encoding === "latin-1"
    ? "iso-8859-1"
    : "utf-8";
  const decoder = new TextDecoder(encoding, { ignoreBOM: true });
  let skip = plan.options.skip_rows;
  for await (const bytes of readBytes(file, compression)) {
    let text = decoder.decode(bytes, { stream: true });
    while (skip > 0) {
      const end = text.indexOf("\n");
      text = end === -1 ? "" : text.slice(end + 1);
      if (end === -1) break;
      skip--;
    }
    yield [text, false];
  }
  yield [decoder.decode(), true];
}
