import type { Clock } from "../../../contract/clock.ts";
import { publishedModels } from "../../../contract/pipeline/publish.ts";
import { isTerminal } from "../../../contract/run_state.ts";
import { pinningRuns, unpinSnapshots } from "../../snapshots/pinned_snapshots.ts";
import {
  type ModelFolder,
  modelFolders,
  noteUnwanted,
  removeSnapshots,
  unwantedSince,
} from "../../snapshots/snapshot_folders.ts";
import type { Store } from "../../store/store.ts";

const DAY_MS = 86_400_000;
/** What nobody publishes any more may be a slip that is mended; a run that failed may be retried. */
const GRACE_MS = 7 * DAY_MS;

export interface ForgetSnapshotsContext {
  readonly store: Pick<Store, "pipelines" | "revisions" | "runs">;
  readonly dataDir: string;
  readonly clock: Pick<Clock, "now">;
}

/**
 * Removes the snapshots of pipelines that are gone and of models that are published no more, once that has been so for
 * 7 days, and lets go of what ended runs have pinned. Who has a file open reads it to its end. Returns how many models and runs.
 */
export async function forgetSnapshots(context: ForgetSnapshotsContext): Promise<number> {
  return await forgetUnpublished(context) + await letGoOfPins(context);
}

async function forgetUnpublished({ store, dataDir, clock }: ForgetSnapshotsContext): Promise<number> {
  const nowMs = clock.now();
  let count = 0;
  const published = new Map<string, ReadonlySet<string> | undefined>();
  for (const folder of await modelFolders(dataDir)) {
    const { pipeline, model } = folder;
    if (!published.has(pipeline)) published.set(pipeline, await publishedOf(store, pipeline));
    const wanted = published.get(pipeline);
    // Of one that has never been right nobody knows what it publishes.
    if (wanted === undefined || wanted.has(model)) {
      await noteUnwanted(folder, null);
    } else if (await isLongUnwanted(folder, nowMs) && !await store.runs.isActive(pipeline)) {
      await removeSnapshots(folder);
      count++;
    }
  }
  return count;
}

async function isLongUnwanted(folder: ModelFolder, nowMs: number): Promise<boolean> {
  const sinceMs = await unwantedSince(folder);
  if (sinceMs === undefined) await noteUnwanted(folder, nowMs);
  return sinceMs !== undefined && nowMs - sinceMs >= GRACE_MS;
}

/** None of a pipeline that is gone. */
async function publishedOf(
  { pipelines, revisions }: ForgetSnapshotsContext["store"],
  pipeline: string,
): Promise<ReadonlySet<string> | undefined> {
  const record = await pipelines.get(pipeline);
  if (record === undefined) return new Set();
  const found = record.revision === null ? undefined : await revisions.get(record.revision);
  if (found === undefined) return undefined;
  return new Set(publishedModels(found.revision.definition.publish).map(({ model }) => model));
}

async function letGoOfPins({ store, dataDir, clock }: ForgetSnapshotsContext): Promise<number> {
  let count = 0;
  for (const id of await pinningRuns(dataDir)) {
    const run = await store.runs.get(id);
    if (run !== undefined && !isTerminal(run.state)) continue;
    const mayBeRetried = run !== undefined && run.state !== "succeeded" &&
      clock.now() - Date.parse(run.finished_at ?? run.created_at) < GRACE_MS;
    if (mayBeRetried) continue;
    await unpinSnapshots(dataDir, id);
    count++;
  }
  return count;
}
