import type { Migration } from "./migration.ts";

/**
 * What connectors and notifiers say, sealed. Rows of before are sealed by the server's key, which no statement has: see
 * keys/plain_entries.ts. `upkeep` keeps what is to be done to the file once that is over.
 */
export const sealedEntries: Migration = {
  id: 21,
  name: "sealed_entries",
  statements: [
    `alter table connectors add column sealed text`,
    `alter table notifiers add column sealed text`,
    `alter table revisions add column sealed_connectors text`,
    `create index revisions_plain on revisions (id) where sealed_connectors is null and connectors <> '{}'`,
    `create table upkeep (task text primary key) without rowid`,
  ],
};
