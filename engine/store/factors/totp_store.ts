import { and, asc, eq, exists, gt, lt, lte, sql } from "drizzle-orm";
import { type Database, storing } from "../database.ts";
import { inOneBatch } from "../keys/sealed_places.ts";
import { type FactorStore, totpPlace } from "./port.ts";
import { factorGuesses, totpSecrets } from "./schema.ts";

/** After so many wrong codes in a row the next one has to wait: half a minute, twice as long each time, at most an hour. */
const FREE_GUESSES = 5;
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 3_600_000;
/** 30 s, doubled so often, is above the longest wait: a shift further could only overflow. */
const MOST_DOUBLINGS = 7;

type TotpStore = Pick<
  FactorStore,
  | "putPendingTotp"
  | "findTotp"
  | "activateTotp"
  | "useTotpStep"
  | "removeTotp"
  | "takeGuess"
  | "forgetGuesses"
  | "sealed"
>;

export function createTotpStore(db: Database): TotpStore {
  const isOf = (user: string, state: "pending" | "active") =>
    and(eq(totpSecrets.user, user), eq(totpSecrets.state, state));
  const id = sql<string>`${totpSecrets.user} || '/' || ${totpSecrets.state}`;
  return {
    sealed: {
      kind: "secrets of authenticator apps",

      async list({ after = "", limit }) {
        const query = db.select({ id, user: totpSecrets.user, sealed: totpSecrets.secret }).from(totpSecrets)
          .where(gt(id, after)).orderBy(asc(id)).limit(limit);
        const rows = await storing("read the secrets of authenticator apps", query);
        return rows.map(({ user, ...text }) => ({ ...text, place: totpPlace(user) }));
      },

      async replace(changes) {
        const updates = changes.map(({ id: which, before, after }) =>
          db.run(
            sql`update ${totpSecrets} set secret = ${after}
              where ${and(eq(id, which), eq(totpSecrets.secret, before))}`,
          )
        );
        return await inOneBatch(db, "seal the secrets of authenticator apps anew", updates);
      },
    },

    async putPendingTotp(user, secret, atMs) {
      const row = { secret, createdAtMs: atMs, lastUsedAtMs: null, lastStep: 0 };
      await storing(
        "write an authenticator app",
        db.insert(totpSecrets).values({ user, state: "pending", ...row })
          .onConflictDoUpdate({ target: [totpSecrets.user, totpSecrets.state], set: row }),
      );
    },

    async findTotp(user, state) {
      const { secret, createdAtMs, lastUsedAtMs } = totpSecrets;
      const query = db.select({ secret, createdAtMs, lastUsedAtMs }).from(totpSecrets).where(
        isOf(user, state),
      );
      const [found] = await storing("read an authenticator app", query);
      return found;
    },

    async activateTotp(user, createdAtMs, step, atMs) {
      const isMeant = and(isOf(user, "pending"), eq(totpSecrets.createdAtMs, createdAtMs));
      const meant = db.select({ one: sql`1` }).from(totpSecrets).where(isMeant);
      const [, activated] = await storing(
        "write an authenticator app",
        db.batch([
          db.delete(totpSecrets).where(and(isOf(user, "active"), exists(meant))),
          db.update(totpSecrets).set({
            state: "active",
            lastStep: step,
            createdAtMs: atMs,
            lastUsedAtMs: atMs,
          })
            .where(isMeant).returning({ user: totpSecrets.user }),
        ]),
      );
      return activated.length > 0;
    },

    async useTotpStep(user, createdAtMs, step, atMs) {
      const query = db.update(totpSecrets).set({ lastStep: step, lastUsedAtMs: atMs })
        .where(
          and(isOf(user, "active"), eq(totpSecrets.createdAtMs, createdAtMs), lt(totpSecrets.lastStep, step)),
        )
        .returning({ user: totpSecrets.user });
      return (await storing("note the use of a code", query)).length > 0;
    },

    async removeTotp(user) {
      const query = db.delete(totpSecrets).where(eq(totpSecrets.user, user))
        .returning({ state: totpSecrets.state });
      return (await storing("remove an authenticator app", query)).some(({ state }) => state === "active");
    },

    async takeGuess(user, nowMs) {
      const { failures, blockedUntilMs } = factorGuesses;
      const doublings = sql`min(${failures} + 1 - ${FREE_GUESSES}, ${MOST_DOUBLINGS})`;
      const wait = sql`min(${FIRST_WAIT_MS} << ${doublings}, ${LONGEST_WAIT_MS})`;
      const taken = await storing(
        "count a code",
        db.insert(factorGuesses).values({ user, failures: 1, blockedUntilMs: 0 }).onConflictDoUpdate({
          target: factorGuesses.user,
          set: {
            failures: sql`${failures} + 1`,
            blockedUntilMs:
              sql`case when ${failures} + 1 < ${FREE_GUESSES} then 0 else ${nowMs} + ${wait} end`,
          },
          setWhere: lte(blockedUntilMs, nowMs),
        }).returning({ failures }),
      );
      if (taken.length > 0) return 0;
      const query = db.select({ blockedUntilMs }).from(factorGuesses).where(eq(factorGuesses.user, user));
      const [blocked] = await storing("count a code", query);
      return Math.max(1, (blocked?.blockedUntilMs ?? 0) - nowMs);
    },

    async forgetGuesses(user) {
      await storing("count a code", db.delete(factorGuesses).where(eq(factorGuesses.user, user)));
    },
  };
}
