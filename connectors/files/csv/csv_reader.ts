import { AppError } from "../../../contract/errors.ts";
import { readBytes } from "../compression.ts";
import {
  decodeText,
  findInvalidBytes,
  type InvalidBytes,
  InvalidTextError,
  markedEncoding,
} from "../text/encoding.ts";
import { guessEncoding } from "../text/guess_encoding.ts";
import { type CsvDialect, type CsvFault, type CsvRecord, CsvSplitter } from "./csv_records.ts";
import type { CsvFile, CsvSetup } from "./csv_setup.ts";

/** What stands in a file before its first record. */
export interface CsvHead {
  /** Lines, those asked to be skipped and one that names the delimiter. */
  readonly lines: number;
  /** Whether DuckDB counts and skips these lines as we do. */
  readonly isPlain: boolean;
  readonly dialect: CsvDialect;
}

const DELIMITER_LINE = /^sep=(.)\r?\n?$/;

/**
 * Reads one CSV file: the only reader that counts its lines, in the sample, in the copy for DuckDB and in
 * the search for a fault.
 */
export class CsvReader {
  readonly #source: CsvFile;
  readonly #setup: CsvSetup;
  #head: CsvHead;

  constructor(source: CsvFile, setup: CsvSetup) {
    this.#source = source;
    this.#setup = setup;
    this.#head = { lines: 0, isPlain: true, dialect: setup.dialect };
  }

  /** Known from the first record on. */
  get head(): CsvHead {
    return this.#head;
  }

