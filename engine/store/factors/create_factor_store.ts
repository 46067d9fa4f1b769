import { and, eq, isNull, type SQL } from "drizzle-orm";
import { FACTOR_KINDS, type FactorKind } from "../../../contract/access/factors.ts";
import { type Database, storing } from "../database.ts";
import { createPasskeyStore } from "./passkey_store.ts";
import type { FactorStore } from "./port.ts";
import { factorGuesses, passkeys, recoveryCodes, totpSecrets } from "./schema.ts";
import { createTotpStore } from "./totp_store.ts";

export function createFactorStore(db: Database): FactorStore {
  return {
    ...createTotpStore(db),
    ...createPasskeyStore(db),

    async kinds(user) {
      const only = (column: SQL) => user === undefined ? undefined : column;
      const [apps, keys] = await storing(
        "read which factors there are",
        db.batch([
          db.select({ user: totpSecrets.user }).from(totpSecrets)
            .where(and(eq(totpSecrets.state, "active"), only(eq(totpSecrets.user, user ?? "")))),
          db.selectDistinct({ user: passkeys.user }).from(passkeys).where(
            only(eq(passkeys.user, user ?? "")),
          ),
        ]),
      );
      const has = {
        totp: new Set(apps.map((row) => row.user)),
        passkey: new Set(keys.map((row) => row.user)),
      };
      return new Map(
        [...has.totp.union(has.passkey)].map((one): [string, readonly FactorKind[]] => [
          one,
          FACTOR_KINDS.filter((kind) => has[kind].has(one)),
        ]),
      );
    },

    async removeAll(user) {
      const [apps, keys] = await storing(
        "remove a user's factors",
        db.batch([
          db.delete(totpSecrets).where(eq(totpSecrets.user, user)).returning({ state: totpSecrets.state }),
          db.delete(passkeys).where(eq(passkeys.user, user)).returning({ id: passkeys.id }),
          db.delete(recoveryCodes).where(eq(recoveryCodes.user, user)),
          db.delete(factorGuesses).where(eq(factorGuesses.user, user)),
        ]),
      );
      const gone = { totp: apps.some(({ state }) => state === "active"), passkey: keys.length > 0 };
      return FACTOR_KINDS.filter((kind) => gone[kind]);
    },

    async putRecoveryCodes(user, hashes, atMs) {
      await storing(
        "write recovery codes",
        db.batch([
          db.delete(recoveryCodes).where(eq(recoveryCodes.user, user)),
          db.insert(recoveryCodes).values(hashes.map((hash) => ({ user, hash, createdAtMs: atMs }))),
        ]),
      );
    },

    async removeRecoveryCodes(user) {
      await storing("remove recovery codes", db.delete(recoveryCodes).where(eq(recoveryCodes.user, user)));
    },

    async countRecoveryCodes(user) {
      return await storing(
        "count recovery codes",
        db.$count(recoveryCodes, and(eq(recoveryCodes.user, user), isNull(recoveryCodes.usedAtMs))),
      );
    },

    async useRecoveryCode(user, hash, atMs) {
      const query = db.update(recoveryCodes).set({ usedAtMs: atMs })
        .where(
          and(eq(recoveryCodes.user, user), eq(recoveryCodes.hash, hash), isNull(recoveryCodes.usedAtMs)),
        )
        .returning({ hash: recoveryCodes.hash });
      return (await storing("use a recovery code", query)).length > 0;
    },
  };
}
