import { isUtf8 } from "node:buffer";
import { AppError } from "../../../contract/errors.ts";
import type { StoredFile } from "../../locations/location.ts";
import { readBytes } from "../compression.ts";
import type { FileSet } from "../file_set.ts";
import type { Compression } from "../options.ts";
import { JsonNode } from "./json_node.ts";
import { KnownRecords } from "./known_records.ts";
import type { JsonLayout, JsonSurvey, SurveyedFile } from "./surveyed.ts";
import { INCOMPLETE, JsonFault, JsonScanner } from "./json_scanner.ts";

/**
 * Reads JSON files whole, before DuckDB does, for what they hold: every key and what all of its values have in
 * common. A key or a type that a sample has not shown would be left out, or changed, without a word.
 */

/** Told of the records of a file as they are read. */
export interface RecordHooks {
  /** Lines that are no record are left out. Without it the first of them is thrown. */
  readonly onFault?: (line: number, reason: string, text: string) => void;
  /** The bytes are to be used at once. */
  readonly onRecord?: (bytes: Uint8Array, line: number) => void;
}

const CHUNK_BYTES = 1024 * 1024;
/** More than DuckDB's reader would take. */
const MAX_RECORD_BYTES = 256 * 1024 * 1024;
const MAX_COLUMNS = 20_000;

/**
 * `oddFiles`: paths of those that DuckDB cannot read; `root` may be watched. Throws `invalid` with file and line
 * for what is no JSON, or no records.
 */
export async function surveyJson(
  set: FileSet,
  oddFiles: ReadonlySet<string>,
  signal: AbortSignal | undefined,
  root: JsonNode = new JsonNode(),
  hooks: RecordHooks = {},
): Promise<JsonSurvey> {
  return await endOfSurvey(surveyPieces(set, oddFiles, signal, root, hooks));
}

/** A survey on its way, a piece of a file at a time: what was found so far. The files that were not begun are missing. */
export type SurveyPieces = AsyncGenerator<JsonSurvey & { readonly bytesRead: number }, JsonSurvey, undefined>;

export async function endOfSurvey(pieces: SurveyPieces): Promise<JsonSurvey> {
  for (;;) {
    const { done, value } = await pieces.next();
    if (done) return value;
  }
}

/** The survey of surveyJson(). */
export async function* surveyPieces(
  set: FileSet,
  oddFiles: ReadonlySet<string>,
  signal: AbortSignal | undefined,
  root: JsonNode,
  hooks: RecordHooks,
): SurveyPieces {
  const files: SurveyedFile[] = [];
  let maxRecordBytes = 0;
  let bytesRead = 0;
  const hearsOfAll = hooks.onFault !== undefined || hooks.onRecord !== undefined;
  const known = hearsOfAll ? undefined : new KnownRecords(root);
  for (const [index, file] of set.files.entries()) {
    const compression = set.compressions[index] ?? "none";
    const isOdd = oddFiles.has(file.path);
    const reader = new RecordReader(root, index, hooks, known);
    for await (const length of readRecords(reader, file, compression, signal)) {
      bytesRead += length;
      const { layout } = reader;
      const longest = Math.max(maxRecordBytes, reader.maxRecordBytes);
      yield {
        root,
        files: [...files, { file, compression, isOdd, layout }],
        maxRecordBytes: longest,
        bytesRead,
      };
    }
    if (reader.layout === undefined && set.format === "json" && !reader.hasBrackets) {
      const what = file.sizeBytes === 0 ? "it is empty (0 bytes)" : "it has nothing but white space";
      throw new AppError("invalid", `Cannot read "${file.shown}": ${what}; expected JSON`);
    }
    maxRecordBytes = Math.max(maxRecordBytes, reader.maxRecordBytes);
    files.push({ file, compression, isOdd, layout: reader.layout });
  }
  return { root, files, maxRecordBytes };
}

/** Gives the file's bytes to the reader; each piece is one step, and its length is given. */
async function* readRecords(
  reader: RecordReader,
  file: StoredFile,
  compression: Compression,
  signal: AbortSignal | undefined,
): AsyncGenerator<number, void, undefined> {
  try {
    for await (const chunk of readBytes(file, compression, signal)) {
      reader.push(chunk);
      yield chunk.length;
    }
    reader.finish();
    yield 0;
  } catch (error) {
    if (error instanceof JsonFault) throw faultError(file, error);
    throw error;
  }
}

