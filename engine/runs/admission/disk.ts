import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { formatBytes } from "../../../text/format.ts";

export interface Disk {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** A share of the disk within these bounds, and never more than a quarter of a small one. */
const SHARE = 0.05;
const LEAST_BYTES = 512 * 1_024 ** 2;
const MOST_BYTES = 5 * 1_024 ** 3;
const MOST_SHARE = 0.25;
/** What was too little is enough again with so much more than that: runs that begin and end move it up and down. */
const ROOM_AGAIN = 1.1;

/** Of a folder that need not be there yet; undefined where the system does not say. */
export async function diskOf(folder: string): Promise<Disk | undefined> {
  for (let path = folder;; path = dirname(path)) {
    try {
      const { bavail, blocks, bsize } = await statfs(path);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    } catch {
      if (path === dirname(path)) return undefined;
    }
  }
}

/** How many bytes are kept free of a disk: as the operator says, 0 for none, else by its size. */
export function diskReserve({ totalBytes }: Disk, wantedBytes: number | undefined): number {
  if (wantedBytes !== undefined) return wantedBytes;
  const bytes = Math.min(Math.max(totalBytes * SHARE, LEAST_BYTES), MOST_BYTES);
  return Math.floor(Math.min(bytes, totalBytes * MOST_SHARE));
}

/** Whether too little is free for a run to begin; `wasLow` says how it was. */
export function isLow(disk: Disk, reserveBytes: number, wasLow: boolean): boolean {
  return disk.freeBytes < reserveBytes * (wasLow ? ROOM_AGAIN : 1);
}

export function lowDiskText(folder: string, { freeBytes }: Disk, reserveBytes: number): string {
  return `the disk of ${folder} has ${formatBytes(freeBytes)} left, ${
    formatBytes(reserveBytes)
  } are kept free: ` +
    "free some space";
}
