import { basename, dirname } from "node:path";
import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import type { WholeResult } from "../../destination/whole_load.ts";
import { existingRelation } from "./existing.ts";
import { fileError } from "../../locations/disk/file_error.ts";
import { type FileLoad, writeRows } from "./file_load.ts";
import { syncPath, trySyncFolder, Workspace, writeAtomically } from "../../locations/disk/workspace.ts";

/**
 * Loads into one file: built beside it, then renamed over it. The record of loads is written before
 * the rename and says which file (by inode, size and time, which a rename keeps) its last load
 * made: where the target is that file the load has happened, where it is not it has not.
 */

const RECORD = "loads";
/** Load ids that are remembered. */
const MAX_LOADS = 1_000;

const recordSchema = v.object({
  loads: v.array(v.string()),
  last: v.nullable(
    v.object({
      loadId: v.string(),
      ino: v.nullable(v.number()),
      sizeBytes: v.number(),
      modifiedMs: v.nullable(v.number()),
    }),
  ),
});
type LoadRecord = v.InferOutput<typeof recordSchema>;

export async function loadFile(load: FileLoad): Promise<WholeResult> {
  const { target, request, signal } = load;
  try {
    await using workspace = await Workspace.open(target.workPath, target.shown);
    await workspace.clear(RECORD);
    const current = await statTarget(target.path);
    if (current?.isDirectory) {
      throw new AppError(
        "invalid",
        `Cannot write "${target.shown}": it is a folder; end the path with / to load into it`,
      );
    }
    const loads = settledLoads(await readRecord(`${workspace.path}/${RECORD}`), current);
    const isKnown = loads.some((id) => id === request.loadId || id === request.earlierLoadId);
    if (current !== undefined && isKnown) {
      return { rows: request.input.rows, sizeBytes: current.size, repeated: true };
    }
    const built = `${workspace.path}/${basename(target.path)}`;
    try {
      const existing = request.mode === "merge" && current !== undefined
        ? { existing: await existingRelation(load, [target.path], dirname(target.path)) }
        : {};
      await writeRows(load, built, existing);
      signal.throwIfAborted();
      await syncPath(built);
      const made = await Deno.stat(built);
      const last = { loadId: request.loadId, ...identityOf(made) };
      await writeAtomically(
        `${workspace.path}/${RECORD}`,
        JSON.stringify({ loads: loads.slice(-MAX_LOADS), last }),
      );
      await Deno.rename(built, target.path);
      await trySyncFolder(dirname(target.path));
      return { rows: request.input.rows, sizeBytes: made.size, repeated: false };
    } catch (error) {
      await workspace.clear(RECORD).catch(() => {});
      throw error;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw fileError("write", target.shown, error);
  }
}

/** The ids of loads that happened: the last one only where the target is the file that it made. */
function settledLoads(record: LoadRecord, current: Deno.FileInfo | undefined): string[] {
  const { loads, last } = record;
  if (last === null || current === undefined) return loads;
  const now = identityOf(current);
  const isMade = now.ino === last.ino && now.sizeBytes === last.sizeBytes &&
    now.modifiedMs === last.modifiedMs;
  return isMade ? [...loads, last.loadId] : loads;
}

function identityOf(info: Deno.FileInfo) {
  return { ino: info.ino, sizeBytes: info.size, modifiedMs: info.mtime?.getTime() ?? null };
}

async function statTarget(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function readRecord(path: string): Promise<LoadRecord> {
  const none = { loads: [], last: null };
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return none;
    throw error;
  }
  try {
    const result = v.safeParse(recordSchema, JSON.parse(text));
    return result.success ? result.output : none;
  } catch {
    // Not ours, or damaged: at worst a replace or merge is done once more.
    return none;
  }
}