/** The records of one file again, told to the hooks; each piece of the file is one step. */
export function rereadJson(
  { file, compression }: SurveyedFile,
  hooks: RecordHooks,
  signal: AbortSignal,
): AsyncGenerator<number, void, undefined> {
  return readRecords(new RecordReader(new JsonNode(), 0, hooks), file, compression, signal);
}

function faultError(file: StoredFile, fault: JsonFault): AppError {
  return new AppError("invalid", `Cannot read "${file.shown}" line ${fault.line}: ${fault.message}`, {
    cause: fault,
  });
}

const tooLarge = (line: number): JsonFault => new JsonFault(line, "a record is larger than 256 MiB");

/** Throws JsonFault for a record of so many bytes, and for all keys so far, which DuckDB's reader would not take. */
export function checkRecord(root: JsonNode, sizeBytes: number, line: number): void {
  if (sizeBytes > MAX_RECORD_BYTES) throw tooLarge(line);
  if (root.fields.length <= MAX_COLUMNS) return;
  throw new JsonFault(line, `the records have more than ${MAX_COLUMNS.toLocaleString("en")} different keys`);
}

/** Takes a file's bytes in pieces, and its records out of them. */
class RecordReader {
  readonly #root: JsonNode;
  readonly #scanner: JsonScanner;
  readonly #known: KnownRecords | undefined;
  /** The bytes that are not read yet are from #start to the scanner's end. */
  #start = 0;
  #isBegun = false;
  #hasMark = false;
  /** Inside of the array that holds the records. */
  #array: "none" | "open" | "closed" = "none";
  #needsComma = false;
  #lastLine = 0;
  #isLines = true;
  #count = 0;
  maxRecordBytes = 0;
  readonly #hooks: RecordHooks;
  /** A record is tried here first where it may be left out: it must leave nothing in the other. */
  readonly #trial = new JsonNode();

  /** `known` is of the same root. */
  constructor(root: JsonNode, file: number, hooks: RecordHooks, known?: KnownRecords) {
    this.#root = root;
    this.#known = known;
    this.#hooks = hooks;
    this.#scanner = new JsonScanner(file);
  }

  get hasBrackets(): boolean {
    return this.#array !== "none";
  }

