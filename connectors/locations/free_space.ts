import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError } from "../../contract/errors.ts";
import { formatBytes } from "../../text/format.ts";
import type { StoredFile } from "./location.ts";

/** What is left free of a disk that files are brought to: DuckDB spills to it, and other runs use it too. */
const RESERVE_BYTES = 64 * 1024 * 1024;

/**
 * Throws `unavailable` where the disk of the folder has not room for what is still missing of the files on it.
 * Where the system does not say how much is free, there is room.
 */
export async function requireSpace(
  folder: string,
  files: readonly StoredFile[],
  freeBytesOf: (folder: string) => Promise<number | undefined> = freeBytes,
): Promise<void> {
  const neededBytes = files.reduce((sum, { localCopy }) => sum + (localCopy?.missingBytes ?? 0), 0);
  const [first] = files;
  if (first === undefined) return;
  const what = files.length === 1 ? `"${first.shown}"` : `"${first.shown}" and ${files.length - 1} more`;
  await requireFree(folder, neededBytes, what, freeBytesOf);
}

/** The same of so many bytes; `what` is to be read, as `"https://host/a.csv"`. */
export async function requireFree(
  folder: string,
  neededBytes: number,
  what: string,
  freeBytesOf: (folder: string) => Promise<number | undefined> = freeBytes,
): Promise<void> {
  if (neededBytes === 0) return;
  const free = await freeBytesOf(folder);
  if (free === undefined || neededBytes + RESERVE_BYTES <= free) return;
  throw new AppError(
    "unavailable",
    `Cannot read ${what}: ${formatBytes(neededBytes)} have to be brought to the server's disk, and ` +
      `${
        formatBytes(free)
      } are free where its data folder is; free some space, put the data folder (--data) on a ` +
      "larger disk, or make streams of fewer files",
  );
}

/** Of the disk of a folder that need not be there yet; undefined where the system does not say. */
export async function freeBytes(folder: string): Promise<number | undefined> {
  for (let path = folder;; path = dirname(path)) {
    try {
      const { bavail, bsize } = await statfs(path);
      return bavail * bsize;
    } catch {
      if (path === dirname(path)) return undefined;
    }
  }
}
