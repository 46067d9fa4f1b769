import { DiskWriter, prefixFile } from "../disk/disk_writer.ts";
import { fileError } from "../file_error.ts";
import type { FileWriter } from "../location.ts";

/** The folder of the local disk in which a load builds what goes to another machine. Disposing of it removes it. */
export class Stage implements AsyncDisposable {
  /** Absolute. */
  readonly path: string;
  readonly #shown: string;

  private constructor(path: string, shown: string) {
    this.path = path;
    this.#shown = shown;
  }

  /** `scratchDir` is absolute and may not be there yet. */
  static async open(scratchDir: string, shown: string): Promise<Stage> {
    const path = `${scratchDir}/${crypto.randomUUID()}`;
    try {
      await Deno.mkdir(path, { recursive: true });
      return new Stage(path, shown);
    } catch (error) {
      throw fileError("write", path, error);
    }
  }

  async write(path: string): Promise<FileWriter> {
    return await DiskWriter.open(`${this.path}/${path}`, this.#shown, { type: "any" });
  }

  async prefix(bytes: Uint8Array): Promise<void> {
    for (const { path } of await this.files()) await prefixFile(`${this.path}/${path}`, bytes, this.#shown);
  }

  async files(): Promise<{ readonly path: string; readonly sizeBytes: number }[]> {
    const paths: string[] = [];
    await walk(this.path, "", paths);
    return await Promise.all(
      paths.sort().map(async (path) => {
        const { size } = await Deno.stat(`${this.path}/${path}`);
        return { path, sizeBytes: size };
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What cannot be removed goes with the process's folder.
    await Deno.remove(this.path, { recursive: true }).catch(() => {});
  }
}

async function walk(folder: string, inside: string, paths: string[]): Promise<void> {
  for await (const entry of Deno.readDir(`${folder}/${inside}`)) {
    const path = `${inside}${entry.name}`;
    if (entry.isDirectory) await walk(folder, `${path}/`, paths);
    else paths.push(path);
  }
}
