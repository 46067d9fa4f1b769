import type { SnapshotQuery } from "../snapshots/query.ts";
import type { Column } from "../sql.ts";
import type { JobBase } from "./job_base.ts";

/** Reads snapshots, one after the other, as orders come. */
export interface ReaderJob extends JobBase {
  readonly kind: "reader";
  /** DuckDB's. */
  readonly threads: number;
}

/** A snapshot that a ReaderJob is to read. */
export interface SnapshotRead {
  readonly id: string;
  /** Its file, in the process's own folder. Absolute. */
  readonly path: string;
  /** Where the rows are written, in the same folder. */
  readonly outputPath: string;
  /** Of an encrypted one: base64. */
  readonly key?: string;
  readonly query: SnapshotQuery;
  /** By the model's own types. */
  readonly columns: readonly Column[];
}
