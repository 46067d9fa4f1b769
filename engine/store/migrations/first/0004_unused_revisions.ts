import type { Migration } from "../migration.ts";

/** For retention: since when no pipeline and no run uses a revision, and how to find what uses one. */
export const unusedRevisions: Migration = {
  id: 4,
  name: "unused revisions",
  statements: [
    `alter table revisions add column unused_since integer`,
    `create index runs_revision on runs (revision)`,
    `create index revision_files_hash on revision_files (hash)`,
  ],
};
