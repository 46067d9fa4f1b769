import { Readable } from "node:stream";
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from "yauzl";
import { AppError } from "../../../contract/errors.ts";
import type { StoredFile } from "../../locations/location.ts";

/** The parts of an Office Open XML package (ECMA-376, part 2): a zip archive. */

/** What unpacks to more than this, and many times more than it was, is taken for a trap. */
const SUSPICIOUS_BYTES = 1024 * 1024 * 1024;
const SUSPICIOUS_RATIO = 200;
const MAX_PARTS = 100_000;

/** Reads ranges of a file for yauzl. */
class FileRanges extends RandomAccessReader {
  readonly #file: StoredFile;

  constructor(file: StoredFile) {
    super();
    this.#file = file;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#file.read({ start, end }), { objectMode: false });
  }
}

export class Archive implements Disposable {
  readonly #file: StoredFile;
  readonly #zip: ZipFile;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(file: StoredFile, zip: ZipFile, entries: ReadonlyMap<string, Entry>) {
    this.#file = file;
    this.#zip = zip;
    this.#entries = entries;
  }

  /** Throws `invalid` for what is no zip archive. */
  static async open(file: StoredFile): Promise<Archive> {
    try {
      const options = { lazyEntries: true, autoClose: false };
      const zip = await fromRandomAccessReaderPromise(new FileRanges(file), file.sizeBytes, options);
      const entries = new Map<string, Entry>();
      if (zip.entryCount > MAX_PARTS) throw new Error(`it has ${zip.entryCount} parts`);
      for await (const entry of zip.eachEntry()) entries.set(entry.fileName.toLowerCase(), entry);
      return new Archive(file, zip, entries);
    } catch (error) {
      throw archiveError(file, error);
    }
  }

  has(path: string): boolean {
    return this.#entries.has(path.toLowerCase());
  }

  /** The bytes of a part. Throws `invalid` where it is missing, damaged, or unpacks to absurdly much. */
  async *read(path: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const entry = this.#entries.get(path.toLowerCase());
    if (entry === undefined) throw archiveError(this.#file, new Error(`its part ${path} is missing`));
    const { compressedSize, uncompressedSize } = entry;
    if (uncompressedSize > SUSPICIOUS_BYTES && uncompressedSize > compressedSize * SUSPICIOUS_RATIO) {
      throw archiveError(
        this.#file,
        new Error(`its part ${path} of ${compressedSize} bytes unpacks to ${uncompressedSize}`),
      );
    }
    try {
      // It checks that as much comes out as the archive says.
      const stream = await this.#zip.openReadStreamPromise(entry);
      for await (const chunk of stream) {
        signal.throwIfAborted();
        yield chunk;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw archiveError(this.#file, error);
    }
  }

  [Symbol.dispose](): void {
    this.#zip.close();
  }
}

function archiveError(file: StoredFile, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const what = error instanceof Error ? error.message : String(error);
  return new AppError(
    "invalid",
    `Cannot read "${file.shown}": it is no whole Excel workbook (${what}); copy it again, or save it as .xlsx`,
    { cause: error },
  );
}
