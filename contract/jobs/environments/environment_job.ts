import type { WarehouseKey } from "../../keys/warehouse_key.ts";
import type { JobBase } from "../job_base.ts";

/** How much of each raw table an environment begins with. */
export type TableSample = { readonly percent: number } | { readonly rows: number };

/**
 * Makes the copy of a warehouse one that an environment begins with: without what production's systems and loads know of
 * it. Or a new one, with a sample of its raw tables and no models.
 */
export interface EnvironmentJob extends JobBase {
  readonly kind: "environment";
  /** The copy, which is nobody else's. */
  readonly copyPath: string;
  /** What becomes the warehouse: the copy itself, or, for a sample, a file that is not there yet. */
  readonly warehousePath: string;
  /** Of both. */
  readonly warehouseKey?: WarehouseKey;
  readonly sample: TableSample | null;
  /** Streams, and wildcards of them, that are to be read from their beginning. */
  readonly forgottenStreams: readonly string[];
}
