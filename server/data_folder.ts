import { join } from "node:path";
import { AppError } from "../contract/errors.ts";
import { closeFolder, closeToOthers } from "./close_to_others.ts";

/**
 * The data folder: control store, warehouses and what else a server keeps. One process at a time
 * holds it, by an exclusive lock on `<data>/lock` that the kernel gives back when the process ends,
 * however it ends. A server says in `<data>/server.json` how commands on the same machine reach it.
 */
export interface DataFolder extends AsyncDisposable {
  readonly path: string;
  /** Set while the first token was made and nobody has been shown it yet. */
  readonly firstTokenMark: Mark;
  /** Tells commands where the server is; the file is readable by the same user only. */
  announce(server: AnnouncedServer): Promise<void>;
}

/** How commands on the same machine reach a server. */
export interface AnnouncedServer {
  readonly url: string;
  readonly token: string;
  /** The path of its Unix socket, which commands use instead of the url. */
  readonly socket?: string;
}

/** Something that a later process must know, whatever becomes of this one. */
export interface Mark {
  isSet(): Promise<boolean>;
  set(): Promise<void>;
  clear(): Promise<void>;
}

/** Who holds a data folder. `server` is there once a server has announced itself. */
export interface Holder {
  readonly pid: number;
  readonly command: string;
  readonly server?: AnnouncedServer;
}

/** The layout of the folder; a newer program may raise it, an older one then refuses. */
const FORMAT = 1;

/**
 * Takes the folder, creating it where there is none. Returns undefined where another process holds
 * it. What is in it is closed to other users. Throws `invalid` where the path is no folder, has other
 * things in it or was made by a newer program, `forbidden` where it cannot be written or closed.
 */
export async function openDataFolder(path: string, command: string): Promise<DataFolder | undefined> {
  await createFolder(path);
  await closeFolder(path);
  const lock = await openLock(path);
  try {
    if (!await lock.tryLock(true)) {
      lock.close();
      return undefined;
    }
    await checkFormat(path);
    await closeToOthers(path);
    await removeIfPresent(join(path, "server.json"));
    await noteHolder(lock, command);
  } catch (error) {
    lock.close();
    throw error;
  }
  return {
    path,
    firstTokenMark: markOf(join(path, "first-token-not-shown")),
    announce: (server) =>
      writePrivate(join(path, "server.json"), JSON.stringify({ pid: Deno.pid, ...server })),
    async [Symbol.asyncDispose]() {
      await removeIfPresent(join(path, "server.json"));
      lock.close();
    },
  };
}

/** The lock holds whether or not a full disk has room to say whose it is. */
async function noteHolder(lock: Deno.FsFile, command: string): Promise<void> {
  await lock.truncate();
  try {
    await lock.write(new TextEncoder().encode(JSON.stringify({ pid: Deno.pid, command })));
  } catch {
    // Others are told that somebody holds it, and not who.
  }
}

/** Who holds the folder, as far as it has said so. Ask after `openDataFolder` returned undefined. */
export async function readHolder(path: string): Promise<Holder | undefined> {
  const lock = await readJson(join(path, "lock"));
  if (typeof lock?.["pid"] !== "number" || typeof lock["command"] !== "string") return undefined;
  const holder = { pid: lock["pid"], command: lock["command"] };
  const server = await readJson(join(path, "server.json"));
  // A file that another process left behind says nothing about this holder.
  if (server?.["pid"] !== holder.pid) return holder;
  const { url, token, socket } = server;
  if (typeof url !== "string" || typeof token !== "string") return holder;
  return { ...holder, server: { url, token, ...(typeof socket === "string" ? { socket } : {}) } };
}

/** Whether there is a data folder at all; a command that only looks need not make one. */
export async function dataFolderExists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(join(path, "lock"))).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw folderError(path, error);
  }
}

async function createFolder(path: string): Promise<void> {
  try {
    const made = await Deno.stat(path).then(() => false, () => true);
    if (!made) await requireOurs(path);
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    // The default place is inside the user's project: it keeps itself out of git.
    if (made) await Deno.writeTextFile(join(path, ".gitignore"), "*\n");
  } catch (error) {
    throw folderError(path, error);
  }
}

/** What belongs to a volume's root, or to nobody: a folder with nothing else in it is as good as empty. */
const HARMLESS: ReadonlySet<string> = new Set(["lost+found", ".gitignore", ".gitkeep", ".DS_Store"]);

/** One of these makes it a data folder, whole or restored from a backup. */
const OURS: ReadonlySet<string> = new Set(["lock", "format.json", "sluice.db", "warehouse", "tokens"]);

/** Throws `invalid` for a folder of other things: closing it would keep their users out. */
async function requireOurs(path: string): Promise<void> {
  const names = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
  const other = names.find((name) => !HARMLESS.has(name));
  if (other === undefined || names.some((name) => OURS.has(name))) return;
  throw new AppError(
    "invalid",
    `Cannot use ${path} as the data folder: it has "${other}" in it, expected a new or an empty folder`,
  );
}

async function openLock(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(join(path, "lock"), { read: true, write: true, create: true, mode: 0o600 });
  } catch (error) {
    throw folderError(path, error);
  }
}

async function checkFormat(path: string): Promise<void> {
  const file = join(path, "format.json");
  const found = await readJson(file);
  if (found === undefined) return await writePrivate(file, JSON.stringify({ format: FORMAT }));
  const format = found["format"];
  if (typeof format === "number" && format > FORMAT) {
    throw new AppError(
      "invalid",
      `Cannot use the data folder ${path}: a newer version of sluice made it (format ${format}, this one knows ${FORMAT}). ` +
        "Use that version, or another --data folder.",
    );
  }
}

function folderError(path: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return new AppError("forbidden", `Cannot write the data folder ${path}: permission denied`, {
      cause: error,
    });
  }
  if (error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotADirectory) {
    return new AppError("invalid", `Cannot use the data folder ${path}: it is not a folder`, {
      cause: error,
    });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new AppError("invalid", `Cannot use the data folder ${path}: ${reason}`, { cause: error });
}

function markOf(path: string): Mark {
  return {
    isSet: () => Deno.stat(path).then(() => true, () => false),
    set: () => writePrivate(path, ""),
    clear: () => removeIfPresent(path),
  };
}

/**
 * Writes beside and renames, so that a reader never sees half a file. Who holds the folder writes alone: what one that was
 * killed has left is written over.
 */
async function writePrivate(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await Deno.writeTextFile(temporary, text, { mode: 0o600 });
    await Deno.rename(temporary, path);
  } catch (error) {
    throw folderError(path, error);
  }
}

async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw folderError(path, error);
  }
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    // Half a file of a process that was killed while it wrote: nobody said anything.
    return undefined;
  }
}

async function removeIfPresent(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