  get layout(): JsonLayout | undefined {
    if (this.#count === 0) return undefined;
    if (this.#array !== "none") return "array";
    // With a byte order mark DuckDB reads these two only.
    return this.#isLines && !this.#hasMark ? "newline_delimited" : "unstructured";
  }

  push(chunk: Uint8Array): void {
    const scanner = this.#scanner;
    this.#known?.forget();
    const rest = scanner.end - this.#start;
    if (this.#start > 0 || scanner.bytes.length < rest + chunk.length + 1) {
      const needed = rest + chunk.length + 1;
      const target = scanner.bytes.length >= needed && this.#start > 0
        ? scanner.bytes
        : new Uint8Array(Math.max(needed + CHUNK_BYTES, 2 * rest));
      target.set(scanner.bytes.subarray(this.#start, scanner.end));
      scanner.bytes = target;
      scanner.end = rest;
      this.#start = 0;
    }
    scanner.bytes.set(chunk, scanner.end);
    scanner.end += chunk.length;
    scanner.bytes[scanner.end] = 0;
    if (scanner.end >= this.#wanted) this.#readRecords();
  }

  /** Half a record is not tried again with every piece that comes. */
  #wanted = CHUNK_BYTES;

  finish(): void {
    this.#scanner.isLast = true;
    this.#readRecords();
    if (this.#array === "open") {
      throw new JsonFault(this.#scanner.line, "expected a closing bracket, found the end of the file");
    }
  }

  #readRecords(): void {
    const scanner = this.#scanner;
    if (!this.#isBegun) this.#skipMark();
    const begin = this.#start;
    const beginLine = scanner.line;
    try {
      for (;;) {
        const line = scanner.line;
        const next = this.#readOrLeave(this.#start);
        if (next === INCOMPLETE) {
          scanner.line = line;
          break;
        }
        this.#start = next;
        if (next >= scanner.end) break;
      }
    } finally {
      this.#checkUtf8(begin, beginLine);
    }
    const rest = scanner.end - this.#start;
    if (rest > MAX_RECORD_BYTES) throw tooLarge(scanner.line);
    this.#wanted = Math.max(CHUNK_BYTES, 2 * rest);
  }

  /** The same as `#readRecord`, but a line that is no record is left out where somebody wants to hear of it. */
  #readOrLeave(position: number): number {
    const { onFault } = this.#hooks;
    if (onFault === undefined) return this.#readRecord(position);
    const scanner = this.#scanner;
    const begin = scanner.skipSpace(position);
    const { line } = scanner;
    try {
      return this.#readRecord(begin);
    } catch (error) {
      if (!(error instanceof JsonFault) || this.#array !== "none") throw error;
      const feed = scanner.bytes.subarray(0, scanner.end).indexOf(0x0a, begin);
      if (feed === -1 && !scanner.isLast) return INCOMPLETE;
      const end = feed === -1 ? scanner.end : feed;
      const text = new TextDecoder().decode(scanner.bytes.subarray(begin, end)).replace(/\r$/, "");
      onFault(line, error.message, text);
      scanner.line = feed === -1 ? line : line + 1;
      return feed === -1 ? end : end + 1;
    }
  }

  /** What comes next, from white space on. Returns where it ends. */
  #readRecord(position: number): number {
    const scanner = this.#scanner;
    const at = scanner.skipSpace(position);
    if (at >= scanner.end) return at;
    const byte = scanner.bytes[at];
    if (this.#array === "closed") {
      throw new JsonFault(scanner.line, `expected the end of the file, found ${scanner.shown(at)}`);
    }
    if (byte === 0x5b && this.#array === "none" && this.#count === 0) {
      this.#array = "open";
      return at + 1;
    }
    if (this.#array === "open") {
      if (byte === 0x5d && (this.#needsComma || this.#count === 0)) {
        this.#array = "closed";
        return at + 1;
      }
      if (this.#needsComma) {
        if (byte !== 0x2c) {
          throw new JsonFault(scanner.line, `expected a comma, found ${scanner.shown(at)}`);
        }
        this.#needsComma = false;
        return at + 1;
      }
    }
    if (byte !== 0x7b) throw new JsonFault(scanner.line, `expected an object, found ${scanner.shown(at)}`);
    return this.#readObject(at);
  }

  #readObject(position: number): number {
    const scanner = this.#scanner;
    const { line } = scanner;
    const run = this.#known?.read(scanner.bytes, position, scanner.end, this.#array === "open");
    if (run !== undefined) {
      scanner.line += run.lines;
      const isOneALine = line !== this.#lastLine && !run.hasBreaksInside && !run.sharesLine;
      this.#tookTo(scanner.line, isOneALine, run.records, run.longest);
      return run.end;
    }
    if (this.#hooks.onFault !== undefined) {
      if (scanner.record(position, this.#trial) === INCOMPLETE) return INCOMPLETE;
      scanner.line = line;
    }
    const end = scanner.record(position, this.#root);
    if (end === INCOMPLETE) return INCOMPLETE;
    this.#hooks.onRecord?.(scanner.bytes.subarray(position, end), line);
    this.#tookTo(scanner.line, line !== this.#lastLine && scanner.line === line, 1, end - position);
    checkRecord(this.#root, end - position, line);
    return end;
  }

  #tookTo(line: number, isOneALine: boolean, records: number, maxBytes: number): void {
    this.#isLines &&= isOneALine;
    this.#lastLine = line;
    this.#needsComma = true;
    this.#count += records;
    this.maxRecordBytes = Math.max(this.maxRecordBytes, maxBytes);
  }

  #skipMark(): void {
    const { bytes, end } = this.#scanner;
    this.#isBegun = true;
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf && end >= 3) {
      this.#hasMark = true;
      this.#start = 3;
      return;
    }
    const isWide = bytes[0] === 0xff && bytes[1] === 0xfe || bytes[0] === 0xfe && bytes[1] === 0xff;
    if (isWide && end >= 2) throw new JsonFault(1, "it is UTF-16; save it as UTF-8");
  }

  /** Throws for the bytes from `begin` on that were read as records. */
  #checkUtf8(begin: number, line: number): void {
    const read = this.#scanner.bytes.subarray(begin, this.#start);
    if (isUtf8(read)) return;
    let start = 0;
    for (let at = read.indexOf(0x0a); at !== -1; at = read.indexOf(0x0a, start)) {
      if (!isUtf8(read.subarray(start, at))) break;
      start = at + 1;
      line++;
    }
    throw new JsonFault(line, "it is not UTF-8; save the file as UTF-8");
  }
}
