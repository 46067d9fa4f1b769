import type { ComparedModel, ComparedSide } from "../../../contract/jobs/compare_job.ts";
import type { TableDiff } from "../../../contract/plan/table_diff.ts";
import { openScratchFolder } from "../warehouses/copies_folder.ts";
import { type CopyContext, copyWarehouse } from "../warehouses/copy_warehouse.ts";
import { type CopyProcessContext, processOnCopy } from "../warehouses/process_on_copy.ts";

export interface CompareRowsContext extends CopyContext, CopyProcessContext {
}

export interface CompareRowsRequest {
  readonly pipeline: string;
  readonly before: ComparedSide;
  readonly after: ComparedSide;
  readonly models: readonly ComparedModel[];
  readonly samplePercent: number | null;
  readonly showsRows: boolean;
  /** How long the copy waits for a run that is under way. */
  readonly waitMs: number;
  /** How long the building and comparing may take. */
  readonly timeoutMs: number;
}

/**
 * Builds two versions of models from the raw tables of a pipeline as they are, in a copy of its warehouse and a process that
 * may touch nothing else, and compares them. Returns what was found of each model, by name; undefined where the pipeline has
 * no warehouse yet. Throws as `copyWarehouse` does, `timeout` where it takes too long, and the signal's reason.
 */
export async function compareRows(
  context: CompareRowsContext,
  request: CompareRowsRequest,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, TableDiff> | undefined> {
  const { pipeline, before, after, models, samplePercent, showsRows, waitMs, timeoutMs } = request;
  const { clock, log } = context;
  const purpose = `compare the rows of ${pipeline}`;
  await using scratch = await openScratchFolder(context.dataDir);
  const copy = await copyWarehouse(context, {
    pipeline,
    folder: scratch.path,
    purpose,
    waitMs,
    onWait: () => log("info", `waiting for a run of ${pipeline} to end, to copy its warehouse`, { pipeline }),
  }, signal);
  if (copy === undefined) return undefined;
  const found = new Map<string, TableDiff>();
  await processOnCopy(context, {
    job: {
      kind: "compare",
      pipeline,
      before,
      after,
      models,
      samplePercent,
      showsRows,
      runStartMs: clock.now(),
      warehousePath: copy.path,
      ...(copy.key === undefined ? {} : { warehouseKey: copy.key }),
    },
    pipeline,
    purpose,
    folder: scratch.path,
    keys: [copy.key],
    timeoutMs,
    advice: "Compare fewer models (--select, --depth), or definitions alone (--no-data)",
    onReport: (report) => {
      if (report.type === "compared") found.set(report.model, report.diff);
    },
  }, signal);
  return found;
}
