import { join } from "node:path";
import { AppError } from "../contract/errors.ts";

type Chmod = (path: string, mode: number) => Promise<void>;

/** Permissions of group and others. */
const OTHERS = 0o077;
const WRITTEN_BY_OTHERS = 0o022;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** Folders of the data folder whose own entries are closed too. */
const INNER_FOLDERS: ReadonlySet<string> = new Set(["warehouse", "copies", "tmp", "tokens"]);

/**
 * Takes the permissions of group and others away from a data folder and what is in it: control store,
 * warehouses and tokens are for its user alone, whatever the folder was before. What a symbolic link leads
 * to is left alone. Throws `forbidden` where that cannot be done, as in a folder of another owner.
 */
export async function closeToOthers(path: string, chmod: Chmod = Deno.chmod): Promise<void> {
  // Windows has no such permissions: a user's folders are closed there by themselves.
  if (Deno.build.os === "windows") return;
  await restrict(path, FOLDER_MODE, await Deno.stat(path), chmod);
  for await (const entry of Deno.readDir(path)) {
    const inner = join(path, entry.name);
    if (!await restrictEntry(inner, entry, chmod) || !INNER_FOLDERS.has(entry.name)) continue;
    for await (const below of Deno.readDir(inner)) await restrictEntry(join(inner, below.name), below, chmod);
  }
}

/**
 * Closes the folder itself, before anything in it is touched. Where others could write to it until now, what is in it
 * may lead elsewhere: a link in the place of a file would have that written which it leads to. Throws `forbidden` for
 * one, and as `closeToOthers` does.
 */
export async function closeFolder(path: string, chmod: Chmod = Deno.chmod): Promise<void> {
  if (Deno.build.os === "windows") return;
  const info = await Deno.stat(path);
  await restrict(path, FOLDER_MODE, info, chmod);
  const mode = info.mode ?? 0;
  if ((mode & WRITTEN_BY_OTHERS) === 0) return;
  try {
    await refusePlanted(path);
  } catch (error) {
    // Closed, it would be taken for one that was never open by the next start.
    await chmod(path, mode & 0o7777);
    throw error;
  }
}

async function refusePlanted(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    const info = await Deno.lstat(path).catch(ignoreGone);
    if (info === undefined) continue;
    const what = info.isSymlink
      ? "a symbolic link"
      : info.uid !== Deno.uid()
      ? `of another user (${info.uid})`
      : info.isFile && (info.nlink ?? 1) > 1
      ? "a file with a second name elsewhere"
      : undefined;
    if (what !== undefined) {
      throw new AppError(
        "forbidden",
        `Cannot use ${folder}: other users may write to it, and ${path} is ${what}. ` +
          "Look at what is there, remove it and close the folder with chmod 700, or use another --data folder",
      );
    }
    if (isDirectory) await refusePlanted(path);
  }
}

/** Creates the file for this user alone, where it is not there: what opens it later keeps its mode. */
export async function createPrivateFile(path: string): Promise<void> {
  (await Deno.open(path, { write: true, create: true, mode: FILE_MODE })).close();
}

/** Whether it is a folder. */
async function restrictEntry(path: string, entry: Deno.DirEntry, chmod: Chmod): Promise<boolean> {
  if (!entry.isFile && !entry.isDirectory) return false;
  const info = await Deno.lstat(path).catch(ignoreGone);
  if (info !== undefined) await restrict(path, entry.isDirectory ? FOLDER_MODE : FILE_MODE, info, chmod);
  return entry.isDirectory;
}

async function restrict(path: string, mode: number, info: Deno.FileInfo, chmod: Chmod): Promise<void> {
  if (((info.mode ?? 0) & OTHERS) === 0) return;
  try {
    await chmod(path, mode);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw closeError(path, info, error);
  }
  // Some file systems take every mode and keep their own.
  const now = await Deno.lstat(path).catch(ignoreGone);
  if (now !== undefined && !now.isSymlink && ((now.mode ?? 0) & OTHERS) !== 0) throw closeError(path, info);
}

function closeError(path: string, { uid }: Deno.FileInfo, cause?: unknown): AppError {
  const isForeign = uid !== null && uid !== Deno.uid();
  const why = isForeign
    ? `it belongs to user ${uid}`
    : cause === undefined
    ? "its file system keeps the permissions as they are"
    : "this user may not change its permissions";
  return new AppError(
    "forbidden",
    `Cannot close ${path} to other users: ${why}. It holds tokens and data: make it this user's with chown, ` +
      "or use another --data folder.",
    cause === undefined ? {} : { cause },
  );
}

function ignoreGone(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
