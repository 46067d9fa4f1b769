import type { ReadRecords, RecordSurvey } from "../../../files/record_scan.ts";
import { type JsonText, JsonTextFault, type Piece } from "./json_walk.ts";
import { ndjsonLines } from "./ndjson_lines.ts";
import type { RecordFile } from "./record_file.ts";

const [OPEN_BRACE, LINE_FEED] = [0x7b, 0x0a];
const NOTHING = new Uint8Array();

/** A page's records, which are written as they are: objects are surveyed where they stand, many at a time. */
export class PageList {
  readonly #text: JsonText;
  readonly #file: RecordFile;
  readonly #survey: RecordSurvey;
  /** Other items than objects are written before they are surveyed. */
  readonly #parts: (ReadRecords | Piece)[] = [];
  #isRead = false;
  records = 0;

  /** The survey is the file's; the text is UTF-8. */
  constructor(text: JsonText, file: RecordFile, survey: RecordSurvey) {
    this.#text = text;
    this.#file = file;
    this.#survey = survey;
  }

  get isRead(): boolean {
    return this.#isRead;
  }

  /** Reads the list from its bracket; returns what is behind it. Throws JsonTextFault and JsonFault. */
  read(start: number): number {
    const { bytes } = this.#text;
    const first = this.#file.records + 1;
    this.#isRead = true;
    return this.#text.readItems(start, (at) => {
      const part = bytes[at] === OPEN_BRACE
        ? this.#survey.readList(bytes, at, first + this.records)
        : { start: at, end: this.#text.skip(at) };
      this.#add(part);
      return part.end;
    });
  }

  /** Reads a text that has a record a line. Throws as ndjsonLines() does, and JsonFault. */
  readLines(): void {
    try {
      this.#readLines();
    } catch (error) {
      // Of several faults that of a line which is no JSON comes first.
      for (const _ of ndjsonLines(this.#text)) { /* to its end */ }
      throw error;
    }
  }

  #readLines(): void {
    const { bytes, start } = this.#text;
    let mayBeMany = true;
    let isSurveyed = true;
    for (let at = start; at < bytes.length;) {
      const isRun = isSurveyed && mayBeMany && bytes[at] === OPEN_BRACE;
      const many = isRun ? this.#survey.readLines(bytes, at) : undefined;
      if (many === "no lines") mayBeMany = false;
      const begin = many === undefined || many === "no lines" ? at : many.end;
      const feed = bytes.indexOf(LINE_FEED, begin);
      const end = feed === -1 ? bytes.length : feed;
      const piece = this.#text.valueBetween(begin, end);
      if (many !== undefined && many !== "no lines") {
        if (piece !== undefined) throw new JsonTextFault("something follows its value", piece.start);
        this.#add(many);
      } else if (piece !== undefined) {
        // What is surveyed when it is written makes its columns before those behind it do.
        isSurveyed &&= bytes[piece.start] === OPEN_BRACE;
        const line = this.#file.records + this.records + 1;
        this.#add(isSurveyed ? this.#survey.readObject(bytes, piece.start, line) : piece);
      }
      at = end + 1;
    }
  }

  #add(part: ReadRecords | Piece): void {
    this.#parts.push(part);
    this.records += "records" in part ? part.records : 1;
  }

  /** Adds what was read to the file. */
  async write(): Promise<void> {
    for (const part of this.#parts) {
      const full = "records" in part
        ? this.#file.addSurveyed(this.#text.bytes, part)
        : this.#file.add(this.#text, part, NOTHING);
      if (full !== undefined) await full;
    }
  }
}
