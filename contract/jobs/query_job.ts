import type { ErrorRecord } from "../errors.ts";
import type { WarehouseKey } from "../keys/warehouse_key.ts";
import type { Completion } from "../queries/query.ts";
import type { QueryRows, RowsWanted } from "../queries/rows.ts";
import type { Fault } from "../../text/fault.ts";
import type { JobBase } from "./job_base.ts";

/** Answers queries over copies of warehouses, one after the other, as orders come. */
export interface QueryJob extends JobBase {
  readonly kind: "query";
  readonly databases: readonly QueriedDatabase[];
  /** The one whose tables are meant where a name says no more; null for none. */
  readonly pipeline: string | null;
  /** DuckDB's. */
  readonly threads: number;
}

/** What is found by the name of a pipeline. Paths are absolute. */
export type QueriedDatabase =
  | {
    readonly pipeline: string;
    readonly path: string;
    /** Of an encrypted one. */
    readonly key?: WarehouseKey;
  }
  | {
    readonly pipeline: string;
    readonly snapshots: readonly { readonly model: string; readonly path: string }[];
  };

/** What a QueryJob is asked for: rows, or how SQL that is not finished may go on. */
export type Asked =
  | { readonly id: string; readonly sql: string; readonly wanted: RowsWanted }
  | { readonly id: string; readonly complete: string };

export type Answered =
  | { readonly id: string; readonly rows: QueryRows }
  | { readonly id: string; readonly completion: Completion }
  /** Faults have the file `query`. */
  | { readonly id: string; readonly error: ErrorRecord; readonly faults: readonly Fault[] };
