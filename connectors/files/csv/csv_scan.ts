import { nameKey } from "../../../contract/sql.ts";
import { AppError } from "../../../contract/errors.ts";
import { type CsvDialect, type CsvFault, type CsvRecord } from "./csv_records.ts";
import { type CsvHead, CsvReader } from "./csv_reader.ts";
import { type CsvFile, type CsvSetup, csvSetup, isDuckdbSetup } from "./csv_setup.ts";
import { TypeGuess } from "../types/type_guess.ts";
import type { ValueFormat } from "../../text_cast/value_format.ts";
import type { StreamOptions } from "../options.ts";

/** What CSV files hold, from the first rows of each: their columns, and types that every value seen fits. */

/** Of all files together; each file gives at least FILE_SAMPLE_ROWS. */
const SAMPLE_ROWS = 20_480;
const FILE_SAMPLE_ROWS = 256;
const SAMPLE_CHARACTERS = 8 * 1024 * 1024;

export interface CsvColumn {
  readonly name: string;
  readonly type: string;
  /** The type comes from the user's options. */
  readonly isGiven: boolean;
}

export interface CsvPlan {
  readonly files: readonly CsvFile[];
  readonly setup: CsvSetup;
  readonly options: StreamOptions;
  readonly format: ValueFormat;
  /** By name, in the order of the first file that has it. */
  readonly columns: ReadonlyMap<string, CsvColumn>;
  /** Files with the same columns in the same order, and the same head. */
  readonly groups: readonly CsvGroup[];
}

export interface CsvGroup {
  readonly names: readonly string[];
  readonly head: CsvHead;
  /** DuckDB cannot read the files as they are, but only what copyCsv() makes of them. */
  readonly isCopied: boolean;
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
  setsAside = false,
): Promise<CsvPlan> {
  const plain = csvSetup(options, isTabs);
  const setup = setsAside ? { ...plain, dialect: { ...plain.dialect, goesOn: true } } : plain;
  const format: ValueFormat = {
    decimalSeparator: options.decimal_separator,
    thousandsSeparator: options.thousands_separator,
    dateFormat: options.date_format,
    timestampFormat: options.timestamp_format,
  };
  const guesses = new Map<string, TypeGuess>();
  const groups = new Map<string, CsvGroup & { files: CsvFile[] }>();
  const sampleRows = Math.max(FILE_SAMPLE_ROWS, Math.floor(SAMPLE_ROWS / files.length));
  for (const file of files) {
    const { names, head } = await sampleFile(file, { setup, options, format, sampleRows, guesses, signal });
    const isCopied = setsAside || !head.isPlain || file.isOdd || !isDuckdbSetup(setup);
    const key = JSON.stringify([names, isCopied, isCopied ? null : [head.lines, head.dialect.delimiter]]);
    const group = groups.get(key) ?? { names, head, isCopied, files: [] };
    group.files.push(file);
    groups.set(key, group);
  }
  if (!options.union_by_name) checkSameColumns([...groups.values()]);
  return {
    files,
    setup,
    options,
    format,
    columns: typeColumns(guesses, options, texts),
    groups: [...groups.values()],
  };
}

interface Sample {
  readonly setup: CsvSetup;
  readonly options: StreamOptions;
  readonly format: ValueFormat;
  readonly sampleRows: number;
  readonly guesses: Map<string, TypeGuess>;
  readonly signal: AbortSignal;
}

/** The file's column names, and how it begins; its first values go into the guesses. */
async function sampleFile(source: CsvFile, sample: Sample): Promise<{ names: string[]; head: CsvHead }> {
  const { setup } = sample;
  const { shown } = source.file;
  const nothing = (what: string) => new AppError("invalid", `Cannot read "${shown}": ${what}`);
  if (source.file.sizeBytes === 0) {
    throw nothing(`it is empty (0 bytes); expected ${setup.header ? "a line of column names" : "rows"}`);
  }
  const reader = new CsvReader(source, setup);
  let names: string[] | undefined;
  let guesses: TypeGuess[] = [];
  let rows = 0;
  for await (const record of reader.records(sample.signal, SAMPLE_CHARACTERS)) {
    if (record.kind === "fault") {
      if (record.text !== undefined && names !== undefined) continue;
      throw faultError(shown, record, sample.options.max_line_bytes);
    }
    if (names === undefined) {
      names = nameColumns(shown, record, reader.head.dialect, setup.header);
      guesses = names.map((name) => {
        const guess = sample.guesses.get(name) ?? new TypeGuess(sample.format);
        sample.guesses.set(name, guess);
        return guess;
      });
      if (setup.header) continue;
    }
    if (setup.dialect.goesOn && widthReason(record, names.length, setup.padsRows) !== undefined) continue;
    const values = fitRecord(shown, record, names.length, setup.padsRows);
    if (values === undefined) continue;
    if (rows >= sample.sampleRows) break;
    rows++;
    values.forEach((value, index) => {
      if (value !== null) guesses[index]?.observe(value);
    });
  }
  if (names === undefined) throw nothing(`it has no ${setup.header ? "line of column names" : "rows"}`);
  return { names, head: reader.head };
}

