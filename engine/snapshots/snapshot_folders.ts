import { join } from "node:path";
import { listSnapshots, snapshotsFolder } from "./snapshot_files.ts";

/** The folder of one published model, and since when nobody has published it any more. */

/** Taken away by the next snapshot, as all that is none. */
const UNWANTED = "unpublished";
const PRIVATE_FILE = 0o600;

export interface ModelFolder {
  readonly pipeline: string;
  readonly model: string;
  /** Absolute. */
  readonly path: string;
}

/** All that pipelines have published, in the order of their names. */
export async function modelFolders(dataDir: string): Promise<ModelFolder[]> {
  const root = snapshotsFolder(dataDir);
  const found: ModelFolder[] = [];
  for (const pipeline of await foldersIn(root)) {
    for (const model of await foldersIn(join(root, pipeline))) {
      found.push({ pipeline, model, path: join(root, pipeline, model) });
    }
  }
  return found;
}

/** Epoch milliseconds; undefined for one that is published, as far as anybody has noted. */
export async function unwantedSince({ path }: ModelFolder): Promise<number | undefined> {
  try {
    const since = Date.parse(await Deno.readTextFile(join(path, UNWANTED)));
    return Number.isNaN(since) ? undefined : since;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** null: it is published again. */
export async function noteUnwanted({ path }: ModelFolder, sinceMs: number | null): Promise<void> {
  const note = join(path, UNWANTED);
  try {
    if (sinceMs === null) await Deno.remove(note);
    else await Deno.writeTextFile(note, new Date(sinceMs).toISOString(), { mode: PRIVATE_FILE });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes all of the model's snapshots, and the folder of the pipeline where that was its last. */
export async function removeSnapshots({ path }: ModelFolder): Promise<void> {
  // Notes first: who looks now finds none rather than one whose file is gone.
  const names = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
  for (const name of names.filter((one) => one.endsWith(".json"))) await Deno.remove(join(path, name));
  await Deno.remove(path, { recursive: true });
  await Deno.remove(join(path, "..")).catch((error) => {
    // Another model has its snapshots there.
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ENOTEMPTY") throw error;
  });
}

/** What snapshots take of the disk. */
export async function snapshotsUsage(
  dataDir: string,
): Promise<
  { readonly models: number; readonly snapshots: number; readonly bytes: number; readonly unwanted: number }
> {
  const usage = { models: 0, snapshots: 0, bytes: 0, unwanted: 0 };
  for (const folder of await modelFolders(dataDir)) {
    const snapshots = await listSnapshots(folder.path);
    usage.models += 1;
    usage.snapshots += snapshots.length;
    usage.bytes += snapshots.reduce((sum, { size_bytes: bytes }) => sum + bytes, 0);
    if (await unwantedSince(folder) !== undefined) usage.unwanted += 1;
  }
  return usage;
}

async function foldersIn(path: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(path));
    return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
