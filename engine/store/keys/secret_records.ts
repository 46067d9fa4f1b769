import { asc, eq } from "drizzle-orm";
import { type Database, storing } from "../database.ts";
import type { SecretRecords } from "../ports/secrets.ts";
import { secrets } from "./key_tables.ts";

export function createSecretRecords(db: Database): SecretRecords {
  return {
    list() {
      const { name, createdAtMs, createdBy, changedAtMs, changedBy } = secrets;
      const query = db.select({ name, createdAtMs, createdBy, changedAtMs, changedBy }).from(secrets)
        .orderBy(asc(secrets.name));
      return storing("read the secrets", query);
    },

    async find(name) {
      const query = db.select().from(secrets).where(eq(secrets.name, name));
      return (await storing("read a secret", query))[0];
    },

    async put({ name, sealed }, by, nowMs) {
      const query = db.insert(secrets)
        .values({ name, sealed, createdAtMs: nowMs, createdBy: by, changedAtMs: nowMs, changedBy: by })
        .onConflictDoUpdate({
          target: secrets.name,
          set: { sealed, changedAtMs: nowMs, changedBy: by },
        });
      await storing("keep a secret", query);
    },

    async remove(name) {
      const query = db.delete(secrets).where(eq(secrets.name, name)).returning({ name: secrets.name });
      return (await storing("delete a secret", query)).length > 0;
    },
  };
}
