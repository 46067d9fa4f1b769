import { basename, join } from "node:path";
import { freeBytes } from "../../../connectors/locations/free_space.ts";
import { AppError } from "../../../contract/errors.ts";
import type { WarehouseKey } from "../../../contract/keys/warehouse_key.ts";
import { formatBytes } from "../../../text/format.ts";
import { copyUnchanged, HeldPipeline, type HoldContext } from "./hold_pipeline.ts";
import { warehousePath, warehouseState } from "./warehouse_file.ts";
import type { WarehouseKeys } from "./warehouse_keys.ts";

export interface CopyContext extends Pick<HoldContext, "store" | "clock"> {
  readonly dataDir: string;
  readonly warehouseKeys: Pick<WarehouseKeys, "open">;
}

export interface CopyRequest extends Pick<HoldContext, "waitMs" | "onWait"> {
  readonly pipeline: string;
  /** Where the copy goes, as that of `openScratchFolder`; it has the warehouse's own name there. */
  readonly folder: string;
  /** What it is for, to be read: `compare the models of orders`. */
  readonly purpose: string;
}

/** A database file that is nobody else's. */
export interface WarehouseCopy {
  readonly path: string;
  /** Of an encrypted one: the copy is encrypted as the file is. */
  readonly key: WarehouseKey | undefined;
  /** Of the file and the log beside it. */
  readonly bytes: number;
}

const RESERVE_BYTES = 64 * 1024 * 1024;
const PRIVATE_FILE = 0o600;

/**
 * Copies the warehouse of a pipeline as it is between two runs, with the log beside it: who opens the copy for writing has
 * what was committed. No run of the pipeline begins meanwhile, and one that is under way is waited for; where the file
 * system can share blocks (Btrfs, XFS, APFS) the copy takes a moment and no room. Returns undefined where the pipeline has
 * no warehouse yet. Throws `unavailable` where a run goes on for longer than `waitMs`, the disk has no room or somebody
 * else keeps writing; `invalid` where the key of an encrypted one is not here.
 */
export async function copyWarehouse(
  context: CopyContext,
  { pipeline, folder, purpose, waitMs, onWait }: CopyRequest,
  signal: AbortSignal,
): Promise<WarehouseCopy | undefined> {
  const { dataDir, store, clock, warehouseKeys } = context;
  const path = warehousePath(dataDir, pipeline);
  if (await warehouseState(path) === "none") return undefined;
  const held = { store, clock, signal, waitMs, onWait, purpose };
  await using hold = await HeldPipeline.take(pipeline, held);
  const key = await warehouseKeys.open(pipeline);
  const files = [path, `${path}.wal`].map((file) => ({
    name: basename(file),
    path: file,
    copy: join(folder, basename(file)),
  }));
  await requireRoom(purpose, files.map((file) => file.path), folder);
  const copied = await copyUnchanged(files, hold, held);
  let bytes = 0;
  for (const { name, copy } of files) {
    if (!copied.has(name)) continue;
    if (Deno.build.os !== "windows") await Deno.chmod(copy, PRIVATE_FILE);
    bytes += (await Deno.stat(copy)).size;
  }
  return { path: join(folder, basename(path)), key, bytes };
}

/** Throws `unavailable` where a copy of these files has no room in the folder. */
export async function requireRoom(purpose: string, paths: readonly string[], folder: string): Promise<void> {
  const sizes = await Promise.all(paths.map((path) => Deno.stat(path).then(({ size }) => size, () => 0)));
  const needed = sizes.reduce((sum, size) => sum + size, 0) + RESERVE_BYTES;
  const free = await freeBytes(folder);
  if (free === undefined || free >= needed) return;
  throw new AppError(
    "unavailable",
    `Cannot ${purpose}: a copy of the warehouse needs ${formatBytes(needed)}, and its disk has ${
      formatBytes(free)
    } left: free some space`,
  );
}
