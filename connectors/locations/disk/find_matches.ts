import { AppError } from "../../../contract/errors.ts";
import { isHidden } from "../hidden.ts";
import type { StoredFile } from "../location.ts";
import { fileError } from "../file_error.ts";
import type { Glob } from "../pattern.ts";

export interface Search {
  readonly base: string;
  readonly glob: Glob;
  /** As the user wrote it, for messages. */
  readonly pattern: string;
  readonly signal: AbortSignal;
  /** Undefined where the file is gone. */
  stat(path: string): Promise<StoredFile | undefined>;
  /** Hears of a link that is not followed: `folder`, or `nothing` for one that leads nowhere. */
  leftOut(path: string, leadsTo: "folder" | "nothing"): void;
}

const MAX_WALKS = 10;

/**
 * The files under `base` that the glob matches, in the order of their paths, all from one state of the folders:
 * a load that exchanges a folder while it is walked would show some files of the old one and some
 * of the new one, so then the walk begins anew.
 */
export async function findMatches(search: Search): Promise<readonly StoredFile[]> {
  for (let walk = 0; walk < MAX_WALKS; walk++) {
    search.signal.throwIfAborted();
    const files: StoredFile[] = [];
    const folders = new Map<string, string>();
    await walkFolder(search, search.base, "", { files, folders });
    if (await areSame(folders)) return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }
  throw new AppError(
    "unavailable",
    `Cannot read "${search.pattern}": its folders were replaced again and again while they were listed`,
  );
}

interface Found {
  readonly files: StoredFile[];
  /** What tells a folder that was walked from one that took its place. */
  readonly folders: Map<string, string>;
}

/** `inside` is the folder relative to the base, with a slash at its end. */
async function walkFolder(search: Search, folder: string, inside: string, found: Found): Promise<void> {
  const { glob } = search;
  for (const entry of await entriesOf(search, folder, found.folders)) {
    if (isHidden(entry.name)) continue;
    const path = `${folder === "/" ? "" : folder}/${entry.name}`;
    const name = `${inside}${entry.name}`;
    if (entry.isDirectory) {
      if (glob.reaches(name)) await walkFolder(search, path, `${name}/`, found);
      continue;
    }
    if (entry.isSymlink && (glob.reaches(name) || glob.matches(name)) && await isLeftOut(search, path)) {
      continue;
    }
    const file = glob.matches(name) ? await search.stat(path) : undefined;
    if (file !== undefined) found.files.push(file);
  }
}

async function entriesOf(
  { pattern }: Search,
  folder: string,
  folders: Map<string, string>,
): Promise<Deno.DirEntry[]> {
  const entries: Deno.DirEntry[] = [];
  try {
    folders.set(folder, await identityOf(folder));
    for await (const entry of Deno.readDir(folder)) entries.push(entry);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw fileError("read", pattern, error);
  }
  return entries;
}

async function areSame(folders: ReadonlyMap<string, string>): Promise<boolean> {
  for (const [folder, identity] of folders) if (await identityOf(folder) !== identity) return false;
  return true;
}

async function identityOf(folder: string): Promise<string> {
  try {
    const { dev, ino } = await Deno.stat(folder);
    return `${dev}-${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "gone";
    throw error;
  }
}

/** Folders are not followed through links: they may lead around in a circle. */
async function isLeftOut(search: Search, path: string): Promise<boolean> {
  try {
    if (!(await Deno.stat(path)).isDirectory) return false;
    search.leftOut(path, "folder");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError("read", path, error);
    search.leftOut(path, "nothing");
  }
  return true;
}
