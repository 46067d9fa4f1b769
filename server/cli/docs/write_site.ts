import { dirname, join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import type { SiteFile } from "../../backend.ts";

/** What became of the files of a folder. */
export interface WrittenSite {
  readonly files: number;
  /** Those among them that are new, or have another text than before. */
  readonly changed: number;
  /** Files of earlier docs that these do not have. */
  readonly removed: number;
}

/** In the folder: the paths of all files that were written there. */
export const LIST_FILE = ".sluice-docs";
const LIST_HEAD = "# Written by sluice docs, which replaces these files and refuses a folder that has others";
/** Where a file is before it takes its place. */
const TEMPORARY = ".sluice-docs.tmp";

/** What systems and people leave in folders that count as empty. */
const HARMLESS: ReadonlySet<string> = new Set([
  "lost+found",
  ".gitignore",
  ".gitattributes",
  ".gitkeep",
  ".nojekyll",
  ".DS_Store",
]);

/**
 * Writes the files into the folder, which is made where there is none: a file that has its text already stays as it is, and each
 * other one is replaced in one step. Files of earlier docs go. Throws invalid where the folder has files that were not
 * written here, before anything is changed, or where it cannot be written.
 */
export async function writeSite(
  folder: string,
  files: AsyncIterable<SiteFile>,
  signal: AbortSignal,
): Promise<WrittenSite> {
  try {
    return await write(folder, files, signal);
  } catch (error) {
    if (error instanceof AppError || signal.aborted) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot write the docs to ${folder}: ${reason}`, { cause: error });
  }
}

async function write(
  folder: string,
  files: AsyncIterable<SiteFile>,
  signal: AbortSignal,
): Promise<WrittenSite> {
  await Deno.mkdir(folder, { recursive: true });
  const old = await requireOwn(folder);
  const written: string[] = [];
  let changed = 0;
  // Whatever ends this, the list has every file that may be there.
  using list = await Deno.open(join(folder, LIST_FILE), { create: true, write: true });
  await appendTo(list, old.length === 0 ? [LIST_HEAD] : []);
  for await (const { path, text } of files) {
    signal.throwIfAborted();
    if (!old.includes(path)) await appendTo(list, [path]);
    if (await writeChanged(folder, path, text)) changed += 1;
    written.push(path);
  }
  const kept = new Set(written);
  let removed = 0;
  for (const path of old) {
    if (kept.has(path)) continue;
    if (await removeFile(folder, path)) removed += 1;
  }
  await writeChanged(folder, LIST_FILE, `${[LIST_HEAD, ...written.toSorted()].join("\n")}\n`);
  return { files: written.length, changed, removed };
}

/** The files of earlier docs. Throws invalid for a folder with anything else in it. */
async function requireOwn(folder: string): Promise<readonly string[]> {
  const listed = await readListed(folder);
  const known = new Set(listed);
  for await (const path of filesIn(folder, "")) {
    if (known.has(path) || path === LIST_FILE || path === TEMPORARY || HARMLESS.has(path)) continue;
    const expected = listed === undefined
      ? "expected a new or an empty folder, as --output site"
      : "move it away, or name another folder with --output DIR";
    throw new AppError(
      "invalid",
      `Cannot write the docs to ${folder}: it has ${
        quoteName(path)
      } in it, which sluice docs did not write: ${expected}`,
    );
  }
  return listed ?? [];
}

async function readListed(folder: string): Promise<readonly string[] | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(join(folder, LIST_FILE));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return text.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
}

/** Paths of files with `/`. A link is a file: what it leads to is somebody else's. */
async function* filesIn(folder: string, below: string): AsyncIterable<string> {
  for await (const { name, isDirectory } of Deno.readDir(join(folder, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    if (isDirectory && !HARMLESS.has(path)) yield* filesIn(folder, path);
    else yield path;
  }
}

async function appendTo(list: Deno.FsFile, lines: readonly string[]): Promise<void> {
  await list.seek(0, Deno.SeekMode.End);
  let bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
  while (bytes.length > 0) bytes = bytes.subarray(await list.write(bytes));
}

/** Whether it had another text, or was not there. */
async function writeChanged(folder: string, path: string, text: string): Promise<boolean> {
  const target = join(folder, path);
  const bytes = new TextEncoder().encode(text);
  if (await hasBytes(target, bytes)) return false;
  await Deno.mkdir(dirname(target), { recursive: true });
  const temporary = join(folder, TEMPORARY);
  await Deno.writeFile(temporary, bytes);
  await Deno.rename(temporary, target);
  return true;
}

async function hasBytes(path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    if ((await Deno.stat(path)).size !== bytes.length) return false;
    const found = await Deno.readFile(path);
    return found.every((byte, index) => byte === bytes[index]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** With the folders above it that are empty then. False where it was gone already. */
async function removeFile(folder: string, path: string): Promise<boolean> {
  try {
    await Deno.remove(join(folder, path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  for (let above = dirname(path); above !== "."; above = dirname(above)) {
    // One that is not empty stays.
    const isGone = await Deno.remove(join(folder, above)).then(() => true, () => false);
    if (!isGone) break;
  }
  return true;
}
