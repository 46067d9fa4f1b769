import type { WrittenQuery } from "../../../contract/snapshots/query.ts";
import type { Snapshot } from "../../../contract/snapshots/snapshot.ts";

/** Rows of a snapshot that somebody reads. */
export interface DataRows {
  readonly snapshot: Snapshot;
  /** How many rows there are in it. */
  readonly rows: number;
  readonly sizeBytes: number;
  /** Of the page behind it; absent where none follows. */
  readonly next?: string;
  /** To be read to its end, or cancelled. */
  readonly body: ReadableStream<Uint8Array>;
}

/** Bytes of a file, `end` not among them. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The models that pipelines publish. */
export interface PublishedData {
  /** The current snapshots of a pipeline, in the order of its `publish`. Throws not_found. */
  list(pipeline: string): Promise<Snapshot[]>;
  /**
   * The current snapshot of a model, or the one that a cursor goes on in. Throws not_found where the pipeline does not
   * publish the model, or has not yet; unknown_cursor.
   */
  find(pipeline: string, model: string, cursor?: string): Promise<Snapshot>;
  /**
   * Reads a snapshot that `find` has returned. A part of the file as it is where a range is given. Throws invalid for a
   * query that does not fit its columns, not_found (snapshot_gone) where it was replaced and removed meanwhile, timeout,
   * and unavailable (too_many_requests) where too many wait.
   */
  read(snapshot: Snapshot, query: WrittenQuery, signal: AbortSignal, range?: ByteRange): Promise<DataRows>;
}
