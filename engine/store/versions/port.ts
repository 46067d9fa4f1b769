import type { CommitInfo } from "../../../contract/versions/commit.ts";

/** The ref of git that the definitions in force come from. */
export interface SourceRecord {
  /** As it was asked for, as `main`. */
  readonly ref: string;
  readonly commit: string;
  /** Epoch milliseconds. */
  readonly appliedAtMs: number;
}

/** One time that a revision of a pipeline came in force. */
export interface VersionRecord {
  /** Counts up over all pipelines. */
  readonly seq: number;
  readonly revision: string;
  /** As the revision has it, `+dirty` and all; null where git could not say. */
  readonly gitCommit: string | null;
  /** What is known of that commit. */
  readonly commit: CommitInfo | null;
  /** Epoch milliseconds. */
  readonly inForceAtMs: number;
  /** Whether its files are still kept. */
  readonly isKept: boolean;
}

export interface VersionRange {
  readonly limit: number;
  /** A seq: only older ones. */
  readonly before?: number;
  /** Only those whose file of this path is another than that of the version before. */
  readonly file?: string;
}

export interface VersionRange {
  readonly limit: number;
  /** A seq: only older ones. */
  readonly before?: number;
  /** Only those whose file of this path is another than that of the version before. */
  readonly file?: string;
}

export interface VersionStore {
  /** undefined where the project's own files are in force. */
  source(): Promise<SourceRecord | undefined>;
  putSource(source: SourceRecord | undefined): Promise<void>;
  putCommit(commit: CommitInfo): Promise<void>;
  commit(id: string): Promise<CommitInfo | undefined>;
  /** Newest first. */
  list(pipeline: string, page: VersionRange): Promise<VersionRecord[]>;
  /** A revision's files by path, with the text of its definition. Undefined where it is not kept. */
  texts(revision: string): Promise<ReadonlyMap<string, string> | undefined>;
}
