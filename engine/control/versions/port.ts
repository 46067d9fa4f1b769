import type { RollBack, Version, VersionChanges } from "../../../contract/versions/version.ts";

/** What was in force of a pipeline, and how to go back to it. Every failure is an AppError. */
export interface Versions {
  /**
   * Newest first: each time that a revision came in force; with a file, those that changed it. `limit` at most 500.
   * Throws not_found.
   */
  list(pipeline: string, page: VersionPage): Promise<Version[]>;
  /**
   * What a revision changed against another, by default against the one that was in force before it first was; of one
   * file where it is named. A revision by its id or the beginning of it. Throws not_found, and conflict where its files
   * are gone.
   */
  changes(pipeline: string, revision: string, options?: ChangesOptions): Promise<VersionChanges>;
  /**
   * Puts a revision in force that was so before: by default the last that differs from the one that is. It stays until
   * the project's files change. Throws not_found, conflict where it is in force or its files are gone.
   */
  rollBack(pipeline: string, revision?: string): Promise<RollBack>;
}

export interface VersionPage {
  readonly limit?: number;
  /** Only those before this version. */
  readonly before?: number;
  /** A path in the project: only versions in which it is another than in the one before. */
  readonly file?: string;
}

export interface ChangesOptions {
  readonly against?: string;
  readonly file?: string;
  /** Whether what the change does is to be said, too: both revisions are compiled for it. */
  readonly plan?: boolean;
}
