import { AppError } from "../../../contract/errors.ts";
import type { FileReader, StoredFile } from "../location.ts";
import { fileError } from "../file_error.ts";

const CHUNK_BYTES = 262_144;

/** What changes with a file's content, as far as a disk shows it. */
export function etagOf(info: Deno.FileInfo): string {
  return `${info.ino}-${info.size}-${info.mtime?.getTime()}`;
}

/** A file of the disk as it was when it was found. */
export class DiskFile implements StoredFile {
  readonly path: string;
  readonly shown: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number | null;
  readonly etag: string;
  readonly localPath: string;

  constructor(path: string, shown: string, info: Deno.FileInfo) {
    this.path = path;
    this.shown = shown;
    this.localPath = path;
    this.sizeBytes = info.size;
    this.modifiedMs = info.mtime?.getTime() ?? null;
    this.etag = etagOf(info);
  }

  async *read(range?: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array> {
    await using reader = await this.open();
    const end = Math.min(range?.end ?? this.sizeBytes, this.sizeBytes);
    let position = range?.start ?? 0;
    while (position < end) {
      const bytes = await reader.read(position, Math.min(CHUNK_BYTES, end - position));
      position += bytes.length;
      yield bytes;
    }
    await reader.checkUnchanged();
  }

  async open(): Promise<DiskReader> {
    try {
      const handle = await Deno.open(this.path);
      const reader = new DiskReader(this, handle);
      try {
        await reader.checkUnchanged();
        return reader;
      } catch (error) {
        handle.close();
        throw error;
      }
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) throw this.changed("it was removed");
      throw fileError("read", this.shown, error);
    }
  }

  async checkUnchanged(): Promise<void> {
    try {
      this.checkInfo(await Deno.stat(this.path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) throw this.changed("it was removed");
      throw fileError("read", this.shown, error);
    }
  }

  checkInfo(info: Deno.FileInfo): void {
    if (etagOf(info) !== this.etag) throw this.changed("it changed");
  }

  changed(what: string): AppError {
    return new AppError(
      "unavailable",
      `Cannot read "${this.shown}": ${what} while it was read; run it again when it is no longer written`,
    );
  }
}

class DiskReader implements FileReader {
  readonly #file: DiskFile;
  readonly #handle: Deno.FsFile;

  constructor(file: DiskFile, handle: Deno.FsFile) {
    this.#file = file;
    this.#handle = handle;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    try {
      const buffer = new Uint8Array(Math.max(0, Math.min(length, this.#file.sizeBytes - position)));
      await this.#handle.seek(position, Deno.SeekMode.Start);
      for (let filled = 0; filled < buffer.length;) {
        const count = await this.#handle.read(buffer.subarray(filled));
        // It is shorter than it was when it was found.
        if (count === null) throw this.#file.changed("it changed");
        filled += count;
      }
      return buffer;
    } catch (error) {
      throw fileError("read", this.#file.shown, error);
    }
  }

  /** Of the file that is open, whatever has its name now. */
  async checkUnchanged(): Promise<void> {
    this.#file.checkInfo(await this.#handle.stat());
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#handle.close();
    return Promise.resolve();
  }
}
