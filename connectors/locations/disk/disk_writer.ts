import { dirname } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { FileWriter, WriteCondition } from "../location.ts";
import { etagOf } from "./disk_file.ts";
import { fileError } from "../file_error.ts";
import { syncName } from "./workspace.ts";

/**
 * Writes beside the file and puts it in its place at the commit. `absent` is as atomic as the disk's links
 * are; between the look at an ETag and the rename another writer can come in, so writers of one
 * file that must not lose a change hold a Workspace.
 */
export class DiskWriter implements FileWriter {
  readonly #path: string;
  readonly #shown: string;
  readonly #temporary: string;
  readonly #condition: WriteCondition;
  readonly #handle: Deno.FsFile;
  #isOpen = true;
  #isCommitted = false;

  private constructor(
    path: string,
    shown: string,
    temporary: string,
    condition: WriteCondition,
    handle: Deno.FsFile,
  ) {
    this.#path = path;
    this.#shown = shown;
    this.#temporary = temporary;
    this.#condition = condition;
    this.#handle = handle;
  }

  static async open(path: string, shown: string, condition: WriteCondition): Promise<DiskWriter> {
    try {
      await Deno.mkdir(dirname(path), { recursive: true });
      const temporary = `${dirname(path)}/.sluice-${crypto.randomUUID()}`;
      const handle = await Deno.open(temporary, { write: true, createNew: true });
      return new DiskWriter(path, shown, temporary, condition, handle);
    } catch (error) {
      throw fileError("write", shown, error);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let written = 0; written < bytes.length;) {
        written += await this.#handle.write(bytes.subarray(written));
      }
    } catch (error) {
      throw fileError("write", this.#shown, error);
    }
  }

  async commit(): Promise<void> {
    try {
      await this.#handle.sync();
      this.#close();
      await this.#putInPlace();
      this.#isCommitted = true;
      await syncName(this.#path);
    } catch (error) {
      throw fileError("write", this.#shown, error);
    }
  }

  async #putInPlace(): Promise<void> {
    if (this.#condition.type === "absent") {
      try {
        await Deno.link(this.#temporary, this.#path);
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) throw this.#conflict("it is there already");
        throw error;
      }
      return await Deno.remove(this.#temporary);
    }
    if (this.#condition.type === "match") {
      const info = await Deno.stat(this.#path).catch((error) => {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      });
      if (info === undefined) throw this.#conflict("it was removed");
      if (etagOf(info) !== this.#condition.etag) throw this.#conflict("it was changed by another program");
    }
    await Deno.rename(this.#temporary, this.#path);
  }

  #conflict(what: string): AppError {
    return new AppError("conflict", `Cannot write "${this.#shown}": ${what}`);
  }

  #close(): void {
    if (this.#isOpen) this.#handle.close();
    this.#isOpen = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    if (this.#isCommitted) return;
    await Deno.remove(this.#temporary).catch(() => {});
  }
}

/** The file with the bytes before what it began with. */
export async function prefixFile(path: string, bytes: Uint8Array, shown: string): Promise<void> {
  await using writer = await DiskWriter.open(path, shown, { type: "any" });
  await writer.write(bytes);
  try {
    for await (const chunk of (await Deno.open(path)).readable) await writer.write(chunk);
  } catch (error) {
    throw fileError("write", shown, error);
  }
  await writer.commit();
}
