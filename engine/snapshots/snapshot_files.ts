import { join } from "node:path";
import * as v from "valibot";
import { requirePathPart } from "../../contract/names.ts";
import { type Snapshot, snapshotSchema } from "../../contract/snapshots/snapshot.ts";

/**
 * The snapshots of all pipelines: `snapshots/<pipeline>/<model>/<id>.parquet` of the data folder, and beside each
 * `<id>.json`, which says what it is. That note is put last and taken away first: a file without one is none, so no
 * reader sees half a snapshot, whenever its writer is killed. The one with the greatest id is the current one.
 */

const DATA = ".parquet";
const NOTE = ".json";
const UNFINISHED = ".tmp";
const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;

export const snapshotsFolder = (dataDir: string): string => join(dataDir, "snapshots");

/** Throws `invalid` for a name that leads out of the folder. */
export const pipelineSnapshots = (dataDir: string, pipeline: string): string =>
  join(snapshotsFolder(dataDir), requirePathPart(pipeline));

/** The folder of one model in that of its pipeline. Throws `invalid` likewise. */
export const modelSnapshots = (folder: string, model: string): string => join(folder, requirePathPart(model));

/** The file of a snapshot in the folder of its model. */
export const snapshotFile = (folder: string, id: string): string =>
  join(folder, `${requirePathPart(id)}${DATA}`);

/** The snapshots in the folder of a model, newest first; none where there is no folder. */
export async function listSnapshots(folder: string): Promise<Snapshot[]> {
  const names = await namesIn(folder);
  const ids = [...names].filter((name) => name.endsWith(NOTE)).map((name) => name.slice(0, -NOTE.length))
    .filter((id) => names.has(`${id}${DATA}`)).sort().reverse();
  const found = await Promise.all(ids.map((id) => readNote(join(folder, `${id}${NOTE}`))));
  return found.filter((snapshot) => snapshot !== undefined);
}

/** The current snapshot, or the one that is asked for by its id. Undefined where there is none (any more). */
export async function findSnapshot(folder: string, id?: string): Promise<Snapshot | undefined> {
  const names = await namesIn(folder);
  const ids = id === undefined
    ? [...names].filter((name) => name.endsWith(NOTE)).map((name) => name.slice(0, -NOTE.length)).sort()
      .reverse()
    : [id];
  for (const one of ids) {
    if (!names.has(`${one}${DATA}`)) continue;
    const snapshot = await readNote(join(folder, `${one}${NOTE}`));
    if (snapshot !== undefined) return snapshot;
  }
  return undefined;
}

/** What a writer is told of on its way, for tests that end it there. */
export interface PutPoints {
  /** The file is in its place, and nothing says so yet. */
  readonly onFile: () => void;
}

/**
 * Publishes the file at `staged`, which is gone then: it is on the disk, whole and closed to others, before its note is
 * there. Throws what the file system says.
 */
export async function putSnapshot(
  folder: string,
  staged: string,
  snapshot: Snapshot,
  { onFile }: PutPoints = { onFile: () => {} },
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
  const path = snapshotFile(folder, snapshot.id);
  await moveFile(staged, path);
  await syncFolder(folder);
  onFile();
  const note = join(folder, `${snapshot.id}${NOTE}`);
  const unfinished = `${note}${UNFINISHED}`;
  {
    using file = await Deno.open(unfinished, {
      write: true,
      create: true,
      truncate: true,
      mode: PRIVATE_FILE,
    });
    const bytes = new TextEncoder().encode(JSON.stringify(snapshot));
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
  }
  await Deno.rename(unfinished, note);
  await syncFolder(folder);
}

/**
 * Removes all but the newest `keep` snapshots, and what writers that were killed have left: to be called by the only
 * writer of the folder. Who has one open goes on to read it.
 */
export async function removeOldSnapshots(folder: string, keep: number): Promise<void> {
  const names = await namesIn(folder);
  const ids = [...names].filter((name) => name.endsWith(NOTE) && names.has(fileOf(name))).sort().reverse();
  const kept = new Set(ids.slice(0, keep).flatMap((name) => [name, fileOf(name)]));
  const gone = [...names].filter((name) => !kept.has(name));
  // Notes first: a note without its file would be told of.
  const order = (name: string) => (name.endsWith(NOTE) ? 0 : 1);
  for (const name of gone.sort((a, b) => order(a) - order(b))) await removeFile(join(folder, name));
}

/** Removes the snapshots of a pipeline that are not encrypted: their rows are to be nowhere any more. */
export async function removePlainSnapshots(pipelineFolder: string): Promise<void> {
  for (const model of await namesIn(pipelineFolder)) {
    const folder = join(pipelineFolder, model);
    for (const { id, encrypted } of await listSnapshots(folder)) {
      if (encrypted) continue;
      await removeFile(join(folder, `${id}${NOTE}`));
      await removeFile(snapshotFile(folder, id));
    }
  }
}

/**
 * Gives the file a second name, which stays when the first is removed; a copy of it where the file system has no links. False where it
 * is gone.
 */
export async function linkFile(from: string, to: string): Promise<boolean> {
  await removeFile(to);
  try {
    await Deno.link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
  }
  try {
    await Deno.copyFile(from, to);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const fileOf = (note: string): string => `${note.slice(0, -NOTE.length)}${DATA}`;

/** Undefined for one that is gone, or of another version. */
async function readNote(path: string): Promise<Snapshot | undefined> {
  try {
    const parsed = v.safeParse(snapshotSchema, JSON.parse(await Deno.readTextFile(path)));
    return parsed.success ? parsed.output : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** In one step where both are on one disk; else by a copy beside, which is put in its place when it is whole. */
async function moveFile(from: string, to: string): Promise<void> {
  if (Deno.build.os !== "windows") await Deno.chmod(from, PRIVATE_FILE);
  await syncFile(from);
  try {
    return await Deno.rename(from, to);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw error;
  }
  const unfinished = `${to}${UNFINISHED}`;
  await Deno.copyFile(from, unfinished);
  if (Deno.build.os !== "windows") await Deno.chmod(unfinished, PRIVATE_FILE);
  await syncFile(unfinished);
  await Deno.rename(unfinished, to);
  await removeFile(from);
}

async function syncFile(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  await file.sync();
}

/** So that the names are on the disk as well; where a folder cannot be opened the system sees to it. */
async function syncFolder(path: string): Promise<void> {
  const folder = await Deno.open(path).catch(() => undefined);
  await folder?.sync().catch(() => {});
  folder?.close();
}

async function removeFile(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

async function namesIn(folder: string): Promise<Set<string>> {
  try {
    return new Set(await Array.fromAsync(Deno.readDir(folder), ({ name }) => name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Set();
    throw error;
  }
}