  /**
   * The records from the first behind the head on, that of the column names included, without the
   * footer. Ends after a fault, and after about so many characters. Throws `invalid` for bytes that are no
   * text of the encoding, with line and column.
   */
  async *records(signal: AbortSignal, limit = Number.POSITIVE_INFINITY): AsyncIterable<CsvRecord | CsvFault> {
    const footer: CsvRecord[] = [];
    for await (const record of this.#allRecords(signal, limit)) {
      if (record.kind === "fault" || this.#setup.skipFooter === 0) {
        yield record;
      } else if (!record.isBlank) {
        footer.push(record);
        const [first] = footer;
        if (footer.length <= this.#setup.skipFooter || first === undefined) continue;
        footer.shift();
        yield first;
      }
    }
  }

  async *#allRecords(signal: AbortSignal, limit: number): AsyncIterable<CsvRecord | CsvFault> {
    let held = "";
    let splitter: CsvSplitter | undefined;
    let characters = 0;
    let isFirst = true;
    const firstOf = (record: CsvRecord | CsvFault) => {
      if (isFirst && record.line !== this.#head.lines + 1) this.#head = { ...this.#head, isPlain: false };
      isFirst = false;
      return record;
    };
    // Blank lines before the first record are part of the head; behind it they are for the caller.
    const isHead = (record: CsvRecord | CsvFault) => isFirst && record.kind === "record" && record.isBlank;
    for await (const text of this.#text(signal)) {
      characters += text.length;
      let rest = text;
      if (splitter === undefined) {
        held += text;
        const end = this.#readHead(held, false);
        if (end === undefined) continue;
        splitter = new CsvSplitter(this.#head.dialect, this.#head.lines + 1);
        rest = held.slice(end);
      }
      for (const record of splitter.push(rest, false)) if (!isHead(record)) yield firstOf(record);
      if (characters >= limit) return;
    }
    if (splitter === undefined) {
      const end = this.#readHead(held, true) ?? held.length;
      splitter = new CsvSplitter(this.#head.dialect, this.#head.lines + 1);
      for (const record of splitter.push(held.slice(end), false)) if (!isHead(record)) yield firstOf(record);
    }
    for (const record of splitter.push("", true)) if (!isHead(record)) yield firstOf(record);
  }

  /** The end of the head; undefined where more text is wanted to know it. */
  #readHead(text: string, isLast: boolean): number | undefined {
    const { skipRows, dialect, mayNameDelimiter } = this.#setup;
    let end = 0;
    let isPlain = true;
    for (let line = 0; line < skipRows; line++) {
      const next = lineEnd(text, end, isLast);
      if (next === undefined) return isLast ? text.length : undefined;
      const skipped = text.slice(end, next);
      isPlain &&= skipped.trim() !== "" && !(dialect.quote !== "" && skipped.includes(dialect.quote)) &&
        skipped.endsWith("\n");
      end = next;
    }
    this.#head = { lines: skipRows, isPlain, dialect };
    const next = lineEnd(text, end, isLast);
    if (next === undefined) return isLast || text.length - end > 8 ? end : undefined;
    const [, named] = DELIMITER_LINE.exec(text.slice(end, Math.min(next, end + 8))) ?? [];
    if (named === undefined) return end;
    if (!mayNameDelimiter && named !== dialect.delimiter) {
      throw new AppError(
        "invalid",
        `Cannot read "${this.#source.file.shown}": its first line names ${JSON.stringify(named)} as the ` +
          `delimiter and options.delimiter is ${JSON.stringify(dialect.delimiter)}; leave the option out`,
      );
    }
    this.#head = { lines: skipRows + 1, isPlain, dialect: { ...dialect, delimiter: named } };
    return next;
  }

  async *#text(signal: AbortSignal): AsyncIterable<string> {
    const { file, compression } = this.#source;
    const { encoding, replacesInvalid } = this.#setup;
    const bytes = () => readBytes(file, compression, signal);
    try {
      yield* decodeText(this.#checked(bytes()), { encoding, replacesInvalid });
    } catch (error) {
      if (!(error instanceof InvalidTextError)) throw error;
      const place = await findInvalidBytes(bytes(), encoding);
      throw await encodingError(this.#source, encoding, place, error);
    }
  }

  /** The bytes, after a look at what the first of them say of the file. */
  async *#checked(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    let isFirst = true;
    for await (const chunk of bytes) {
      if (isFirst) checkFirstBytes(this.#source, chunk, this.#setup.encoding);
      isFirst = false;
      yield chunk;
    }
  }
}

/** Behind the next line break; the end of the text where that is all there is. */
function lineEnd(text: string, start: number, isLast: boolean): number | undefined {
  for (let at = start; at < text.length; at++) {
    if (text[at] === "\n") return at + 1;
    if (text[at] !== "\r") continue;
    if (at + 1 === text.length && !isLast) return undefined;
    return text[at + 1] === "\n" ? at + 2 : at + 1;
  }
  return undefined;
}

const MAGIC: readonly (readonly [string, readonly number[], string])[] = [
  ["gzip data", [0x1f, 0x8b], "set options.compression: gzip, or name it .gz"],
  ["zstd data", [0x28, 0xb5, 0x2f, 0xfd], "set options.compression: zstd, or name it .zst"],
  ["a zip archive, or an Excel workbook", [0x50, 0x4b, 0x03, 0x04], "unpack it, or read it as format: xlsx"],
  ["an old Excel workbook", [0xd0, 0xcf, 0x11, 0xe0], "save it as .xlsx or CSV"],
  ["a PDF document", [0x25, 0x50, 0x44, 0x46, 0x2d], "export the data as CSV"],
];

function checkFirstBytes({ file, compression }: CsvFile, bytes: Uint8Array, encoding: string): void {
  const wrong = (what: string) => new AppError("invalid", `Cannot read "${file.shown}": ${what}`);
  const [found] = MAGIC.filter(([, magic]) => magic.every((byte, at) => bytes[at] === byte));
  if (found !== undefined) {
    const [what, , advice] = found;
    throw wrong(
      `${compression === "none" ? "it is" : `what is compressed in it is`} ${what}, no CSV; ${advice}`,
    );
  }
  const marked = markedEncoding(bytes);
  if (marked !== undefined && marked !== encoding && marked !== "utf-8") {
    throw wrong(`it is UTF-16; set options.encoding: ${marked}`);
  }
}

/** What is wrong with the text, where, and which encoding it may be in. */
export async function encodingError(
  { file, compression }: CsvFile,
  encoding: string,
  place: InvalidBytes | undefined,
  cause: unknown,
): Promise<AppError> {
  const guess = guessEncoding(await bytesAround(readBytes(file, compression), place?.line ?? 1));
  const where = place === undefined ? "" : ` line ${place.line} column ${place.column}`;
  const name = encoding === "utf-8" ? "UTF-8" : encoding;
  const advice = guess === encoding
    ? "correct the file, or set options.encoding_errors: replace"
    : `it looks like ${guess}: set options.encoding: ${guess}, or save the file as UTF-8`;
  return new AppError("invalid", `Cannot read "${file.shown}"${where}: it is not ${name}; ${advice}`, {
    cause,
  });
}

/** Some of the bytes up to and behind the line. */
async function bytesAround(bytes: AsyncIterable<Uint8Array>, line: number): Promise<Uint8Array> {
  let near: Uint8Array[] = [];
  let lines = 1;
  for await (const chunk of bytes) {
    near = [...near.slice(-1), chunk];
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++;
    if (lines > line) break;
  }
  const [first = new Uint8Array(), second = new Uint8Array()] = near;
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
