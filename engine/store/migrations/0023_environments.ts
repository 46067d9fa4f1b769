import type { Migration } from "./migration.ts";

/** Environments that have been made, and where what is in force in them comes from. */
export const environments: Migration = {
  id: 23,
  name: "environments",
  statements: [
    `create table environments (
      name text primary key,
      state text not null,
      ref text,
      commit_id text,
      applied_at integer,
      changed_at integer not null
    )`,
  ],
};
