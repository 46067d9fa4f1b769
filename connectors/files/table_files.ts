import * as v from "valibot";
import type { Scan } from "../../contract/connector/source.ts";
import { AppError } from "../../contract/errors.ts";
import type { StoredFile } from "../locations/location.ts";
import type { Scratch, ScratchFile } from "../locations/scratch.ts";
import { CsvReader } from "./csv/csv_reader.ts";
import { faultError, fitRecord, nameColumns } from "./csv/csv_scan.ts";
import { csvSetup } from "./csv/csv_setup.ts";
import { PlainCsvWriter } from "./csv/plain_csv.ts";
import { type AskedOfRows, madeSet } from "./made_set.ts";
import { type StreamOptions, streamOptionsSchema } from "./options.ts";
import { encodingOf } from "./text/encoding.ts";
import { scanFiles } from "./read/scan.ts";

interface TableFile {
  readonly file: ScratchFile;
  readonly writer: PlainCsvWriter;
}

/** A CSV text, and what is to be known of it. */
export interface TableText {
  readonly bytes: Uint8Array;
  /** For messages: what it is. */
  readonly shown: string;
  /** A tab is between its values where the options do not say what is. */
  readonly isTabs: boolean;
  /** A name of its character set, in the place of the options' own default. */
  readonly charset?: string | undefined;
}

/**
 * The rows of many CSV texts, which a connector got elsewhere, in files of the local disk: one for each order of columns.
 * Their values are typed together, as those of CSV files are.
 */
export class TableFiles implements AsyncDisposable {
  readonly #scratch: Scratch;
  readonly #options: StreamOptions;
  readonly #files = new Map<string, Promise<TableFile>>();
  readonly #names = new Set<string>();
  readonly #paths: string[] = [];
  #longestLine = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(scratch: Scratch, options: StreamOptions) {
    this.#scratch = scratch;
    this.#options = options;
  }

  /**
   * Adds the rows of a text, each with `more` values in front of its own; one text after the other. Returns how many there are.
   * Throws `invalid` with the line for what is no CSV.
   */
  add(text: TableText, more: ReadonlyMap<string, string | null>, signal: AbortSignal): Promise<number> {
    const added = this.#turn.then(() => this.#add(text, more, signal));
    this.#turn = added.catch(() => {});
    return added;
  }

  /** Whether the text has one of the column names that came before, without which it cannot be added. */
  async fits(text: TableText, signal: AbortSignal): Promise<boolean> {
    for await (const { names } of recordsOf(text, this.#options, signal)) return this.#isKnown(names);
    return true;
  }

  async finish(): Promise<void> {
    for (const table of this.#files.values()) {
      const { file, writer } = await table;
      this.#paths.push(file.path);
      this.#longestLine = Math.max(this.#longestLine, await writer.end());
    }
  }

  /** Of the files that it made, after it was finished. */
  get paths(): readonly string[] {
    return this.#paths;
  }

  /** What was added, with its files as they are found at `paths`. Throws `invalid` for columns of the options that are not there. */
  async scan(
    files: readonly StoredFile[],
    asked: AskedOfRows,
    scratchDir: string,
    signal: AbortSignal,
  ): Promise<Scan> {
    const { columns, all_text, decimal_separator, thousands_separator, date_format, timestamp_format } =
      this.#options;
    const options: StreamOptions = {
      ...v.parse(streamOptionsSchema, {}),
      columns,
      all_text,
      decimal_separator,
      thousands_separator,
      date_format,
      timestamp_format,
      max_line_bytes: Math.max(this.#options.max_line_bytes, this.#longestLine),
    };
    return await scanFiles(
      madeSet(files, "csv", options, asked),
      scratchDir,
      signal,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const table of this.#files.values()) await (await table).file[Symbol.asyncDispose]();
  }

  async #add(
    text: TableText,
    more: ReadonlyMap<string, string | null>,
    signal: AbortSignal,
  ): Promise<number> {
    let table: TableFile | undefined;
    let rows = 0;
    for await (const { names, values } of recordsOf(text, this.#options, signal)) {
      if (table === undefined) {
        this.#checkNames(text.shown, names);
        table = await this.#table([...more.keys(), ...names]);
      }
      if (values === undefined) continue;
      await table.writer.write([...more.values(), ...values]);
      rows++;
    }
    return rows;
  }

  #isKnown(names: readonly string[]): boolean {
    return this.#names.size === 0 || names.some((name) => this.#names.has(name));
  }

  /** The first row of a text without names would be taken for them. */
  #checkNames(shown: string, names: readonly string[]): void {
    if (!this.#isKnown(names)) {
      throw new AppError(
        "invalid",
        `Cannot read "${shown}": its first line (${
          names.join(", ").slice(0, 100)
        }) has none of the column names that ` +
          `came before (${[...this.#names].join(", ").slice(0, 100)})`,
      );
    }
    for (const name of names) this.#names.add(name);
  }

  #table(names: readonly string[]): Promise<TableFile> {
    const key = JSON.stringify(names);
    const known = this.#files.get(key);
    if (known !== undefined) return known;
    const made = this.#create(names);
    this.#files.set(key, made);
    return made;
  }

  async #create(names: readonly string[]): Promise<TableFile> {
    const file = await this.#scratch.create(`table${this.#files.size}.csv`);
    const writer = new PlainCsvWriter(file);
    await writer.write(names);
    return { file, writer };
  }
}

/** Throws `invalid` for a text whose rows TableFiles could not add. */
export async function checkTable(
  text: TableText,
  options: StreamOptions,
  signal: AbortSignal,
): Promise<void> {
  for await (const _record of recordsOf(text, options, signal)) signal.throwIfAborted();
}

/** The names of the text's columns, by themselves where it has a header, then the values of each row with them. */
async function* recordsOf(
  text: TableText,
  given: StreamOptions,
  signal: AbortSignal,
): AsyncGenerator<{ readonly names: readonly string[]; readonly values?: readonly (string | null)[] }> {
  const { bytes, shown, isTabs } = text;
  const options = optionsFor(text, given);
  const setup = csvSetup(options, isTabs);
  const reader = new CsvReader(
    { file: memoryFile(bytes, shown), compression: "none", isOdd: false },
    setup,
  );
  let names: readonly string[] | undefined;
  for await (const record of reader.records(signal)) {
    if (record.kind === "fault") throw faultError(shown, record, options.max_line_bytes);
    if (names === undefined) {
      names = nameColumns(shown, record, reader.head.dialect, setup.header);
      yield { names };
      if (setup.header) continue;
    }
    const values = fitRecord(shown, record, names.length, setup.padsRows);
    if (values !== undefined) yield { names, values };
  }
}

function optionsFor({ charset }: TableText, options: StreamOptions): StreamOptions {
  if (charset === undefined || options.encoding !== "utf-8") return options;
  const encoding = encodingOf(charset);
  if (encoding !== undefined) return { ...options, encoding };
  throw new AppError(
    "invalid",
    `its content type names the character set ${charset}, which is unknown; set options.encoding`,
  );
}

/** Only its bytes are there. */
function memoryFile(bytes: Uint8Array, shown: string): StoredFile {
  return {
    path: shown,
    shown,
    sizeBytes: bytes.length,
    modifiedMs: null,
    etag: null,
    localPath: "",
    async *read({ start, end } = { start: 0, end: bytes.length }) {
      yield await Promise.resolve(bytes.subarray(start, end));
    },
    open: () => Promise.reject(new AppError("internal", `"${shown}" is read as a whole`)),
    checkUnchanged: () => Promise.resolve(),
  };
}
