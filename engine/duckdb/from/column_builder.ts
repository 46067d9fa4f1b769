import type duckdb from "@duckdb/node-bindings";
import type { Data } from "apache-arrow";

/** Collects rows of DuckDB vectors and gives them as one Arrow array. */
export interface ColumnBuilder {
  /** Bytes of Arrow memory collected so far, about. */
  readonly sizeBytes: number;
  /** Bytes of strings that rows [start, start + count) would add. */
  weigh(vector: duckdb.Vector, start: number, count: number): number;
  /** Copies rows [start, start + count). Throws invalid where a value does not fit. */
  append(vector: duckdb.Vector, start: number, count: number): void;
  /** What was collected; begins anew. */
  take(): Data;
}
