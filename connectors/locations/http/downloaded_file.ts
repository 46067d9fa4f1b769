import { AppError } from "../../../contract/errors.ts";
import { DiskFile } from "../disk/disk_file.ts";
import type { FileReader, LocalCopy, StoredFile } from "../location.ts";
import { changed } from "./http_object.ts";

/** Brings the whole file to the local disk, and returns its size. */
export type Download = () => Promise<number>;

/**
 * A file whose server gives it as a whole only, or does not say how large it is: brought to the local disk before
 * anything is known of it.
 */
export class DownloadedFile implements StoredFile, LocalCopy {
  readonly path: string;
  readonly shown: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number | null;
  readonly etag: string | null;
  readonly localPath: string;
  readonly #download: Download;
  #disk: Promise<DiskFile> | undefined;

  constructor(
    place: { readonly path: string; readonly shown: string; readonly localPath: string },
    facts: Pick<StoredFile, "sizeBytes" | "modifiedMs" | "etag">,
    download: Download,
  ) {
    this.path = place.path;
    this.shown = place.shown;
    this.localPath = place.localPath;
    this.sizeBytes = facts.sizeBytes;
    this.modifiedMs = facts.modifiedMs;
    this.etag = facts.etag;
    this.#download = download;
    this.#disk = this.#look();
    this.#disk.catch(() => {});
  }

  /** Nothing is brought ahead of others here. */
  leaveOut(): void {}

  get localCopy(): LocalCopy {
    return this;
  }

  get missingBytes(): number {
    return this.#disk === undefined ? this.sizeBytes : 0;
  }

  async *read(range?: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array> {
    yield* (await this.#here()).read(range);
  }

  async open(): Promise<FileReader> {
    return await (await this.#here()).open();
  }

  async complete(): Promise<void> {
    await this.#here();
  }

  async checkUnchanged(): Promise<void> {
    // What is here is one state of the file, whatever it is there now.
    await (await this.#here()).checkUnchanged();
  }

  async remove(): Promise<void> {
    this.#disk = undefined;
    // What cannot be removed goes with the process's folder.
    await Deno.remove(this.localPath).catch(() => {});
  }

  #here(): Promise<DiskFile> {
    return this.#disk ??= this.#bringAgain();
  }

  async #bringAgain(): Promise<DiskFile> {
    if (await this.#download() !== this.sizeBytes) throw changed(this.shown);
    return await this.#look();
  }

  async #look(): Promise<DiskFile> {
    try {
      return new DiskFile(this.localPath, this.shown, await Deno.stat(this.localPath));
    } catch (error) {
      throw new AppError("internal", `Cannot read "${this.shown}": its copy on the local disk is gone`, {
        cause: error,
      });
    }
  }
}
