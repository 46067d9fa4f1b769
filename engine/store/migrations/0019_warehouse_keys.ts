import type { Migration } from "./migration.ts";

/** The keys of encrypted warehouses, sealed by a data key. */
export const warehouseKeys: Migration = {
  id: 19,
  name: "warehouse_keys",
  statements: [
    `create table warehouse_keys (
      pipeline text primary key,
      sealed text not null,
      created_at integer not null
    ) without rowid`,
  ],
};
