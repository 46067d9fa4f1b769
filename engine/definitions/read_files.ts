import { join, relative, sep } from "node:path";
import { AppError } from "../../contract/errors.ts";
import type { Fault } from "../../text/fault.ts";

/** A text of the project, or why it cannot be had. */
export type FileText = { readonly text: string } | { readonly fault: Fault };

export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

/** Definitions and SQL are written by hand: one larger than this is a mistake. */
const MAX_FILE_BYTES = 5 * 1024 * 1024;
/** Each waits for the disk more than for the processor. */
const FILES_AT_ONCE = 32;

/** Texts of a project that need not be read again: see ProjectFiles. */
export interface FileCache {
  readonly texts: Map<string, FileText | undefined>;
  readonly folders: Map<string, readonly FolderEntry[] | { readonly fault: Fault } | undefined>;
  /** Texts that are not saved yet: they stand in the place of the files. */
  readonly unsaved: ReadonlyMap<string, string>;
}

/** The texts of one project folder. Nothing outside it is ever read, not even through a symbolic link. */
export class ProjectFiles {
  readonly #root: string;
  readonly #cache: FileCache | undefined;

  private constructor(root: string, cache: FileCache | undefined) {
    this.#root = root;
    this.#cache = cache;
  }

  /** The folder's absolute path, links resolved. */
  get root(): string {
    return this.#root;
  }

  /**
   * Throws not_found where the folder does not exist, invalid where it is no folder. What is in the `cache` is not read again, and what
   * is read is put there.
   */
  static async open(projectDir: string, cache?: FileCache): Promise<ProjectFiles> {
    try {
      const root = await Deno.realPath(projectDir);
      if (!(await Deno.stat(root)).isDirectory) {
        throw new AppError("invalid", `Cannot load the project: ${projectDir} is not a folder`);
      }
      return new ProjectFiles(root, cache);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      const message = `Cannot load the project: the folder ${projectDir} does not exist; ` +
        "make one with `sluice init`, or name another with --project";
      throw new AppError("not_found", message, { cause: error });
    }
  }

  /**
   * Names in the folder, sorted, without hidden ones; `undefined` where there is no such folder, a
   * fault where it cannot be read.
   */
  async list(folder: string): Promise<readonly FolderEntry[] | { readonly fault: Fault } | undefined> {
    const cache = this.#cache;
    if (cache?.folders.has(folder)) return cache.folders.get(folder);
    const listed = await this.#list(folder);
    const entries = cache === undefined ? listed : withUnsaved(folder, listed, cache.unsaved);
    cache?.folders.set(folder, entries);
    return entries;
  }

  async #list(folder: string): Promise<readonly FolderEntry[] | { readonly fault: Fault } | undefined> {
    const entries: FolderEntry[] = [];
    try {
      for await (const entry of Deno.readDir(join(this.#root, folder))) {
        if (entry.name.startsWith(".")) continue;
        entries.push({ name: entry.name, isFolder: entry.isDirectory });
      }
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
        return undefined;
      }
      return { fault: unreadable(folder, error) };
    }
    return entries.sort(byName);
  }

