import { join } from "node:path";
import type { PromotedModel } from "../../../contract/environments/promotion.ts";
import { placedName } from "../../../contract/environments/pipeline_name.ts";
import type { PromotionJob } from "../../../contract/jobs/environments/promotion_job.ts";
import { openScratchFolder } from "../warehouses/copies_folder.ts";
import { type CopyContext, copyWarehouse } from "../warehouses/copy_warehouse.ts";
import { type CopyProcessContext, processOnCopy } from "../warehouses/process_on_copy.ts";
import { promotedWarehouse } from "../warehouses/promoted_warehouse.ts";

export interface PlanPromotionContext extends CopyContext, CopyProcessContext {
}

export interface PlanPromotionRequest
  extends Pick<PromotionJob, "pipeline" | "definition" | "files" | "params"> {
  readonly environment: string;
}

/** How long it waits for runs to end, and how long comparing may take. */
const WAIT_MS = 30_000;
const TIMEOUT_MS = 600_000;

/**
 * Says what a promotion of the environment would take over, by copies of both warehouses. Throws as `promotedWarehouse` and
 * `processOnCopy` do.
 */
export async function planPromotion(
  context: PlanPromotionContext,
  { environment, ...request }: PlanPromotionRequest,
  signal: AbortSignal,
): Promise<readonly PromotedModel[]> {
  const { pipeline } = request;
  const { dataDir, clock, log } = context;
  const purpose = `compare ${pipeline} with ${placedName({ pipeline, environment })}`;
  await using promoted = await promotedWarehouse(context, { pipeline, promotes: environment }, signal);
  if (promoted === undefined) return [];
  const { warehouse } = promoted;
  await using scratch = await openScratchFolder(dataDir);
  const copy = await copyWarehouse(context, {
    pipeline,
    folder: scratch.path,
    purpose,
    waitMs: WAIT_MS,
    onWait: () => log("info", `waiting for a run of ${pipeline} to end, to copy its warehouse`, { pipeline }),
  }, signal);
  let models: readonly PromotedModel[] = [];
  await processOnCopy(context, {
    job: {
      kind: "promotion",
      ...request,
      runStartMs: clock.now(),
      promotes: warehouse,
      // Production may never have run.
      warehousePath: copy?.path ?? join(scratch.path, "production.duckdb"),
      ...(copy?.key === undefined ? {} : { warehouseKey: copy.key }),
    },
    pipeline,
    purpose,
    folder: scratch.path,
    keys: [warehouse.key, copy?.key],
    timeoutMs: TIMEOUT_MS,
    advice: "Promote without looking first: what cannot be compared is built",
    onReport: (report) => {
      if (report.type === "promotion") models = report.models;
    },
  }, signal);
  return models;
}
