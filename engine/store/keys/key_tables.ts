import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** Wrapped by a root key, which is not in the store. */
export const dataKeys = sqliteTable("data_keys", {
  id: text().primaryKey(),
  wrapped: text().notNull(),
  isCurrent: integer("is_current", { mode: "boolean" }).notNull(),
  createdAtMs: integer("created_at").notNull(),
  retiredAtMs: integer("retired_at"),
});

export const secrets = sqliteTable("secrets", {
  name: text().primaryKey(),
  sealed: text().notNull(),
  createdAtMs: integer("created_at").notNull(),
  createdBy: text("created_by"),
  changedAtMs: integer("changed_at").notNull(),
  changedBy: text("changed_by"),
});

export const warehouseKeys = sqliteTable("warehouse_keys", {
  pipeline: text().primaryKey(),
  sealed: text().notNull(),
  createdAtMs: integer("created_at").notNull(),
});
