import type { Migration } from "../migration.ts";

/** Compressed logs, and the days of a pipeline's runs without reading the runs themselves. */
export const seeing: Migration = {
  id: 9,
  name: "seeing",
  statements: [
    // The body is last: what stands beside it is read without it.
    `create table log_blocks (
      id integer primary key,
      run text not null references runs (id) on delete cascade,
      first_seq integer not null,
      last_seq integer not null,
      first_at integer not null,
      last_at integer not null,
      levels integer not null,
      body blob not null,
      unique (run, first_seq)
    )`,
    `create index runs_days on runs (pipeline, created_at, state)`,
  ],
};
