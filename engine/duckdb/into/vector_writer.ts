import type duckdb from "@duckdb/node-bindings";
import type { Data } from "apache-arrow";
import type { VectorKernel } from "../../../kernels/vectors.ts";
import type { Bitmap } from "../bitmap.ts";
import type { StringWay } from "../string_cell.ts";

/** What the writers of one table share. */
export interface WriterTools {
  readonly way: StringWay;
  readonly kernel: VectorKernel;
}

/** Copies rows of Arrow arrays of one type into DuckDB vectors of the type that holds them. */
export interface VectorWriter {
  /**
   * Writes rows [start, start + count) of `data` from the vector's row 0 on. Rows that `parents`
   * has cleared become NULL, as DuckDB wants it below a NULL. Throws CellFault.
   */
  write(vector: duckdb.Vector, data: Data, start: number, count: number, parents: Bitmap): void;
}

/** A value that cannot be stored. `index` counts from the first row that was to be written. */
export class CellFault extends Error {
  override readonly name = "CellFault";
  readonly index: number;

  constructor(index: number, reason: string) {
    super(reason);
    this.index = index;
  }
}
