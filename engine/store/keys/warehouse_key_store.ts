import { asc, eq } from "drizzle-orm";
import type { WarehouseKeyStore } from "../../../contract/keys/warehouse_key.ts";
import { type Database, storing } from "../database.ts";
import { warehouseKeys } from "./key_tables.ts";

export function createWarehouseKeyStore(db: Database): WarehouseKeyStore {
  const find = (pipeline: string) =>
    db.select({ sealed: warehouseKeys.sealed }).from(warehouseKeys).where(
      eq(warehouseKeys.pipeline, pipeline),
    );
  return {
    async get(pipeline) {
      const [found] = await storing(`read the key of the warehouse "${pipeline}"`, find(pipeline));
      return found?.sealed;
    },

    async put(pipeline, sealed, createdAtMs) {
      const [, [kept]] = await storing(
        `keep the key of the warehouse "${pipeline}"`,
        db.batch([
          db.insert(warehouseKeys).values({ pipeline, sealed, createdAtMs }).onConflictDoNothing(),
          find(pipeline),
        ]),
      );
      return kept?.sealed ?? sealed;
    },

    async pipelines() {
      const query = db.select({ pipeline: warehouseKeys.pipeline }).from(warehouseKeys)
        .orderBy(asc(warehouseKeys.pipeline));
      return (await storing("list the keys of warehouses", query)).map(({ pipeline }) => pipeline);
    },

    async remove(pipeline) {
      const query = db.delete(warehouseKeys).where(eq(warehouseKeys.pipeline, pipeline));
      await storing(`remove the key of the warehouse "${pipeline}"`, query);
    },
  };
}
