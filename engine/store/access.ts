import { and, asc, eq, gt, ne, notInArray, sql } from "drizzle-orm";
import { AppError } from "../../contract/errors.ts";
import { type Database, storing } from "./database.ts";
import { sessions, tokens, users } from "./schema.ts";
import type { AccessStore, TokenRecord } from "./ports/access.ts";

/** Sign-ins kept for one token; the ones that end soonest go first, so that the table stays small. */
const SESSIONS_PER_TOKEN = 50;

export function createAccessStore(db: Database): AccessStore {
  return { ...tokensOf(db), ...sessionsOf(db) };
}

/** A token belongs to a user, who has its name and role; for now each user has one. */
const RECORD = {
  id: tokens.id,
  name: users.name,
  role: users.role,
  createdAtMs: tokens.createdAtMs,
  lastUsedAtMs: tokens.lastUsedAtMs,
};

function tokensOf(
  db: Database,
): Pick<AccessStore, "createToken" | "putToken" | "findToken" | "listTokens" | "revokeToken" | "touchToken"> {
  return {
    async createToken({ id, name, role, hash, createdAtMs }) {
      const taken = db.select({ id: users.id }).from(users).where(eq(users.name, name));
      if ((await storing("read the tokens", taken)).length > 0) {
        throw new AppError(
          "conflict",
          `There is a token named "${name}" already: choose another name or revoke it`,
        );
      }
      await storing(
        `create token "${name}"`,
        db.batch([
          db.insert(users).values({ id, name, role, createdAtMs }),
          db.insert(tokens).values({ id, user: id, hash, createdAtMs }),
        ]),
      );
    },

    async putToken({ id, name, role, hash, createdAtMs }) {
      const user = sql<string>`(select id from users where name = ${name})`;
      await storing(
        `write token "${name}"`,
        db.batch([
          db.insert(users).values({ id, name, role, createdAtMs })
            .onConflictDoUpdate({ target: users.name, set: { role } }),
          // Another secret ends what was signed in with the old one.
          db.delete(tokens).where(and(eq(tokens.user, user), ne(tokens.hash, hash))),
          db.insert(tokens).values({ id, user, hash, createdAtMs })
            .onConflictDoUpdate({ target: tokens.hash, set: { user } }),
        ]),
      );
    },

    async findToken(hash) {
      const query = db.select(RECORD).from(tokens).innerJoin(users, eq(users.id, tokens.user))
        .where(eq(tokens.hash, hash));
      const [found] = await storing("look for a token", query);
      return found;
    },

    listTokens(): Promise<TokenRecord[]> {
      const query = db.select(RECORD).from(tokens).innerJoin(users, eq(users.id, tokens.user))
        .orderBy(asc(users.name));
      return storing("read the tokens", query);
    },

    async revokeToken(id) {
      const owner = sql`(select user from tokens where id = ${id})`;
      const gone = await storing(
        `revoke token ${id}`,
        db.delete(users).where(eq(users.id, owner)).returning({ id: users.id }),
      );
      return gone.length > 0;
    },

    async touchToken(id, atMs) {
      await storing(
        `write token ${id}`,
        db.update(tokens).set({ lastUsedAtMs: atMs }).where(eq(tokens.id, id)),
      );
    },
  };
}

function sessionsOf(db: Database): Pick<AccessStore, "createSession" | "findSession" | "endSession"> {
  return {
    async createSession({ hash, tokenId, expiresAtMs }) {
      const kept = db.select({ hash: sessions.hash }).from(sessions).where(eq(sessions.token, tokenId))
        .orderBy(sql`${sessions.expiresAtMs} desc`).limit(SESSIONS_PER_TOKEN);
      await storing(
        "create a session",
        db.batch([
          db.insert(sessions).values({ hash, token: tokenId, expiresAtMs }),
          db.delete(sessions).where(and(eq(sessions.token, tokenId), notInArray(sessions.hash, kept))),
        ]),
      );
    },

    async findSession(hash, nowMs) {
      const query = db.select(RECORD).from(sessions)
        .innerJoin(tokens, eq(tokens.id, sessions.token)).innerJoin(users, eq(users.id, tokens.user))
        .where(and(eq(sessions.hash, hash), gt(sessions.expiresAtMs, nowMs)));
      const [found] = await storing("look for a session", query);
      return found;
    },

    async endSession(hash) {
      await storing("end a session", db.delete(sessions).where(eq(sessions.hash, hash)));
    },
  };
}
