import { resolve } from "node:path";
import { AppError } from "../../../contract/errors.ts";
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
import { findMatches } from "./find_matches.ts";
import { parsePattern } from "../pattern.ts";
import { publishFile } from "./publish_file.ts";
import { publishFolder } from "./publish_folder.ts";
import { shownPath } from "../shown_path.ts";

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

  async list(
    pattern: string,
    signal: AbortSignal,
    accepts: (path: string) => boolean = () => true,
  ): Promise<FileList> {
    const { base, glob } = parsePattern(this.#root, pattern);
    // A name may have brackets of its own.
    const plain = await this.#stat(resolve(this.#root, pattern), pattern);
    if (plain !== undefined) return { base: glob === undefined ? base : plain.path, files: [plain] };
    if (glob === undefined) {
      throw new AppError("not_found", `Cannot read "${pattern}": there is no such file`);
    }
    const files = await findMatches({
      base,
      glob,
      pattern,
      signal,
      stat: (path) => accepts(path) ? this.#stat(path, pattern) : Promise.resolve(undefined),
      leftOut: (path, leadsTo) => this.#tellLeftOut(path, leadsTo),
    });
    if (files.length === 0) throw new AppError("not_found", `Cannot read "${pattern}": no file matches it`);
    return { base, files };
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

  pathSql(localPath: string): string {
    return localPath;
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

  #tellLeftOut(path: string, leadsTo: "folder" | "nothing"): void {
    const shown = shownPath(this.#root, path);
    this.#log(
      leadsTo === "nothing"
        ? `"${shown}" is a link to nothing and is left out`
        : `"${shown}" is a link to a folder and is left out of wildcards; name it by a stream of its own`,
    );
  }
}
