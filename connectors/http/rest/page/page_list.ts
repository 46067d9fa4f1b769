import type { ReadRecords, RecordSurvey } from "../../../files/record_scan.ts";
import type { JsonText, Piece } from "./json_walk.ts";
import type { RecordFile } from "./record_file.ts";

const OPEN_BRACE = 0x7b;
const NOTHING = new Uint8Array();

/** The list of a page's records, which are written as they are: objects are surveyed where they stand, many at a time. */
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
      this.#parts.push(part);
      this.records += "records" in part ? part.records : 1;
      return part.end;
    });
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
