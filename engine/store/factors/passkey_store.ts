import { and, asc, eq, lt, or, sql } from "drizzle-orm";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { type Database, storing } from "../database.ts";
import type { FactorStore, PasskeyRecord } from "./port.ts";
import { passkeys } from "./schema.ts";

const PASSKEY = {
  id: passkeys.id,
  user: passkeys.user,
  name: passkeys.name,
  publicKey: passkeys.publicKey,
  counter: passkeys.counter,
  transports: passkeys.transports,
  isSynced: passkeys.isSynced,
  createdAtMs: passkeys.createdAtMs,
  lastUsedAtMs: passkeys.lastUsedAtMs,
} satisfies Record<keyof PasskeyRecord, unknown>;

type PasskeyStore = Pick<
  FactorStore,
  "addPasskey" | "listPasskeys" | "findPasskey" | "renamePasskey" | "removePasskey" | "usePasskey"
>;

export function createPasskeyStore(db: Database): PasskeyStore {
  const isOf = (user: string, id: string) => and(eq(passkeys.user, user), eq(passkeys.id, id));
  return {
    async addPasskey({ publicKey, ...passkey }) {
      const row = { ...passkey, publicKey: Buffer.from(publicKey) };
      try {
        await storing("add a passkey", db.insert(passkeys).values(row));
      } catch (thrown) {
        const error = toAppError(thrown);
        if (error.code !== "conflict") throw error;
        throw new AppError("conflict", "This passkey is registered already", { cause: thrown });
      }
    },

    listPasskeys(user) {
      const query = db.select(PASSKEY).from(passkeys).where(eq(passkeys.user, user))
        .orderBy(asc(passkeys.createdAtMs), asc(passkeys.id));
      return storing("read the passkeys", query);
    },

    async findPasskey(id) {
      const query = db.select(PASSKEY).from(passkeys).where(eq(passkeys.id, id));
      const [found] = await storing("look for a passkey", query);
      return found;
    },

    async renamePasskey(user, id, name) {
      const query = db.update(passkeys).set({ name }).where(isOf(user, id)).returning({ id: passkeys.id });
      return (await storing("rename a passkey", query)).length > 0;
    },

    async removePasskey(user, id) {
      const query = db.delete(passkeys).where(isOf(user, id)).returning({ id: passkeys.id });
      return (await storing("remove a passkey", query)).length > 0;
    },

    async usePasskey(id, { counter, isSynced, atMs }) {
      const isFurther = or(
        lt(passkeys.counter, counter),
        // One that does not count says 0 for ever.
        and(eq(passkeys.counter, 0), sql`${counter} = 0`),
      );
      const query = db.update(passkeys).set({ counter, isSynced, lastUsedAtMs: atMs })
        .where(and(eq(passkeys.id, id), isFurther)).returning({ id: passkeys.id });
      return (await storing("note the use of a passkey", query)).length > 0;
    },
  };
}
