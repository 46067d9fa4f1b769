import type { WarehouseKey } from "../keys/warehouse_key.ts";
import type { Receipt } from "../loads/verification.ts";
import type { PipelineDefinition } from "../pipeline/pipeline.ts";
import type { RevisionFile } from "../revision.ts";
import type { ParamValue } from "../run.ts";
import type { JobBase } from "./job_base.ts";

/** Reads the targets of loads back and compares them with what was loaded. */
export interface VerifyJob extends JobBase {
  readonly kind: "verify";
  readonly pipeline: string;
  readonly definition: PipelineDefinition;
  readonly files: readonly RevisionFile[];
  /** The load that is asked for, as a user names it; null for all. */
  readonly load: string | null;
  /** Of loads that have succeeded, by their steps. */
  readonly receipts: Readonly<Record<string, KnownLoad>>;
  readonly warehousePath: string;
  /** Of an encrypted one. */
  readonly warehouseKey?: WarehouseKey;
}

/** A load's last success. */
export interface KnownLoad {
  readonly receipt: Receipt;
  /** Whether the definition has the load, and its connector, as they were then. */
  readonly isUnchanged: boolean;
  /** Of its run: models that are views depend on them. */
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly windowStartMs: number | null;
  readonly windowEndMs: number;
}