/**
 * The record's values, one a column; undefined for a blank line, which is no row unless there is one column
 * alone. An empty one too many is let pass, as DuckDB does. Throws `invalid` for another count of values.
 */
export function fitRecord(
  shown: string,
  record: CsvRecord,
  width: number,
  padsRows: boolean,
): readonly (string | null)[] | undefined {
  const { values } = record;
  if (record.isBlank && width > 1) return undefined;
  const reason = widthReason(record, width, padsRows);
  if (reason !== undefined) throw widthError(shown, record, width, reason);
  if (values.length >= width) return values.length === width ? values : values.slice(0, width);
  return [...values, ...Array.from({ length: width - values.length }, () => null)];
}

/** Why the record has another count of values than is let pass; undefined where it has not. */
export function widthReason(
  { values: { length }, endsEmpty, isBlank }: CsvRecord,
  width: number,
  padsRows: boolean,
): string | undefined {
  if (length === width || isBlank && width > 1) return undefined;
  if (length === width + 1 && endsEmpty || length < width && padsRows) return undefined;
  return `it has ${length} ${length === 1 ? "value" : "values"}, expected ${width}`;
}

/** The names that the first record gives. Throws `invalid` for one that is there twice. */
export function nameColumns(
  shown: string,
  record: CsvRecord,
  dialect: CsvDialect,
  isHeader: boolean,
): string[] {
  if (!isHeader) return record.values.map((_, index) => `column${index}`);
  const names = record.values.map((value, index) => {
    const name = value?.trim() ?? "";
    return name === "" ? `column${index}` : name;
  });
  const withNul = names.findIndex((name) => name.includes("\0"));
  if (withNul !== -1) {
    throw new AppError(
      "invalid",
      `Cannot read "${shown}" line ${record.line}: the name of column ${withNul + 1} has a NUL character; ` +
        "rename it, or set options.encoding: utf-16le where the file is UTF-16",
    );
  }
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

/** The columns with their types: those given, or what was found. Throws `invalid` for one that is not there. */
export function typeColumns(
  guesses: ReadonlyMap<string, { readonly type: string }>,
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

/** What is wrong with a record that cannot be split. */
export function faultError(shown: string, { line, reason }: CsvFault, maxCharacters: number): AppError {
  return new AppError("invalid", `Cannot read "${shown}" line ${line}: ${faultText(reason, maxCharacters)}`);
}

export function faultText(reason: CsvFault["reason"], maxCharacters: number): string {
  switch (reason) {
    case "unterminated_quote":
      return 'a quoted value has no closing quote; where quotes are plain text set options.quote: ""';
    case "text_after_quote":
      return "there is text after a closing quote; double a quote that is part of a value, set " +
        'options.skip_initial_space: true where it is a blank, or options.quote: "" where quotes are plain text';
    case "mixed_line_ends":
      return "its lines end in different ways (CRLF and LF); set options.line_ends: mixed, or save it with one kind";
    case "line_too_long":
      return `the line is longer than ${maxCharacters} bytes; set options.max_line_bytes, ` +
        "or look for a quote that is never closed";
  }
}

function widthError(shown: string, record: CsvRecord, width: number, reason: string): AppError {
  const count = record.values.length;
  return new AppError(
    "invalid",
    `Cannot read "${shown}" line ${record.line}: ${reason}; correct the line, or set options.${
      count < width
        ? "null_padding: true for rows that end early, options.skip_footer for lines at the end"
        : "delimiter or options.quote"
    }`,
  );
}

export function checkSameColumns(groups: readonly CsvGroup[]): void {
  const [first] = groups;
  const other = groups.find(({ names }) => names.join("\0") !== first?.names.join("\0"));
  if (other === undefined) return;
  const show = (group: CsvGroup | undefined) =>
    `"${group?.files[0]?.file.shown}" has ${group?.names.join(", ")}`;
  throw new AppError(
    "invalid",
    `Cannot read files with different columns: ${show(first)}; ${
      show(other)
    }; set options.union_by_name: true`,
  );
}
