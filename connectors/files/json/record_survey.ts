import { isUtf8 } from "node:buffer";
import type { StoredFile } from "../../locations/location.ts";
import { JsonNode } from "./json_node.ts";
import { JsonFault, JsonScanner } from "./json_scanner.ts";
import { checkRecord } from "./json_survey.ts";
import type { JsonSurvey } from "./surveyed.ts";

/** The survey of records that are on their way to a file, a line each: the file has not to be read for it. */
export class RecordSurvey {
  readonly #root = new JsonNode();
  readonly #scanner = new JsonScanner(0);
  #maxRecordBytes = 0;
  #records = 0;
  /** Whether there are line breaks in what was read since this was last set. */
  hasLineBreaks = false;

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
      if (scanner.line !== line || scanner.hasReturns) this.hasLineBreaks = true;
      scanner.hasReturns = false;
      return behind;
    } catch (error) {
      // Its own line breaks are none of the file's.
      throw error instanceof JsonFault ? new JsonFault(line, error.message) : error;
    }
  }

  /** Tells of a record that was read, as it is written. Throws JsonFault. */
  written(bytes: Uint8Array, line: number, isKnownUtf8: boolean): void {
    checkRecord(this.#root, bytes.length, line);
    if (!isKnownUtf8 && !isUtf8(bytes)) throw new JsonFault(line, "it is not UTF-8");
    this.#maxRecordBytes = Math.max(this.#maxRecordBytes, bytes.length);
    this.#records++;
  }

  /** What the file with all of the records holds. */
  of(file: StoredFile): JsonSurvey {
    const layout = this.#records === 0 ? undefined : "newline_delimited";
    return {
      root: this.#root,
      files: [{ file, compression: "none", isOdd: false, layout }],
      maxRecordBytes: this.#maxRecordBytes,
    };
  }
}
