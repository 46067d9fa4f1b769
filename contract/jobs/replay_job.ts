import type { WarehouseKey } from "../keys/warehouse_key.ts";
import type { PipelineDefinition } from "../pipeline/pipeline.ts";
import type { RevisionFile } from "../revision.ts";
import type { ParamValue } from "../run.ts";
import type { StepManifest } from "../runs/manifest.ts";
import type { JobBase } from "./job_base.ts";

/** Builds the models of a run once more, in a copy of what was kept of it, and compares them with what the run made. */
export interface ReplayJob extends JobBase {
  readonly kind: "replay";
  readonly pipeline: string;
  /** The run's own id, which its SQL may name. */
  readonly runId: string;
  readonly definition: Pick<PipelineDefinition, "params" | "functions">;
  readonly files: readonly RevisionFile[];
  /** Raw tables of its streams. */
  readonly streams: readonly string[];
  readonly params: Readonly<Record<string, ParamValue>>;
  /** Of the run, epoch milliseconds. */
  readonly windowStartMs: number | null;
  readonly windowEndMs: number;
  readonly isWindowGiven: boolean;
  /** Those that the run has built, by name, with what their steps say. */
  readonly models: Readonly<Record<string, StepManifest>>;
  /** Of the copy. */
  readonly warehousePath: string;
  /** Of an encrypted one. */
  readonly warehouseKey?: WarehouseKey;
}
