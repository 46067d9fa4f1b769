import { isUtf8 } from "node:buffer";
import type { StoredFile } from "../../locations/location.ts";
import { JsonNode } from "./json_node.ts";
import { JsonFault, JsonScanner } from "./json_scanner.ts";
import { KnownRecords, type LineWrap, type WrappedRun } from "./known_records.ts";
import { checkRecord } from "./json_survey.ts";
import type { JsonSurvey } from "./surveyed.ts";

/** Objects of a list that were read: one behind the other, with a comma between two of them. */
export interface ReadRecords {
  readonly start: number;
  /** Behind the last one. */
  readonly end: number;
  readonly records: number;
  /** Where the commas are, from `start`. */
  readonly commas: Uint32Array;
  readonly maxRecordBytes: number;
  /** Outside of strings. */
  readonly hasLineBreaks: boolean;
}

const NO_COMMAS = new Uint32Array();

/** The survey of records that are on their way to a file, a line each: the file has not to be read for it. */
export class RecordSurvey {
  readonly #root = new JsonNode();
  readonly #scanner = new JsonScanner(0);
  readonly #known = new KnownRecords(this.#root);
  #maxRecordBytes = 0;
  #records = 0;
  /** Whether there were line breaks in the record that was read last. */
  #hasLineBreaks = false;

  constructor() {
    this.#scanner.isLast = true;
  }

  /** Reads the object whose brace is at `start`, as the record of the line. Returns where it ends. Throws JsonFault for what is no JSON. */
  read(bytes: Uint8Array, start: number, line: number): number {
    const scanner = this.#scanner;
    scanner.bytes = bytes;
    scanner.end = bytes.length;
    scanner.line = line;
    try {
      const behind = scanner.record(start, this.#root);
      this.#hasLineBreaks = scanner.line !== line || scanner.hasReturns;
      scanner.hasReturns = false;
      return behind;
    } catch (error) {
      // Its own line breaks are none of the file's.
      throw error instanceof JsonFault ? new JsonFault(line, error.message) : error;
    }
  }

  /**
   * Reads objects of a list from the brace at `start` on, as records of the lines from `line` on: one, or as many as tell
   * nothing new. `bytes` stay as they are. Throws JsonFault for what is no JSON.
   */
  readList(bytes: Uint8Array, start: number, line: number): ReadRecords {
    const run = this.#known.read(bytes, start, bytes.length, true);
    if (run === undefined) return this.readObject(bytes, start, line);
    const { end, records, longest, hasBreaks } = run;
    const commas = this.#known.commas(records);
    return { start, end, records, commas, maxRecordBytes: longest, hasLineBreaks: hasBreaks };
  }

  /**
   * Reads as many objects from the brace at `start` on as tell nothing new, where each stands in a line of its own; undefined
   * where the first one is to be read alone.
   */
  readLines(bytes: Uint8Array, start: number): ReadRecords | "no lines" | undefined {
    const run = this.#known.read(bytes, start, bytes.length, false);
    if (run === undefined) return undefined;
    if (run.hasBreaksInside || run.sharesLine) return "no lines";
    const { end, records, longest } = run;
    return { start, end, records, commas: NO_COMMAS, maxRecordBytes: longest, hasLineBreaks: false };
  }

  /**
   * Reads lines up to `end`, from the one at `start` on, as far as each is a record in the wrap that tells nothing new; undefined
   * where the first one is to be read alone, and where they are not UTF-8.
   */
  readWrapped(bytes: Uint8Array, start: number, end: number, wrap: LineWrap): WrappedRun | undefined {
    const run = this.#known.readWrapped(bytes, start, end, wrap);
    return run !== undefined && isUtf8(run.lines) ? run : undefined;
  }

  /** The bytes are others from now on, in the same place. */
  forget(): void {
    this.#known.forget();
  }

  /** Reads the object whose brace is at `start`, as the record of the line. Throws as readList() does. */
  readObject(bytes: Uint8Array, start: number, line: number): ReadRecords {
    const end = this.read(bytes, start, line);
    checkRecord(this.#root, end - start, line);
    const [sizeBytes, hasLineBreaks] = [end - start, this.#hasLineBreaks];
    return { start, end, records: 1, commas: NO_COMMAS, maxRecordBytes: sizeBytes, hasLineBreaks };
  }

  /** Tells of a record that was read, as it is written. Throws JsonFault. */
  written(bytes: Uint8Array, line: number, isKnownUtf8: boolean): void {
    checkRecord(this.#root, bytes.length, line);
    if (!isKnownUtf8 && !isUtf8(bytes)) throw new JsonFault(line, "it is not UTF-8");
    this.have(1, bytes.length);
  }

  /** Tells of records that were read and checked, as they are written; the longest has so many bytes. */
  have(records: number, maxRecordBytes: number): void {
    this.#maxRecordBytes = Math.max(this.#maxRecordBytes, maxRecordBytes);
    this.#records += records;
  }

  /** What the files with all of the records so far hold. */
  of(files: readonly StoredFile[]): JsonSurvey {
    const layout = this.#records === 0 ? undefined : "newline_delimited";
    return {
      root: this.#root,
      files: files.map((file) => ({ file, compression: "none", isOdd: false, layout })),
      maxRecordBytes: this.#maxRecordBytes,
    };
  }
}
