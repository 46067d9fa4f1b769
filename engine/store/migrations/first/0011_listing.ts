import type { Migration } from "../migration.ts";

/** Runs by the end of their ids, as pages show it, by what started them, and by when they were asked for. */
export const listing: Migration = {
  id: 11,
  name: "listing",
  statements: [
    `create index runs_suffix on runs (substr(id, -4))`,
    `create index runs_trigger on runs (trigger)`,
    `create index runs_created on runs (created_at)`,
  ],
};
