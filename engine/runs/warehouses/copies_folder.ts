import { join } from "node:path";
import { AppError } from "../../../contract/errors.ts";

const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;
/** Held for a moment by who makes or clears away folders. */
const GUARD = "lock";
/** In each folder: held by its process for as long as it lives. */
const OWNER = "owner";

/** Where copies of warehouses are, each in a folder of its own. */
export const copiesFolder = (dataDir: string): string => join(dataDir, "copies");

/** A folder for copies of warehouses; it is gone when it is disposed of. */
export interface ScratchFolder extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
}

/**
 * Makes a folder below `copies/` of the data folder, readable by this user only, and clears away those whose processes were
 * killed: the kernel gives a lock back with the process that held it. Throws `unavailable` where it cannot be made.
 */
export async function openScratchFolder(dataDir: string): Promise<ScratchFolder> {
  const parent = copiesFolder(dataDir);
  const path = join(parent, crypto.randomUUID());
  let owner: Deno.FsFile;
  try {
    await Deno.mkdir(parent, { recursive: true, mode: PRIVATE_FOLDER });
    using _guard = await lockFile(join(parent, GUARD));
    await removeLeftBehind(parent);
    await Deno.mkdir(path, { mode: PRIVATE_FOLDER });
    owner = await lockFile(join(path, OWNER));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("unavailable", `Cannot make a folder for a copy in ${parent}: ${reason}`, {
      cause: error,
    });
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      await remove(path);
      owner.close();
    },
  };
}

/** Removes the copies of processes that were killed, and returns how many there were; those of others stay. */
export async function clearCopies(dataDir: string): Promise<number> {
  const parent = copiesFolder(dataDir);
  try {
    if (!(await Deno.stat(parent)).isDirectory) return 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
  using _guard = await lockFile(join(parent, GUARD));
  return await removeLeftBehind(parent);
}

async function removeLeftBehind(parent: string): Promise<number> {
  let count = 0;
  for await (const { name, isDirectory } of Deno.readDir(parent)) {
    const path = join(parent, name);
    if (!isDirectory || await isOwned(path)) continue;
    await remove(path);
    count++;
  }
  return count;
}

async function isOwned(path: string): Promise<boolean> {
  try {
    using owner = await Deno.open(join(path, OWNER), { write: true });
    return !await owner.tryLock(true);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function lockFile(path: string): Promise<Deno.FsFile> {
  const file = await Deno.open(path, { write: true, create: true, mode: PRIVATE_FILE });
  await file.lock(true);
  return file;
}

/** One that its own process is done with may be cleared away by another at the same moment. */
async function remove(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
