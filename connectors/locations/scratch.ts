import { dirname } from "node:path";
import { fileError } from "./file_error.ts";

/**
 * Files that a process makes for itself on the way, in a folder of its own on the local disk. Disposing of
 * it removes them all.
 */
export class Scratch implements AsyncDisposable {
  /** Absolute; every file of it is below. */
  readonly path: string;

  /** `folder` is absolute and may not be there yet. */
  constructor(folder: string) {
    this.path = `${folder}/${crypto.randomUUID()}`;
  }

  /** A new file. `name` may have slashes. Throws `unavailable` where the disk is full. */
  async create(name: string): Promise<ScratchFile> {
    const path = `${this.path}/${name}`;
    try {
      await Deno.mkdir(dirname(path), { recursive: true });
      return new ScratchFile(path, await Deno.open(path, { write: true, createNew: true }));
    } catch (error) {
      throw fileError("write", path, error);
    }
  }

  /** The path of a file that DuckDB is to write. */
  async reserve(name: string): Promise<string> {
    try {
      await Deno.mkdir(this.path, { recursive: true });
      return `${this.path}/${name}`;
    } catch (error) {
      throw fileError("write", this.path, error);
    }
  }

  /** The bytes of a file of it. */
  async *read(path: string): AsyncIterable<Uint8Array> {
    try {
      yield* (await Deno.open(path)).readable;
    } catch (error) {
      throw fileError("read", path, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What cannot be removed goes with the process's folder.
    await Deno.remove(this.path, { recursive: true }).catch(() => {});
  }
}

/** Disposing of it closes the file. */
export class ScratchFile implements AsyncDisposable {
  readonly path: string;
  readonly #file: Deno.FsFile;

  constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
    } catch (error) {
      throw fileError("write", this.path, error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#file.close();
    return Promise.resolve();
  }
}
