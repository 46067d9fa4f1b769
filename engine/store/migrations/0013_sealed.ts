import type { Migration } from "./migration.ts";

/** Data keys, wrapped by a root key that is kept elsewhere, and secrets that they seal. */
export const sealed: Migration = {
  id: 13,
  name: "sealed",
  statements: [
    `create table data_keys (
      id text primary key,
      wrapped text not null,
      is_current integer not null,
      created_at integer not null,
      retired_at integer
    ) without rowid`,
    `create unique index data_keys_current on data_keys (is_current) where is_current`,
    `create table secrets (
      name text primary key,
      sealed text not null,
      created_at integer not null,
      created_by text,
      changed_at integer not null,
      changed_by text
    ) without rowid`,
  ],
};
