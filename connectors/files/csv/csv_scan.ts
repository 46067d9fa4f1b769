import { nameKey } from "../../../contract/sql.ts";
import { AppError } from "../../../contract/errors.ts";
import { readBytes } from "../compression.ts";
import { type CsvDialect, type CsvFault, type CsvRecord, CsvSplitter } from "./csv_records.ts";
import { TypeGuess, type ValueFormat } from "../types/type_guess.ts";
import type { StoredFile } from "../../locations/location.ts";
import type { Compression, Encoding, StreamOptions } from "../options.ts";

/** What CSV files hold, from the first rows of each: their columns, and types that every value seen fits. */

/** Of all files together; each file gives at least FILE_SAMPLE_ROWS. */
const SAMPLE_ROWS = 20_480;
const FILE_SAMPLE_ROWS = 256;
const SAMPLE_CHARACTERS = 8 * 1024 * 1024;

export interface CsvFile {
  readonly file: StoredFile;
  readonly compression: Compression;
}

export interface CsvColumn {
  readonly name: string;
  readonly type: string;
  /** The type comes from the user's options. */
  readonly isGiven: boolean;
}

export interface CsvPlan {
  readonly files: readonly CsvFile[];
  readonly dialect: CsvDialect;
  readonly options: StreamOptions;
  readonly format: ValueFormat;
  /** By name, in the order of the first file that has it. */
  readonly columns: ReadonlyMap<string, CsvColumn>;
  /** Files with the same columns in the same order. */
  readonly groups: readonly CsvGroup[];
}

export interface CsvGroup {
  readonly names: readonly string[];
  readonly files: readonly CsvFile[];
}

/**
 * Reads the beginning of each file. `texts` are columns that stay text whatever their values look like.
 * Throws `invalid` for what can be seen there to be wrong.
 */
export async function planCsv(
  files: readonly CsvFile[],
  options: StreamOptions,
  isTabs: boolean,
  signal: AbortSignal,
  texts: readonly string[] = [],
): Promise<CsvPlan> {
  const dialect: CsvDialect = {
    delimiter: options.delimiter ?? (isTabs ? "\t" : ","),
    quote: options.quote,
    escape: options.escape ?? options.quote,
    nulls: new Set(typeof options.null === "string" ? [options.null] : options.null),
    quotedNull: options.quoted_null,
  };
  const format: ValueFormat = {
    decimalSeparator: options.decimal_separator,
    dateFormat: options.date_format,
    timestampFormat: options.timestamp_format,
  };
  const guesses = new Map<string, TypeGuess>();
  const groups = new Map<string, { names: string[]; files: CsvFile[] }>();
  const sampleRows = Math.max(FILE_SAMPLE_ROWS, Math.floor(SAMPLE_ROWS / files.length));
  for (const file of files) {
    const names = await sampleFile(file, { dialect, options, format, sampleRows, guesses, signal });
    const key = JSON.stringify(names);
    const group = groups.get(key) ?? { names, files: [] };
    group.files.push(file);
    groups.set(key, group);
  }
  if (!options.union_by_name && groups.size > 1) throw differingColumns([...groups.values()]);
  return {
    files,
    dialect,
    options,
    format,
    columns: typeColumns(guesses, options, texts),
    groups: [...groups.values()],
  };
}

interface Sample {
  readonly dialect: CsvDialect;
  readonly options: StreamOptions;
  readonly format: ValueFormat;
  readonly sampleRows: number;
  readonly guesses: Map<string, TypeGuess>;
  readonly signal: AbortSignal;
}

/** The file's column names; its first values go into the guesses. */
async function sampleFile(source: CsvFile, sample: Sample): Promise<string[]> {
  const { dialect, options } = sample;
  const { shown } = source.file;
  if (source.file.sizeBytes === 0) {
    throw new AppError(
      "invalid",
      `Cannot read "${shown}": it is empty (0 bytes); expected ${
        options.header ? "a line of column names" : "rows"
      }`,
    );
  }
  let names: string[] | undefined;
  let guesses: TypeGuess[] = [];
  let rows = 0;
  for await (const record of readRecords(source, dialect, options, sample.signal, SAMPLE_CHARACTERS)) {
    if (record.kind === "fault") throw faultError(shown, record);
    if (names === undefined) {
      names = nameColumns(shown, record, dialect, options.header);
      guesses = names.map((name) => {
        const guess = sample.guesses.get(name) ?? new TypeGuess(sample.format);
        sample.guesses.set(name, guess);
        return guess;
      });
      if (options.header) continue;
    }
    if (record.isBlank && names.length > 1) continue;
    if (!isWidth(record, names.length)) throw widthError(shown, record, names.length);
    if (rows >= sample.sampleRows) break;
    rows++;
    record.values.forEach((value, index) => {
      if (value !== null) guesses[index]?.observe(value);
    });
  }
  if (names === undefined) {
    throw new AppError(
      "invalid",
      `Cannot read "${shown}": it has no ${options.header ? "line of column names" : "rows"}`,
    );
  }
  return names;
}

/** Whether the record has as many values as columns; an empty one at the end is let pass, as DuckDB does. */
export function isWidth(record: CsvRecord, width: number): boolean {
  return record.values.length === width ||
    (record.values.length === width + 1 && (record.values.at(-1) ?? "") === "");
}

