import { dirname } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { fileError } from "../file_error.ts";

const LOCK_RETRY_MS = 20;

/** How a place is waited for that another load holds. */
export interface LockWait {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * The hidden folder beside a target, on the same file system, in which a load is built. A lock on it
 * keeps a second load of the same target out and ends with the process, so that whatever is found
 * in it is left over from a load that was killed.
 */
export class Workspace implements AsyncDisposable {
  readonly path: string;
  readonly #handle: Deno.FsFile;

  private constructor(path: string, handle: Deno.FsFile) {
    this.path = path;
    this.#handle = handle;
  }

  /**
   * Waits while another load holds it. Throws `unavailable` where that takes too long, `forbidden` where
   * it cannot be made.
   */
  static async open(path: string, shown: string, { timeoutMs, signal }: LockWait): Promise<Workspace> {
    const deadlineMs = performance.now() + timeoutMs;
    try {
      for (;;) {
        signal.throwIfAborted();
        const handle = await openFolder(path);
        if (handle === undefined) continue;
        const isLocked = await handle.tryLock(true);
        // The one before may have removed the folder while this one waited at its door.
        if (isLocked && await isSame(handle, path)) return new Workspace(path, handle);
        handle.close();
        if (isLocked) continue;
        if (performance.now() > deadlineMs) {
          throw new AppError("unavailable", `Cannot write "${shown}": another load is writing it`);
        }
        await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
      }
    } catch (error) {
      signal.throwIfAborted();
      throw fileError("write", shown, error);
    }
  }

  /** Removes what is in it but the names given. */
  async clear(...keep: readonly string[]): Promise<void> {
    for await (const entry of Deno.readDir(this.path)) {
      if (!keep.includes(entry.name)) await Deno.remove(`${this.path}/${entry.name}`, { recursive: true });
    }
  }

  /** Removes the folder where it is empty, and lets the next load in. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await Deno.remove(this.path);
    } catch {
      // It holds the record of loads, or what a failure left; the next load clears that.
    } finally {
      this.#handle.close();
    }
  }
}

/** Makes the folder where it is missing; undefined where the load before removed it in between. */
async function openFolder(path: string): Promise<Deno.FsFile | undefined> {
  await Deno.mkdir(path, { recursive: true });
  try {
    return await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function isSame(handle: Deno.FsFile, path: string): Promise<boolean> {
  const [opened, named] = await Promise.all([
    handle.stat(),
    Deno.stat(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }),
  ]);
  return named !== undefined && opened.ino === named.ino && opened.dev === named.dev;
}

/** Makes the file's, or the folder's, content durable. */
export async function syncPath(path: string): Promise<void> {
  using handle = await Deno.open(path);
  await handle.sync();
}

/**
 * Makes the name durable that a file or folder was just given by a rename. The folder that it is in has to be
 * synced for that; where the run may not open it, the thing itself is: journals of file systems write
 * a rename no later than what was renamed.
 */
export async function syncName(path: string): Promise<void> {
  // Where neither can be done, the system does it in its time.
  void (await trySync(dirname(path)) || await trySync(path));
}

/** Whether the file or folder could be made durable. Some file systems do not let a folder be opened. */
export async function trySync(path: string): Promise<boolean> {
  try {
    await syncPath(path);
    return true;
  } catch {
    return false;
  }
}

/** Writes the text so that a reader sees the old or the new one. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  await Deno.writeTextFile(temporary, text);
  await syncPath(temporary);
  await Deno.rename(temporary, path);
}
