import { asc, eq } from "drizzle-orm";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { type Database, storing } from "../database.ts";
import type { EnvironmentStore } from "./port.ts";

const environments = sqliteTable("environments", {
  name: text().primaryKey(),
  state: text({ enum: ["ready", "creating", "deleting"] }).notNull(),
  ref: text(),
  commit: text("commit_id"),
  appliedAtMs: integer("applied_at"),
  changedAtMs: integer("changed_at").notNull(),
});

export function createEnvironmentStore(db: Database): EnvironmentStore {
  return {
    list: () =>
      storing("read the environments", db.select().from(environments).orderBy(asc(environments.name))),

    async get(name) {
      const query = db.select().from(environments).where(eq(environments.name, name));
      return (await storing(`read the environment "${name}"`, query))[0];
    },

    async put(record) {
      const { name: _name, ...set } = record;
      const upsert = db.insert(environments).values(record)
        .onConflictDoUpdate({ target: environments.name, set });
      await storing(`write the environment "${record.name}"`, upsert);
    },

    async remove(name) {
      const remove = db.delete(environments).where(eq(environments.name, name));
      await storing(`remove the environment "${name}"`, remove);
    },
  };
}
