import type { SingerConfig } from "../config.ts";
import { fileError } from "../../locations/file_error.ts";
import type { Scratch } from "../../locations/scratch.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin";

/** What a command finds when it starts: a folder of its own, and files that are told to it by their paths. */
export class Workplace {
  readonly #scratch: Scratch;
  readonly #paths: string[] = [];
  /** Its HOME, TMPDIR and working folder, empty when it starts. Absolute. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;

  private constructor(scratch: Scratch, folder: string, environment: Readonly<Record<string, string>>) {
    this.#scratch = scratch;
    this.folder = folder;
    this.environment = environment;
  }

  /** In the folder of the scratch, with which it goes. */
  static async create(scratch: Scratch, declared: SingerConfig["environment"]): Promise<Workplace> {
    const folder = await scratch.reserve("home");
    try {
      await Deno.mkdir(folder, { mode: 0o700 });
    } catch (error) {
      throw fileError("write", folder, error);
    }
    return new Workplace(scratch, folder, {
      PATH,
      LANG: "C.UTF-8",
      ...declared,
      HOME: folder,
      TMPDIR: folder,
    });
  }

  /** A file that only the user can read, whose path may stand in arguments. Returns the path. */
  async put(name: string, text: string): Promise<string> {
    const path = await this.#scratch.reserve(name);
    try {
      await Deno.writeTextFile(path, text, { createNew: true, mode: 0o600 });
    } catch (error) {
      throw fileError("write", path, error);
    }
    this.#paths.push(path);
    return path;
  }

  /** Removes all of it, once the command has ended. */
  async clear(): Promise<void> {
    for (const path of [this.folder, ...this.#paths]) {
      // What cannot be removed goes with the scratch.
      await Deno.remove(path, { recursive: true }).catch(() => {});
    }
  }
}
