import { basename, dirname, join } from "node:path";
import { stat } from "node:fs/promises";

/** Log files that were put aside: `server.log.20261127T073816001Z`, and the same with `.gz` when it is compressed. */

const STAMP = /^\d{8}T\d{9}Z(?:\.gz)?$/;

/** Where to put the file aside: none that is there is written over. */
export function oldPathFor(path: string, nowMs: number): string {
  for (let atMs = nowMs;; atMs++) {
    const old = `${path}.${new Date(atMs).toISOString().replaceAll(/[-:.]/g, "")}`;
    if (!exists(old) && !exists(`${old}.gz`)) return old;
  }
}

/** The oldest first. */
async function oldNames(path: string): Promise<string[]> {
  const prefix = `${basename(path)}.`;
  const names = await Array.fromAsync(Deno.readDir(dirname(path)), ({ name }) => name);
  return names.filter((name) => name.startsWith(prefix) && STAMP.test(name.slice(prefix.length))).sort();
}

/** Removes all but the newest `keep`. */
export async function removeOldest(path: string, keep: number): Promise<void> {
  const names = await oldNames(path);
  for (const name of names.slice(0, Math.max(names.length - keep, 0))) {
    await Deno.remove(join(dirname(path), name));
  }
}

/** Compresses those that are not: each is written beside, and takes the place of the old one when it is whole. */
export async function compressOld(path: string): Promise<void> {
  for (const name of await oldNames(path)) {
    if (!name.endsWith(".gz")) await compress(join(dirname(path), name));
  }
}

async function compress(path: string): Promise<void> {
  const partial = `${path}.gz.part`;
  const { mode } = await stat(path);
  try {
    const input = await Deno.open(path);
    const output = await Deno.open(partial, { write: true, create: true, truncate: true, mode });
    await input.readable.pipeThrough(new CompressionStream("gzip")).pipeTo(output.writable);
    await Deno.rename(partial, `${path}.gz`);
    await Deno.remove(path);
  } catch (error) {
    await Deno.remove(partial).catch(() => {});
    throw error;
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
