import { and, desc, eq, gt, inArray, lte, ne, notInArray, or } from "drizzle-orm";
import { type Database, storing } from "../database.ts";
import { people, sessions, tokens } from "./people_tables.ts";
import type { AccessStore, SessionRecord } from "../ports/access.ts";
import { identityOf } from "./identity.ts";
import { USER } from "./records.ts";
import { isTokenGood, TOKEN } from "./token_store.ts";

/** Sessions kept for one user; the ones that end soonest go first, so that the table stays small. */
const SESSIONS_OF_USER = 50;

const SESSION = {
  id: sessions.id,
  user: sessions.user,
  token: sessions.token,
  method: sessions.method,
  createdAtMs: sessions.createdAtMs,
  lastSeenAtMs: sessions.lastSeenAtMs,
  expiresAtMs: sessions.expiresAtMs,
  address: sessions.address,
  agent: sessions.agent,
} satisfies Record<keyof SessionRecord, unknown>;

type SessionStore = Pick<
  AccessStore,
  | "createSession"
  | "findSession"
  | "findUser"
  | "listSessions"
  | "touchSession"
  | "endSession"
  | "endSessionById"
  | "endSessionsOf"
>;

export function createSessionStore(db: Database): SessionStore {
  return {
    async createSession(session) {
      const kept = db.select({ hash: sessions.hash }).from(sessions).where(eq(sessions.user, session.user))
        .orderBy(desc(sessions.expiresAtMs)).limit(SESSIONS_OF_USER);
      await storing(
        "create a session",
        db.batch([
          db.insert(sessions).values(session),
          db.update(people).set({ lastSeenAtMs: session.createdAtMs }).where(eq(people.id, session.user)),
          db.delete(sessions).where(
            or(
              lte(sessions.expiresAtMs, session.createdAtMs),
              and(eq(sessions.user, session.user), notInArray(sessions.hash, kept)),
            ),
          ),
        ]),
      );
    },

    async findSession(hash, nowMs) {
      const query = db.select(SESSION).from(sessions)
        .where(and(eq(sessions.hash, hash), gt(sessions.expiresAtMs, nowMs)));
      const [session] = await storing("look for a session", query);
      const found = session && await this.findUser(session.user, session.token, nowMs);
      return found && { ...found, session };
    },

    async findUser(id, tokenId, nowMs) {
      const isActive = and(eq(people.id, id), eq(people.state, "active"));
      if (tokenId === null) {
        const [user] = await storing("look for a user", db.select(USER).from(people).where(isActive));
        return user && { identity: await identityOf(db, user) };
      }
      const query = db.select({ user: USER, token: TOKEN }).from(people)
        .innerJoin(tokens, eq(tokens.user, people.id))
        .where(and(isActive, eq(tokens.id, tokenId), isTokenGood(nowMs)));
      const [found] = await storing("look for a user", query);
      return found && { identity: await identityOf(db, found.user), token: found.token };
    },

    listSessions(nowMs, user) {
      const query = db.select(SESSION).from(sessions).where(
        and(gt(sessions.expiresAtMs, nowMs), user === undefined ? undefined : eq(sessions.user, user)),
      ).orderBy(desc(sessions.lastSeenAtMs));
      return storing("read the sessions", query);
    },

    async touchSession(id, atMs) {
      const owner = db.select({ user: sessions.user }).from(sessions).where(eq(sessions.id, id));
      await storing(
        "write a session",
        db.batch([
          db.update(sessions).set({ lastSeenAtMs: atMs }).where(eq(sessions.id, id)),
          db.update(people).set({ lastSeenAtMs: atMs }).where(inArray(people.id, owner)),
        ]),
      );
    },

    async endSession(hash) {
      await storing("end a session", db.delete(sessions).where(eq(sessions.hash, hash)));
    },

    async endSessionById(id) {
      const query = db.delete(sessions).where(eq(sessions.id, id)).returning({ id: sessions.id });
      return (await storing("end a session", query)).length > 0;
    },

    async endSessionsOf(user, kept) {
      const query = db.delete(sessions)
        .where(and(eq(sessions.user, user), kept === undefined ? undefined : ne(sessions.id, kept)))
        .returning({ id: sessions.id });
      return (await storing("end a user's sessions", query)).length;
    },
  };
}
