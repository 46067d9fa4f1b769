import type { WarehouseKey } from "../keys/warehouse_key.ts";
import type { JobBase } from "./job_base.ts";

/** Writes a warehouse anew, encrypted where it is plain and plain where it is encrypted, and puts that in its place. */
export interface ConvertJob extends JobBase {
  readonly kind: "convert";
  readonly action: "encrypt" | "decrypt";
  readonly warehousePath: string;
  /** Where it is written, in the same folder; nothing is there. */
  readonly copyPath: string;
  /** Of the one that is encrypted, before or after. */
  readonly convertKey: WarehouseKey;
  /** As of a RunJob. */
  readonly dieAt?: string;
}
