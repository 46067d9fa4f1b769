import { join } from "node:path";
import * as v from "valibot";
import { AppError, toErrorRecord } from "../../contract/errors.ts";
import { requirePathPart } from "../../contract/names.ts";
import { type Snapshot, snapshotSchema } from "../../contract/snapshots/snapshot.ts";
import {
  type PublishedName,
  publishedNameText,
  type SnapshotInput,
  type SnapshotInputs,
} from "../../contract/snapshots/source.ts";
import { findSnapshot, linkFile, modelSnapshots, pipelineSnapshots, snapshotFile } from "./snapshot_files.ts";

/**
 * The snapshots that runs read: `pinned/<run>/<pipeline>.<model>/` of the data folder has a second name of the file, and a note
 * of what it is, put last. So every attempt of the run reads the same, whatever is published or removed meanwhile.
 */

const NOTE = "snapshot.json";
const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;
/** The newest is looked for anew where it is removed between the look and the link. */
const MOST_TRIES = 10;

const pinnedFolder = (dataDir: string): string => join(dataDir, "pinned");

/** Throws `invalid` for an id that leads out of the folder. */
const pinsOfRun = (dataDir: string, run: string): string => join(pinnedFolder(dataDir), requirePathPart(run));

export interface PinContext {
  readonly dataDir: string;
  /** What the snapshots of a pipeline are encrypted with. */
  readonly keyOf: (pipeline: string) => Promise<string | undefined>;
  /** Why a pipeline has no snapshot of a model, and what to do. */
  readonly whyNone: (read: PublishedName) => Promise<AppError>;
}

/**
 * What the run reads of each model: what an earlier attempt has pinned, else the newest snapshot, which is pinned now. What cannot be
 * had has its error in its place, for the step that wants it.
 */
export async function pinSnapshots(
  context: PinContext,
  run: string,
  reads: readonly PublishedName[],
): Promise<SnapshotInputs> {
  const inputs: Record<string, SnapshotInput> = {};
  for (const read of reads) {
    const name = publishedNameText(read);
    if (name in inputs) continue;
    try {
      inputs[name] = await pin(context, run, read);
    } catch (error) {
      inputs[name] = { error: toErrorRecord(error) };
    }
  }
  return inputs;
}

async function pin(context: PinContext, run: string, read: PublishedName): Promise<SnapshotInput> {
  const { dataDir } = context;
  const folder = join(pinsOfRun(dataDir, run), requirePathPart(publishedNameText(read)));
  const key = await context.keyOf(read.pipeline);
  const known = await readPin(folder);
  // One whose key is gone, as the warehouse was decrypted since, cannot be read any more.
  if (known !== undefined && !(known.encrypted && key === undefined)) return inputOf(folder, known, key);
  const published = modelSnapshots(pipelineSnapshots(dataDir, read.pipeline), read.model);
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const snapshot = await findSnapshot(published);
    if (snapshot === undefined) throw await context.whyNone(read);
    if (snapshot.encrypted && key === undefined) {
      throw new AppError(
        "unavailable",
        `Cannot read ${publishedNameText(read)}: its snapshot is encrypted, and its key is not here; ` +
          `run ${read.pipeline} to publish it again`,
      );
    }
    await Deno.mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
    const path = snapshotFile(folder, snapshot.id);
    if (!await linkFile(snapshotFile(published, snapshot.id), path)) continue;
    await writeNote(folder, snapshot);
    return inputOf(folder, snapshot, key);
  }
  throw new AppError(
    "unavailable",
    `Cannot read ${publishedNameText(read)}: its snapshots are replaced faster than they can be taken`,
  );
}

function inputOf(folder: string, snapshot: Snapshot, key: string | undefined): SnapshotInput {
  const { id, columns, rows, size_bytes: sizeBytes, published_at: publishedAt, encrypted } = snapshot;
  return {
    columns,
    file: {
      id,
      path: snapshotFile(folder, id),
      rows,
      sizeBytes,
      publishedAt,
      ...(encrypted && key !== undefined ? { key } : {}),
    },
  };
}

/** What a run has pinned under the folder; undefined where its file or its note is not there. */
async function readPin(folder: string): Promise<Snapshot | undefined> {
  try {
    const parsed = v.safeParse(snapshotSchema, JSON.parse(await Deno.readTextFile(join(folder, NOTE))));
    if (!parsed.success) return undefined;
    await Deno.stat(snapshotFile(folder, parsed.output.id));
    return parsed.output;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function writeNote(folder: string, snapshot: Snapshot): Promise<void> {
  const unfinished = join(folder, `${NOTE}.tmp`);
  await Deno.writeTextFile(unfinished, JSON.stringify(snapshot), { mode: PRIVATE_FILE });
  await Deno.rename(unfinished, join(folder, NOTE));
}

/** Lets go of what the run has pinned. Does nothing where that is nothing. */
export async function unpinSnapshots(dataDir: string, run: string): Promise<void> {
  await removeFolder(pinsOfRun(dataDir, run));
}

/** The runs that have pinned something, by id. */
export async function pinningRuns(dataDir: string): Promise<string[]> {
  return (await namesIn(pinnedFolder(dataDir))).sort();
}

/** Lets go of what is pinned of a pipeline and not encrypted; who has it open reads it to its end. */
export async function unpinPlain(dataDir: string, pipeline: string): Promise<void> {
  for (const run of await pinningRuns(dataDir)) {
    for (const name of await namesIn(pinsOfRun(dataDir, run))) {
      const folder = join(pinsOfRun(dataDir, run), name);
      const pinned = await readPin(folder);
      if (pinned?.pipeline === pipeline && !pinned.encrypted) await removeFolder(folder);
    }
  }
}

async function removeFolder(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
