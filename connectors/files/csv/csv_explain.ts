import { AppError } from "../../../contract/errors.ts";
import { CsvReader } from "./csv_reader.ts";
import { type CsvColumn, type CsvPlan, faultError, fitRecord } from "./csv_scan.ts";
import type { CsvFile } from "./csv_setup.ts";
import { CAST_FAULT } from "../../text_cast/exact_cast.ts";
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
  const longest = /Maximum line size of (\d+) bytes exceeded/i.exec(message);
  if (longest !== null) {
    return new AppError(
      "invalid",
      `Cannot read ${place}: the line is longer than ${longest[1]} bytes; set options.max_line_bytes, ` +
        "or look for a quote that is never closed",
      options,
    );
  }
  const isStructure =
    /CSV Error|state machine|Expected Number of Columns|unterminated quote|Invalid unicode|byte sequence mismatch/i
      .test(message);
  if (isStructure) {
    const found = await findFault(plan, file === undefined ? plan.files : [file], undefined);
    if (found !== undefined) return new AppError(found.code, found.message, options);
    const what = message.includes("state machine")
      ? "its lines end in different ways (CRLF and LF), or its quotes do not follow RFC 4180; " +
        "set options.line_ends: mixed, or save it with one kind"
      : firstSentence(message);
    return new AppError("invalid", `Cannot read ${place}: ${what}`, options);
  }
  const misfit = misfitOf(message);
  if (misfit !== undefined) {
    const found = await findFault(plan, plan.files, misfit);
    if (found !== undefined) return new AppError(found.code, found.message, options);
    return new AppError(
      "invalid",
      `Cannot read ${place}: "${misfit.value}" does not fit its column's type`,
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

/** A value that does not fit, and the place of its column where that is known. */
interface Misfit {
  readonly value: string;
  readonly index: number | undefined;
}

/** What a message of a cast, ours or DuckDB's, is about; undefined where it is of something else. */
function misfitOf(message: string): Misfit | undefined {
  const ours = new RegExp(`${CAST_FAULT}:(\\d+):([^]*?)(?:\\n\\nLINE |$)`).exec(message);
  if (ours?.[2] !== undefined) return { index: Number(ours[1]), value: ours[2] };
  if (!/could not|out of range|invalid|expected format|conversion|malformed json/i.test(message)) {
    return undefined;
  }
  if (/catalog error|binder error|parser error/i.test(message)) return undefined;
  const quoted =
    /(?:convert string|Could not parse string|field value out of range:|field format:|Failed to cast value:.*?|value out of range:|Malformed JSON at .*?input:) *(?:"([^]*?)"|'([^]*?)')(?: to |,|\s|\.|$)/i
      .exec(message);
  const value = quoted?.[1] ?? quoted?.[2] ?? /["']([^"']*)["']/.exec(message)?.[1];
  return value === undefined ? undefined : { value, index: undefined };
}

function firstSentence(message: string): string {
  return message.replace(/^.*?Error: /, "").split("\n").filter((line) => line.trim() !== "").slice(0, 3).join(
    " ",
  );
}

/** The first record that cannot be split, has a wrong count of values, or holds the value where it does not fit. */
async function findFault(
  plan: CsvPlan,
  files: readonly CsvFile[],
  misfit: Misfit | undefined,
): Promise<AppError | undefined> {
  for (const source of files) {
    try {
      const found = await faultOfFile(plan, source, misfit);
      if (found !== undefined) return found;
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
  }
  return undefined;
}

async function faultOfFile(
  plan: CsvPlan,
  source: CsvFile,
  misfit: Misfit | undefined,
): Promise<AppError | undefined> {
  const { setup } = plan;
  const { shown, sizeBytes } = source.file;
  if (source.compression !== "none" && sizeBytes > MAX_COMPRESSED_BYTES) return undefined;
  const names = plan.groups.find((group) => group.files.includes(source))?.names ?? [];
  const columns = names.map((name) => plan.columns.get(name));
  const isFault = (value: string | null, index: number) =>
    value === misfit?.value && (misfit?.index ?? index) === index && columns[index]?.type !== "VARCHAR";
  let isHeader = setup.header;
  for await (const record of new CsvReader(source, setup).records(new AbortController().signal)) {
    if (record.kind === "fault") return faultError(shown, record, plan.options.max_line_bytes);
    if (isHeader) {
      isHeader = false;
      continue;
    }
    const values = fitRecord(shown, record, names.length, setup.padsRows);
    if (values === undefined || misfit === undefined) continue;
    const column = columns[values.findIndex(isFault)];
    if (column !== undefined) return valueError(shown, record.line, column, misfit.value);
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