const TEXT_DECODER: Readonly<Record<Encoding, string>> = {
  "utf-8": "utf-8",
  "latin-1": "iso-8859-1",
  "utf-16": "utf-16le",
};

/** The records of a file from its beginning, header included, up to so many characters. */
async function* readRecords(
  source: CsvFile,
  dialect: CsvDialect,
  options: StreamOptions,
  signal: AbortSignal,
  limit: number,
): AsyncIterable<CsvRecord | CsvFault> {
  const decoder = new TextDecoder(TEXT_DECODER[options.encoding], { ignoreBOM: true });
  const splitter = new CsvSplitter(dialect, 1 + options.skip_rows);
  let skip = options.skip_rows;
  let characters = 0;
  let isFirst = true;
  for await (const bytes of readBytes(source.file, source.compression, signal)) {
    if (isFirst) checkByteOrderMark(source.file.shown, bytes, options.encoding);
    isFirst = false;
    let text = decoder.decode(bytes, { stream: true });
    characters += text.length;
    [text, skip] = skipLines(text, skip);
    yield* splitter.push(text, false);
    if (characters >= limit) return;
  }
  yield* splitter.push(decoder.decode(), true);
}

function skipLines(text: string, count: number): [string, number] {
  let position = 0;
  while (count > 0) {
    const end = text.indexOf("\n", position);
    if (end === -1) return ["", count];
    position = end + 1;
    count--;
  }
  return [text.slice(position), 0];
}

function checkByteOrderMark(shown: string, bytes: Uint8Array, encoding: Encoding): void {
  const [first, second] = bytes;
  if (first === 0xfe && second === 0xff) {
    throw new AppError(
      "invalid",
      `Cannot read "${shown}": it is UTF-16 with the high byte first; save it as UTF-8`,
    );
  }
  if (first === 0xff && second === 0xfe && encoding !== "utf-16") {
    throw new AppError("invalid", `Cannot read "${shown}": it is UTF-16; set options.encoding: utf-16`);
  }
}

function nameColumns(shown: string, record: CsvRecord, dialect: CsvDialect, isHeader: boolean): string[] {
  if (!isHeader) return record.values.map((_, index) => `column${index}`);
  const names = record.values.map((value, index) => {
    const name = value?.trim() ?? "";
    return name === "" ? `column${index}` : name;
  });
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(nameKey(name))) {
      throw new AppError(
        "invalid",
        `Cannot read "${shown}" line ${record.line}: the column "${name}" is there twice; rename one of them`,
      );
    }
    seen.add(nameKey(name));
  }
  const [only] = names;
  const other = names.length === 1 ? [";", "\t", "|", ","].find((mark) => only?.includes(mark)) : undefined;
  if (other !== undefined && other !== dialect.delimiter) {
    throw new AppError(
      "invalid",
      `Cannot read "${shown}" line ${record.line}: it has no "${dialect.delimiter}" but ${
        JSON.stringify(other)
      }; ` +
        `set options.delimiter: ${JSON.stringify(other)}`,
    );
  }
  return names;
}

function typeColumns(
  guesses: ReadonlyMap<string, TypeGuess>,
  options: StreamOptions,
  texts: readonly string[],
): Map<string, CsvColumn> {
  const isText = new Set(texts.map((name) => nameKey(name)));
  const unused = new Map(
    Object.entries(options.columns).map(([name, type]) => [nameKey(name), { name, type }]),
  );
  const columns = new Map<string, CsvColumn>();
  for (const [name, guess] of guesses) {
    const given = unused.get(nameKey(name));
    unused.delete(nameKey(name));
    const type = given?.type ?? (options.all_text || isText.has(nameKey(name)) ? "VARCHAR" : guess.type);
    columns.set(name, { name, type, isGiven: given !== undefined });
  }
  const [left] = unused.values();
  if (left !== undefined) {
    throw new AppError(
      "invalid",
      `Cannot use options.columns: there is no column "${left.name}"; the columns are ${
        [...guesses.keys()].join(", ")
      }`,
    );
  }
  return columns;
}

export function faultError(shown: string, fault: CsvFault): AppError {
  return new AppError(
    "invalid",
    fault.reason === "unterminated_quote"
      ? `Cannot read "${shown}" line ${fault.line}: a quoted value has no closing quote`
      : `Cannot read "${shown}" line ${fault.line}: there is text after a closing quote; double a quote that is part of a value`,
  );
}

export function widthError(shown: string, record: CsvRecord, width: number): AppError {
  const count = record.values.length;
  return new AppError(
    "invalid",
    `Cannot read "${shown}" line ${record.line}: it has ${count} ${count === 1 ? "value" : "values"}, ` +
      `expected ${width}; correct the line, or set options.delimiter or options.quote`,
  );
}

function differingColumns(groups: readonly CsvGroup[]): AppError {
  const [first, second] = groups;
  const show = (group: CsvGroup | undefined) =>
    `"${group?.files[0]?.file.shown}" has ${group?.names.join(", ")}`;
  return new AppError(
    "invalid",
    `Cannot read files with different columns: ${show(first)}; ${
      show(second)
    }; set options.union_by_name: true`,
  );
}
