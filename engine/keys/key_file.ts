import { dirname, resolve } from "node:path";
import { AppError } from "../../contract/errors.ts";
import { generateKeyText, parseRootKey, type RootKey } from "./root_key.ts";

/** A key with a line break, and some room. */
const MAX_FILE_BYTES = 1_024;
const READ_BY_OTHERS = 0o004;
const WRITTEN_BY_OTHERS = 0o022;
const PRIVATE_FILE = 0o600;

/** Where containers put their secrets, readable by all that run in them. */
const CONTAINER_FOLDERS = ["/run/secrets/", "/var/run/secrets/"];

export interface KeyFileOptions {
  /** For people: `SLUICE_KEY_FILE`. */
  readonly source: string;
  /** A key that lies in there would go into its repository with the rest. */
  readonly projectDir: string;
  /** Whether a project may be around it, as where it is the data folder's own. */
  readonly mayLieInProject?: boolean;
}

/**
 * The key of a file. Throws `invalid` where it is no key, may be read by everybody on the machine or lies in the project,
 * `not_found` where it is not there and `unavailable` where it cannot be read.
 */
export async function readKeyFile(path: string, options: KeyFileOptions): Promise<RootKey> {
  const { source, projectDir, mayLieInProject = false } = options;
  const named = `${source} (${path})`;
  const real = await reading(named, () => Deno.realPath(path));
  if (!mayLieInProject && await isInside(real, projectDir)) {
    throw new AppError(
      "invalid",
      `${named} lies in the project ${projectDir}, whose files are shared: move the key out of it`,
    );
  }
  const text = await reading(named, async () => {
    using file = await Deno.open(real);
    checkFile(await file.stat(), named, real);
    const bytes = new Uint8Array(MAX_FILE_BYTES);
    return new TextDecoder().decode(bytes.subarray(0, await file.read(bytes) ?? 0));
  });
  return await parseRootKey(text, named);
}

function checkFile({ isFile, size, mode }: Deno.FileInfo, named: string, real: string): void {
  if (!isFile || size > MAX_FILE_BYTES) {
    throw new AppError("invalid", `${named} is no key file: expected a file with one key in it`);
  }
  // Windows has no such permissions.
  if (mode === null || CONTAINER_FOLDERS.some((folder) => real.startsWith(folder))) return;
  if ((mode & (READ_BY_OTHERS | WRITTEN_BY_OTHERS)) === 0) return;
  throw new AppError(
    "invalid",
    `${named} is open to other users of this machine (mode ${(mode & 0o777).toString(8)}): ` +
      `close it with chmod 600, and take another key where somebody may have read it`,
  );
}

/**
 * Makes a key in a new file, which is on the disk when this returns; false where there is a file by then, which stays.
 * Throws `unavailable`.
 */
export async function createKeyFile(path: string): Promise<boolean> {
  const written = `${path}.${crypto.randomUUID()}.new`;
  try {
    {
      using file = await Deno.open(written, { createNew: true, write: true, mode: PRIVATE_FILE });
      const bytes = new TextEncoder().encode(`${generateKeyText()}\n`);
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      await file.sync();
    }
    // A link takes nobody's place, so that two processes have the same key; not every file system has links.
    const isMade = await Deno.link(written, path).then(() => true, async (error) => {
      if (error instanceof Deno.errors.AlreadyExists || await isThere(path)) return false;
      await Deno.rename(written, path);
      return true;
    });
    await Deno.remove(written).catch(() => {});
    await syncFolder(dirname(path));
    return isMade;
  } catch (error) {
    await Deno.remove(written).catch(() => {});
    throw new AppError("unavailable", `Cannot make the key file ${path}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

async function reading<T>(named: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      throw new AppError("not_found", `${named} is not there`, { cause: error });
    }
    throw new AppError("unavailable", `Cannot read ${named}: ${reasonOf(error)}`, { cause: error });
  }
}

async function isInside(path: string, folder: string): Promise<boolean> {
  const real = await Deno.realPath(folder).catch(() => resolve(folder));
  return path === real || path.startsWith(real.endsWith("/") ? real : `${real}/`);
}

const isThere = (path: string): Promise<boolean> => Deno.lstat(path).then(() => true, () => false);

/** So that the name is on the disk as well; where a folder cannot be opened the system sees to it. */
async function syncFolder(path: string): Promise<void> {
  const folder = await Deno.open(path).catch(() => undefined);
  await folder?.sync().catch(() => {});
  folder?.close();
}

const reasonOf = (error: unknown): string => error instanceof Error ? error.message : String(error);
