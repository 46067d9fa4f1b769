import { and, desc, eq, gt, gte, inArray, isNull, lt, lte, notInArray, or, sql } from "drizzle-orm";
import { type Database, storing } from "../database.ts";
import type { SignInStore } from "./port.ts";
import { freshProofs, halfOpenSignIns, passkeyChallenges } from "./schema.ts";

/** Kept for one user; the oldest go first, so that whoever has the password alone cannot fill the table. */
const HALVES_OF_USER = 20;
/** Challenges for whoever it may be, which anybody can ask for: the oldest go first. */
const MOST_CHALLENGES = 50_000;

export function createSignInStore(db: Database): SignInStore {
  const half = {
    user: halfOpenSignIns.user,
    purpose: halfOpenSignIns.purpose,
    expiresAtMs: halfOpenSignIns.expiresAtMs,
  };
  const isOpen = (hash: string, nowMs: number) =>
    and(eq(halfOpenSignIns.hash, hash), gt(halfOpenSignIns.expiresAtMs, nowMs));
  return {
    async openHalf(signIn, nowMs) {
      const { hash, user, expiresAtMs } = halfOpenSignIns;
      const kept = db.select({ hash }).from(halfOpenSignIns).where(eq(user, signIn.user))
        .orderBy(desc(expiresAtMs)).limit(HALVES_OF_USER);
      await storing(
        "begin a sign-in",
        db.batch([
          db.insert(halfOpenSignIns).values({ ...signIn, attempts: 0 }),
          db.delete(halfOpenSignIns).where(
            or(lte(expiresAtMs, nowMs), and(eq(user, signIn.user), notInArray(hash, kept))),
          ),
        ]),
      );
    },

    async findHalf(hash, nowMs) {
      const query = db.select(half).from(halfOpenSignIns).where(isOpen(hash, nowMs));
      const [found] = await storing("look for a sign-in", query);
      return found;
    },

    async attemptHalf(hash, most, nowMs) {
      const { attempts } = halfOpenSignIns;
      const query = db.update(halfOpenSignIns).set({ attempts: sql`${attempts} + 1` })
        .where(and(isOpen(hash, nowMs), lt(attempts, most))).returning(half);
      const [found] = await storing("count an attempt to sign in", query);
      return found;
    },

    async closeHalf(hash) {
      const query = db.delete(halfOpenSignIns).where(eq(halfOpenSignIns.hash, hash))
        .returning({ hash: halfOpenSignIns.hash });
      return (await storing("end a sign-in", query)).length > 0;
    },

    async closeHalvesOf(user) {
      await storing("end sign-ins", db.delete(halfOpenSignIns).where(eq(halfOpenSignIns.user, user)));
    },

    async putChallenge(challenge, nowMs) {
      const { hash, user, expiresAtMs } = passkeyChallenges;
      const tooMany = db.select({ hash }).from(passkeyChallenges).where(isNull(user))
        .orderBy(desc(expiresAtMs)).limit(MOST_CHALLENGES).offset(MOST_CHALLENGES);
      await storing(
        "write a challenge",
        db.batch([
          db.insert(passkeyChallenges).values(challenge),
          db.delete(passkeyChallenges).where(or(lte(expiresAtMs, nowMs), inArray(hash, tooMany))),
        ]),
      );
    },

    async takeChallenge(hash, nowMs) {
      const { challenge, purpose, user, expiresAtMs } = passkeyChallenges;
      const query = db.delete(passkeyChallenges).where(eq(passkeyChallenges.hash, hash))
        .returning({ challenge, purpose, user, expiresAtMs });
      const [taken] = await storing("take a challenge", query);
      return taken !== undefined && taken.expiresAtMs > nowMs ? taken : undefined;
    },

    async putProof(session, user, atMs, keepFromMs) {
      await storing(
        "note who asks",
        db.batch([
          db.insert(freshProofs).values({ session, user, atMs })
            .onConflictDoUpdate({ target: freshProofs.session, set: { user, atMs } }),
          db.delete(freshProofs).where(lt(freshProofs.atMs, keepFromMs)),
        ]),
      );
    },

    async hasProof(session, user, sinceMs) {
      const query = db.select({ atMs: freshProofs.atMs }).from(freshProofs).where(
        and(eq(freshProofs.session, session), eq(freshProofs.user, user), gte(freshProofs.atMs, sinceMs)),
      );
      return (await storing("look who asks", query)).length > 0;
    },
  };
}
