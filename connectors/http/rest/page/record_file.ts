import type { Scratch, ScratchFile } from "../../../locations/scratch.ts";
import type { ReadRecords, RecordSurvey, WrappedRun } from "../../../files/record_scan.ts";
import type { JsonText, Piece } from "./json_walk.ts";

const BUFFER_BYTES = 1024 * 1024;
const [LINE_FEED, RETURN, SPACE] = [0x0a, 0x0d, 0x20];

/** Of a file that is finished while others are written: some 20,000 records. */
const PART_BYTES = 4 * 1024 * 1024;

/** Records of pages, a line each, as they were written: no number and no text of them is made anew. */
export class RecordFile implements AsyncDisposable {
  readonly survey: RecordSurvey | undefined;
  readonly #place: { readonly scratch: Scratch; readonly name: string };
  readonly #onPart: ((path: string) => Promise<void>) | undefined;
  #file: ScratchFile;
  #fileBytes = 0;
  /** Of all files but the last one, which is written to. */
  readonly #finished: string[] = [];
  #buffer = new Uint8Array(BUFFER_BYTES);
  #filled = 0;
  /** Buffers that were written and serve again. */
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  #written: Promise<void> = Promise.resolve();
  records = 0;
  /** What is written of them. */
  sizeBytes = 0;

  private constructor(
    file: ScratchFile,
    place: { readonly scratch: Scratch; readonly name: string },
    survey: RecordSurvey | undefined,
    onPart: ((path: string) => Promise<void>) | undefined,
  ) {
    this.#file = file;
    this.#place = place;
    this.survey = survey;
    this.#onPart = onPart;
  }

  /**
   * The survey hears of all records. With `onPart` they are written to one file after the other, and it is called when one
   * is finished that is not the last.
   */
  static async create(
    scratch: Scratch,
    name: string,
    survey: RecordSurvey | undefined,
    onPart?: (path: string) => Promise<void>,
  ): Promise<RecordFile> {
    return new RecordFile(await scratch.create(name), { scratch, name }, survey, onPart);
  }

  /** In the order of the records. */
  get paths(): readonly string[] {
    return [...this.#finished, this.#file.path];
  }

  get path(): string {
    return this.#file.path;
  }

  /**
   * Adds a record: an object, or anything else as the value of the key `value`. `before` are members that an object
   * gets in front of its own, as `"a":1,`. Throws JsonFault. Where it returns a promise the next record has to wait for it.
   */
  add(text: JsonText, piece: Piece, before: Uint8Array): Promise<void> | undefined {
    const isObject = text.kind(piece) === "object";
    const bytes = text.bytes.subarray(piece.start, piece.end);
    const size = bytes.length + before.length + WRAPPED.length + 4;
    const full = this.#makeRoom(size);
    const start = this.#filled;
    this.#put(OPEN);
    if (!isObject) {
      this.#put(before);
      this.#put(WRAPPED);
      this.#put(bytes);
      this.#put(CLOSE);
    } else if (isEmpty(bytes)) {
      // Without the comma at its end.
      this.#put(before.subarray(0, Math.max(0, before.length - 1)));
      this.#put(CLOSE);
    } else {
      this.#put(before);
      this.#put(bytes.subarray(1));
    }
    this.records++;
    const line = this.#buffer.subarray(start, this.#filled);
    if (text.hasLineBreaks) straighten(line);
    if (this.survey !== undefined) {
      this.survey.read(line, 0, this.records);
      this.survey.written(line, this.records, text.isUtf8);
    }
    this.#put(FEED);
    return full;
  }

  /** Adds records of the bytes that the survey has read there. Where it returns a promise the next record has to wait for it. */
  addSurveyed(bytes: Uint8Array, part: ReadRecords): Promise<void> | undefined {
    const full = this.#makeRoom(part.end - part.start + 1);
    const start = this.#filled;
    this.#put(bytes.subarray(part.start, part.end));
    const lines = this.#buffer.subarray(start, this.#filled);
    if (part.hasLineBreaks) straighten(lines);
    for (const comma of part.commas) lines[comma] = LINE_FEED;
    this.#put(FEED);
    this.records += part.records;
    this.survey?.have(part.records, part.maxRecordBytes);
    return full;
  }

  /** The same of records that stand in a line each. */
  addLines({ lines, records, longest }: WrappedRun): Promise<void> | undefined {
    const full = this.#makeRoom(lines.length);
    this.#put(lines);
    this.records += records;
    this.survey?.have(records, longest);
    return full;
  }

  async finish(): Promise<void> {
    await this.#swap(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }

  #put(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  #makeRoom(sizeBytes: number): Promise<void> | undefined {
    return this.#filled + sizeBytes > this.#buffer.length ? this.#swap(sizeBytes) : undefined;
  }

  /** Begins a new buffer at once, since several add to the file, and writes the one that is full. */
  #swap(nextBytes: number): Promise<void> {
    const buffer = this.#buffer;
    const full = buffer.subarray(0, this.#filled);
    const spare = this.#spare.pop();
    this.#buffer = nextBytes <= BUFFER_BYTES && spare !== undefined
      ? spare
      : new Uint8Array(Math.max(BUFFER_BYTES, nextBytes));
    this.#filled = 0;
    this.#written = this.#written.then(async () => {
      await this.#write(full);
      if (buffer.length === BUFFER_BYTES) this.#spare.push(buffer);
    });
    return this.#written;
  }

  async #write(lines: Uint8Array): Promise<void> {
    if (lines.length === 0) return;
    if (this.#onPart !== undefined && this.#fileBytes >= PART_BYTES) {
      const { path } = this.#file;
      await this.#file[Symbol.asyncDispose]();
      this.#finished.push(path);
      this.#fileBytes = 0;
      const { scratch, name } = this.#place;
      this.#file = await scratch.create(`${this.#finished.length}/${name}`);
      await this.#onPart(path);
    }
    await this.#file.write(lines);
    this.#fileBytes += lines.length;
    this.sizeBytes += lines.length;
  }
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const OPEN = encode("{");
const CLOSE = encode("}");
const WRAPPED = encode('"value":');
const FEED = encode("\n");

/** Of an object's bytes: it has no members. */
const isEmpty = (bytes: Uint8Array): boolean => {
  for (let at = 1; at < bytes.length - 1; at++) if ((bytes[at] ?? 0) > SPACE) return false;
  return true;
};

/** Outside of strings, in which they cannot be, line breaks mean nothing. */
function straighten(bytes: Uint8Array): void {
  for (const lineBreak of [LINE_FEED, RETURN]) {
    for (let at = bytes.indexOf(lineBreak); at !== -1; at = bytes.indexOf(lineBreak, at + 1)) {
      bytes[at] = SPACE;
    }
  }
}
