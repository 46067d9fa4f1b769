import type { WarehouseKey } from "../keys/warehouse_key.ts";
import type { QueryRows, RowsWanted } from "../queries/rows.ts";
import type { ComparedSide } from "./compare_job.ts";
import type { JobBase } from "./job_base.ts";

/** Shows the rows of a model as its SQL is now, over a copy of a warehouse. */
export interface PreviewJob extends JobBase {
  readonly kind: "preview";
  readonly pipeline: string;
  readonly model: string;
  readonly side: Omit<ComparedSide, "build">;
  /** What it is shown for, epoch milliseconds. */
  readonly runStartMs: number;
  /** Null is the beginning of time. */
  readonly windowStartMs: number | null;
  readonly windowEndMs: number;
  readonly wanted: RowsWanted;
  /** A copy that others read as well; absent where the pipeline has no warehouse yet. */
  readonly copy?: SharedCopy;
  /** Where the copy is copied to, if models have to be built; nothing is there. */
  readonly warehousePath: string;
}

/** A copy of a warehouse, which nobody changes. */
export interface SharedCopy {
  /** Absolute. */
  readonly path: string;
  /** Of an encrypted one. */
  readonly key?: WarehouseKey;
}

/** What a PreviewJob has found. */
export interface PreviewedRows extends QueryRows {
  /** Models that it has built for it. */
  readonly built: readonly string[];
}
