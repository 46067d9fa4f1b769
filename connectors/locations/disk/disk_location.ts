import { resolve } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { isHidden } from "../hidden.ts";
import type {
  FileList,
  FileWriter,
  Location,
  Publication,
  PublicationTarget,
  StoredFile,
  WriteCondition,
} from "../location.ts";
import { DiskFile } from "./disk_file.ts";
import { DiskWriter } from "./disk_writer.ts";
import { fileError } from "../file_error.ts";
import { type Glob, parsePattern } from "./pattern.ts";
import { publishFile } from "./publish_file.ts";
import { publishFolder } from "./publish_folder.ts";
import { shownPath } from "./shown_path.ts";

/** How long another load of the same target is waited for. */
const LOCK_TIMEOUT_MS = 30_000;

/** Files of the server's own disk. */
export class DiskLocation implements Location {
  readonly #root: string;
  readonly #log: (message: string) => void;
  readonly #lockTimeoutMs: number;

  /** `root` is absolute; relative paths start there. `log` hears of what is left out of a glob. */
  constructor(
    root: string,
    { log, lockTimeoutMs = LOCK_TIMEOUT_MS }: {
      readonly log: (message: string) => void;
      readonly lockTimeoutMs?: number;
    },
  ) {
    this.#root = root;
    this.#log = log;
    this.#lockTimeoutMs = lockTimeoutMs;
  }

  async list(pattern: string, signal: AbortSignal): Promise<FileList> {
    const { base, glob } = parsePattern(this.#root, pattern);
    // A name may have brackets of its own.
    const plain = await this.#stat(resolve(this.#root, pattern), pattern);
    if (plain !== undefined) return { base: glob === undefined ? base : plain.path, files: [plain] };
    if (glob === undefined) {
      throw new AppError("not_found", `Cannot read "${pattern}": there is no such file`);
    }
    const files: StoredFile[] = [];
    for await (const path of this.#walk(base, "", { pattern, glob, signal })) {
      const file = await this.#stat(path, pattern);
      if (file !== undefined) files.push(file);
    }
    if (files.length === 0) throw new AppError("not_found", `Cannot read "${pattern}": no file matches it`);
    return { base, files: files.sort((a, b) => (a.path < b.path ? -1 : 1)) };
  }

  async find(path: string): Promise<StoredFile | undefined> {
    return await this.#stat(path, shownPath(this.#root, path));
  }

  async write(path: string, condition: WriteCondition): Promise<FileWriter> {
    return await DiskWriter.open(path, shownPath(this.#root, path), condition);
  }

  async remove(path: string): Promise<void> {
    try {
      await Deno.remove(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw fileError("write", shownPath(this.#root, path), error);
    }
  }

  async publish(target: PublicationTarget, signal: AbortSignal): Promise<Publication> {
    const find = async (path: string) => {
      const file = await this.#stat(path, target.shown);
      if (file !== undefined) return file;
      throw new AppError("unavailable", `Cannot write "${target.shown}": "${path}" was removed meanwhile`);
    };
    const wait = { timeoutMs: this.#lockTimeoutMs, signal };
    return target.kind === "file"
      ? await publishFile(target, find, wait)
      : await publishFolder(target, find, wait);
  }

  async #stat(path: string, pattern: string): Promise<StoredFile | undefined> {
    const shown = shownPath(this.#root, path);
    try {
      const info = await Deno.stat(path);
      if (info.isDirectory) {
        throw new AppError(
          "invalid",
          `Cannot read "${pattern}": it is a folder; name its files, as "${
            pattern.replace(/\/$/, "")
          }/*.csv"`,
        );
      }
      return new DiskFile(path, shown, info);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw fileError("read", shown, error);
    }
  }

  /** The paths in the folder, which is `inside` of the pattern's base, that the glob matches. */
  async *#walk(folder: string, inside: string, search: Search): AsyncIterable<string> {
    const { pattern, glob, signal } = search;
    signal.throwIfAborted();
    const entries: Deno.DirEntry[] = [];
    try {
      for await (const entry of Deno.readDir(folder)) entries.push(entry);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw fileError("read", pattern, error);
    }
    for (const entry of entries) {
      if (isHidden(entry.name)) continue;
      const path = `${folder === "/" ? "" : folder}/${entry.name}`;
      const name = `${inside}${entry.name}`;
      if (entry.isDirectory) {
        if (glob.reaches(name)) yield* this.#walk(path, `${name}/`, search);
      } else if (entry.isSymlink && (glob.reaches(name) || glob.matches(name))) {
        if (!await this.#isLeftOut(path) && glob.matches(name)) yield path;
      } else if (glob.matches(name)) yield path;
    }
  }

  /** Folders are not followed through links: they may lead around in a circle. */
  async #isLeftOut(path: string): Promise<boolean> {
    const shown = shownPath(this.#root, path);
    try {
      if (!(await Deno.stat(path)).isDirectory) return false;
      this.#log(
        `"${shown}" is a link to a folder and is left out of wildcards; name it by a stream of its own`,
      );
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) this.#log(`"${shown}" is a link to nothing and is left out`);
      else throw fileError("read", shown, error);
    }
    return true;
  }
}

interface Search {
  readonly pattern: string;
  readonly glob: Glob;
  readonly signal: AbortSignal;
}
