import type { Migration } from "./migration.ts";

/** Where the columns of a revision's tables come from. */
export const lineage: Migration = {
  id: 22,
  name: "lineage",
  statements: [
    `create table revision_lineage (
      revision text primary key references revisions (id) on delete cascade,
      lineage blob not null
    )`,
  ],
};
