import type { SnapshotInputs } from "../snapshots/source.ts";
import type { WarehouseKey } from "../keys/warehouse_key.ts";
import type { PipelineDefinition } from "../pipeline/pipeline.ts";
import type { Range } from "../range.ts";
import type { RevisionFile } from "../revision.ts";
import type { ParamValue } from "../run.ts";
import type { JobBase } from "./job_base.ts";

/** A copy of an environment's warehouse, which nothing is changed in. */
export interface PromotedWarehouse {
  readonly environment: string;
  /** Absolute. */
  readonly path: string;
  /** Of an encrypted one. */
  readonly key?: WarehouseKey;
}

export interface RunJob extends JobBase {
  readonly kind: "run";
  readonly runId: string;
  readonly attempt: number;
  readonly pipeline: string;
  readonly definition: PipelineDefinition;
  /** The models. */
  readonly files: readonly RevisionFile[];
  /** None where it is left out. */
  readonly scripts?: readonly RevisionFile[];
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly select: string | null;
  readonly fullRefresh: boolean;
  readonly windowStartMs: number | null;
  readonly windowEndMs: number;
  /** Whether the window was asked for; else each step's begins where it was last done, see engine/worker/models/windows.ts. */
  readonly isWindowGiven: boolean;
  /** Another run has been at the tables since the first attempt: only what is loaded counts as done. */
  readonly isOvertaken?: boolean;
  /** Rows to read again; cursors stay where they are then. */
  readonly range?: Range | null;
  readonly warehousePath: string;
  /** Of an encrypted one. */
  readonly warehouseKey?: WarehouseKey;
  /** Published models of other pipelines that its streams read; none where it is left out. */
  readonly published?: SnapshotInputs;
  /** The folder of the pipeline's snapshots. Absolute; absent where it publishes nothing. */
  readonly snapshots?: string;
  /** The environment whose tables it takes over, as far as they are what it would build; it builds nothing then. */
  readonly promotes?: PromotedWarehouse;
  /** The span of the attempt, as W3C Trace Context writes it: for requests of connectors that are to carry it. */
  readonly traceparent?: string;
  /** The pipeline is no more: what systems keep for it is let go of, and nothing else is done. */
  readonly isRemoved?: boolean;
  /** Where the process is to die, for tests of crashes: see engine/worker/points.ts. */
  readonly dieAt?: string;
}
