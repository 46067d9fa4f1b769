import type { WarehouseKey } from "../keys/warehouse_key.ts";
import type { PipelineDefinition } from "../pipeline/pipeline.ts";
import type { RevisionFile } from "../revision.ts";
import type { ParamValue } from "../run.ts";
import type { JobBase } from "./job_base.ts";

/** Builds two versions of models in a copy of a warehouse, which nobody else has, and compares their rows. */
export interface CompareJob extends JobBase {
  readonly kind: "compare";
  readonly pipeline: string;
  readonly before: ComparedSide;
  readonly after: ComparedSide;
  /** In the order in which the new version builds them. */
  readonly models: readonly ComparedModel[];
  /** Above 0 to 100; null for all rows. */
  readonly samplePercent: number | null;
  /** Whether values may be told. */
  readonly showsRows: boolean;
  /** What both versions are built for, epoch milliseconds. */
  readonly runStartMs: number;
  /** Of the copy. */
  readonly warehousePath: string;
  /** Of an encrypted one. */
  readonly warehouseKey?: WarehouseKey;
}

/** One version of a pipeline's models. */
export interface ComparedSide {
  readonly definition: Pick<PipelineDefinition, "params" | "functions">;
  readonly files: readonly RevisionFile[];
  /** Raw tables of its streams. */
  readonly streams: readonly string[];
  /** The models to build. */
  readonly build: readonly string[];
  readonly params: Readonly<Record<string, ParamValue>>;
}

/** A model by its name in each version; null where the old one does not have it. */
export interface ComparedModel {
  readonly before: string | null;
  readonly after: string;
  /** What may tell its rows apart, each by its columns, the surest first. */
  readonly keys: readonly (readonly string[])[];
}
