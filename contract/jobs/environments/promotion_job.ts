import type { WarehouseKey } from "../../keys/warehouse_key.ts";
import type { PipelineDefinition } from "../../pipeline/pipeline.ts";
import type { RevisionFile } from "../../revision.ts";
import type { ParamValue } from "../../run.ts";
import type { JobBase } from "../job_base.ts";
import type { PromotedWarehouse } from "../run_job.ts";

/** Says in a copy of production's warehouse, which nobody else has, what a promotion would take over, and changes nothing. */
export interface PromotionJob extends JobBase {
  readonly kind: "promotion";
  readonly pipeline: string;
  /** What would be in force. */
  readonly definition: PipelineDefinition;
  readonly files: readonly RevisionFile[];
  readonly params: Readonly<Record<string, ParamValue>>;
  /** A run that would begin now, epoch milliseconds. */
  readonly runStartMs: number;
  readonly promotes: PromotedWarehouse;
  /** Of the copy; a file that is not there yet where production has none. */
  readonly warehousePath: string;
  /** Of an encrypted one. */
  readonly warehouseKey?: WarehouseKey;
}
