import { join } from "node:path";
import { ulid } from "ulid";
import type { Sealer } from "../../../contract/keys/sealer.ts";
import { isRecord } from "../../../text/is_record.ts";

/** Where leases are written down before they are used, so that what a killed process left is found. */
export interface LeaseNotes extends AsyncDisposable {
  /** On the disk when it returns, by its name. */
  write(note: LeaseNote): Promise<string>;
  remove(name: string): Promise<void>;
  /** Those of processes that are no more; each is there until it is removed. */
  left(): Promise<LeftNote[]>;
}

export interface LeaseNote {
  readonly id: string;
  /** The store that gave it, as its address. */
  readonly place: string;
  /** When it ends by itself, as far as that was known. Epoch milliseconds. */
  readonly endsMs: number;
}

export interface LeftNote extends LeaseNote {
  remove(): Promise<void>;
}

export interface LeaseNotesOptions {
  /** In the data folder; made when the first lease is noted. */
  readonly folder: string;
  /** Notes are readable without it, by the data folder's user alone. */
  readonly sealer?: Sealer | undefined;
}

const LOCK = "lock";
const placeOf = (name: string): string => `lease/${name}`;

/**
 * A folder for each process with a file for each lease. The process holds a lock in it that the kernel gives back when the
 * process ends, however it ends: that tells what is left from what is under way.
 */
export function openLeaseNotes({ folder, sealer }: LeaseNotesOptions): LeaseNotes {
  const own = join(folder, ulid());
  let opening: Promise<Deno.FsFile> | undefined;
  const open = async () => {
    await Deno.mkdir(own, { recursive: true, mode: 0o700 });
    const lock = await Deno.open(join(own, LOCK), { write: true, create: true, mode: 0o600 });
    if (await lock.tryLock(true)) return lock;
    lock.close();
    throw new Error(`Another process holds ${own}`);
  };

  const readNote = async (dir: string, name: string): Promise<LeaseNote | undefined> => {
    try {
      const text = await Deno.readTextFile(join(dir, name));
      const plain = text.startsWith("{") ? text : await sealer?.open(text, placeOf(name));
      const note: unknown = plain === undefined ? undefined : JSON.parse(plain);
      if (!isRecord(note)) return undefined;
      const { id, place, endsMs } = note;
      return typeof id === "string" && typeof place === "string" && typeof endsMs === "number"
        ? { id, place, endsMs }
        : undefined;
    } catch {
      // Half a file, or a seal of another key: its lease ends by its own time.
      return undefined;
    }
  };

  return {
    async write(note) {
      opening ??= open().catch((error) => {
        opening = undefined;
        throw error;
      });
      await opening;
      const name = ulid();
      const plain = JSON.stringify(note);
      const text = sealer === undefined ? plain : await sealer.seal(plain, placeOf(name));
      const file = await Deno.open(join(own, name), { write: true, createNew: true, mode: 0o600 });
      try {
        await file.write(new TextEncoder().encode(text));
        await file.syncData();
      } finally {
        file.close();
      }
      return name;
    },

    async remove(name) {
      await Deno.remove(join(own, name)).catch(() => {});
    },

    async left() {
      const found: LeftNote[] = [];
      for (const dir of await foldersIn(folder)) {
        const path = join(folder, dir);
        if (path === own || !await isLeft(path)) continue;
        const names = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).filter((name) =>
          name !== LOCK
        );
        const remaining = new Set(names);
        const drop = async (name: string) => {
          await Deno.remove(join(path, name)).catch(() => {});
          remaining.delete(name);
          if (remaining.size === 0) await Deno.remove(path, { recursive: true }).catch(() => {});
        };
        if (names.length === 0) await Deno.remove(path, { recursive: true }).catch(() => {});
        for (const name of names) {
          const note = await readNote(path, name);
          if (note !== undefined) found.push({ ...note, remove: () => drop(name) });
          else await drop(name);
        }
      }
      return found;
    },

    async [Symbol.asyncDispose]() {
      const lock = await opening?.catch(() => undefined);
      if (lock === undefined) return;
      const names = await Array.fromAsync(Deno.readDir(own)).catch(() => []);
      if (names.every(({ name }) => name === LOCK)) {
        await Deno.remove(own, { recursive: true }).catch(() => {});
      }
      lock.close();
    },
  };
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).filter(({ isDirectory }) => isDirectory).map((
      { name },
    ) => name);
  } catch {
    // Nothing was ever leased.
    return [];
  }
}

/** Whether the process that made the folder has ended. */
async function isLeft(dir: string): Promise<boolean> {
  let lock: Deno.FsFile;
  try {
    lock = await Deno.open(join(dir, LOCK), { write: true });
  } catch (error) {
    // It is just being made, or just taken away.
    if (!(error instanceof Deno.errors.NotFound)) return false;
    const made = (await Deno.stat(dir).catch(() => undefined))?.mtime?.getTime() ?? Date.now();
    return Date.now() - made > 60_000;
  }
  try {
    return await lock.tryLock(true);
  } finally {
    lock.close();
  }
}