  /** Whether the folder is there and, links followed, inside the project. */
  async hasFolder(folder: string): Promise<boolean> {
    try {
      const real = await Deno.realPath(join(this.#root, folder));
      return this.#isInside(real) && (await Deno.stat(real)).isDirectory;
    } catch (error) {
      if (!isFileError(error)) throw error;
      // One that is only there unsaved leads nowhere.
      const isMissing = error instanceof Deno.errors.NotFound;
      return isMissing &&
        [...this.#cache?.unsaved.keys() ?? []].some((path) => path.startsWith(`${folder}/`));
    }
  }

  /** The texts of the files that are there, by their paths. */
  async readAll(paths: readonly string[]): Promise<Map<string, FileText>> {
    const texts = new Map<string, FileText>();
    for (let start = 0; start < paths.length; start += FILES_AT_ONCE) {
      const batch = paths.slice(start, start + FILES_AT_ONCE);
      const read = await Promise.all(batch.map((path) => this.read(path)));
      for (const [index, path] of batch.entries()) {
        const file = read[index];
        if (file !== undefined) texts.set(path, file);
      }
    }
    return texts;
  }

  /** The text of a file, `undefined` where there is none. `path` is relative with `/`. */
  async read(path: string): Promise<FileText | undefined> {
    const cache = this.#cache;
    if (cache?.texts.has(path)) return cache.texts.get(path);
    const unsaved = cache?.unsaved.get(path);
    const text = unsaved === undefined ? await this.#read(path) : { text: unsaved };
    cache?.texts.set(path, text);
    return text;
  }

  async #read(path: string): Promise<FileText | undefined> {
    const refuse = (message: string): FileText => ({ fault: { file: path, message, severity: "error" } });
    try {
      const real = await Deno.realPath(join(this.#root, path));
      if (!this.#isInside(real)) {
        return refuse("leads out of the project by a symbolic link: copy the file in");
      }
      const info = await Deno.stat(real);
      if (!info.isFile) return refuse("is not a regular file");
      if (info.size > MAX_FILE_BYTES) return refuse(`is ${megabytes(info.size)} MB large: the limit is 5 MB`);
      return decode(path, await Deno.readFile(real));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      return { fault: unreadable(path, error) };
    }
  }

  #isInside(real: string): boolean {
    const path = relative(this.#root, real);
    return path !== ".." && !path.startsWith(`..${sep}`);
  }
}

/** A folder with the files that are only there unsaved. */
function withUnsaved(
  folder: string,
  listed: readonly FolderEntry[] | { readonly fault: Fault } | undefined,
  unsaved: FileCache["unsaved"],
) {
  if (listed !== undefined && "fault" in listed) return listed;
  const entries = new Map((listed ?? []).map((entry) => [entry.name, entry]));
  for (const path of unsaved.keys()) {
    if (!path.startsWith(`${folder}/`)) continue;
    const [name = "", ...below] = path.slice(folder.length + 1).split("/");
    if (name !== "" && !name.startsWith(".") && !entries.has(name)) {
      entries.set(name, { name, isFolder: below.length > 0 });
    }
  }
  return listed === undefined && entries.size === 0 ? undefined : [...entries.values()].sort(byName);
}

const byName = (a: FolderEntry, b: FolderEntry): number => a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

/** Every error of the system about one file is that file's fault; any other error is thrown on. */
function unreadable(file: string, error: unknown): Fault {
  if (!isFileError(error)) throw error;
  return { file, message: `cannot be read: ${reasonOf(error)}`, severity: "error" };
}

function reasonOf(error: Error): string {
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return "permission denied";
  }
  if (error instanceof Deno.errors.FilesystemLoop) return "its symbolic links lead in a circle";
  return error.message.replace(/^(.*?) \(os error \d+\).*$/s, "$1");
}

function isFileError(error: unknown): error is Error {
  return error instanceof Error && (/os error \d+/.test(error.message) ||
    Object.values(Deno.errors).some((kind) => error instanceof kind));
}

/** UTF-8 or nothing: a file in another encoding must not end as wrong letters in SQL. */
function decode(path: string, bytes: Uint8Array): FileText {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return { text };
    return { fault: { file: path, message: "holds a zero byte: it is not a text", severity: "error" } };
  } catch {
    const line = firstBadLine(bytes);
    const message = "is not UTF-8 text: save it as UTF-8";
    return { fault: { file: path, line, column: 1, message, severity: "error" } };
  }
}

function firstBadLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(10, start);
    try {
      decoder.decode(bytes.subarray(start, end === -1 ? bytes.length : end));
    } catch {
      return line;
    }
    if (end === -1) break;
    start = end + 1;
    line++;
  }
  return line;
}

function megabytes(sizeBytes: number): string {
  return (sizeBytes / 1024 / 1024).toFixed(1);
}
