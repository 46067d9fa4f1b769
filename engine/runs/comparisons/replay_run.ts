import type { ReplayJob } from "../../../contract/jobs/replay_job.ts";
import type { ModelReplay } from "../../../contract/runs/replay.ts";
import { openScratchFolder } from "../warehouses/copies_folder.ts";
import { copyKept } from "../warehouses/kept_inputs.ts";
import { type CopyProcessContext, processOnCopy } from "../warehouses/process_on_copy.ts";
import type { WarehouseKeys } from "../warehouses/warehouse_keys.ts";

export interface ReplayRunContext extends CopyProcessContext {
  readonly dataDir: string;
  readonly warehouseKeys: Pick<WarehouseKeys, "open">;
}

/** A job before it has its copy. */
export type ReplayRequest = Omit<
  ReplayJob,
  "warehousePath" | "warehouseKey" | "projectDir" | "tempDir" | "connectors" | "duckdb"
>;

const TIMEOUT_MS = 600_000;

/**
 * Builds the models of a run once more in a copy of what was kept of it. Returns what was found of each, by name; undefined
 * where nothing is kept. Throws as `processOnCopy` does, and `unavailable` where the disk has no room for the copy.
 */
export async function replayRun(
  context: ReplayRunContext,
  request: ReplayRequest,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ModelReplay> | undefined> {
  const { pipeline, runId } = request;
  const { dataDir } = context;
  await using scratch = await openScratchFolder(dataDir);
  const path = await copyKept(dataDir, pipeline, runId, scratch.path);
  if (path === undefined) return undefined;
  const key = await context.warehouseKeys.open(pipeline);
  const found = new Map<string, ModelReplay>();
  await processOnCopy(context, {
    job: {
      ...request,
      warehousePath: path,
      ...(key === undefined ? {} : { warehouseKey: key }),
    },
    pipeline,
    purpose: `replay run ${runId}`,
    folder: scratch.path,
    keys: [key],
    timeoutMs: TIMEOUT_MS,
    advice: "Its models take longer than a replay may",
    onReport: (report) => {
      if (report.type === "replayed") found.set(report.replay.model, report.replay);
    },
  }, signal);
  return found;
}
