import { and, asc, desc, eq, sql } from "drizzle-orm";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { type Database, storing } from "../database.ts";
import { grants, people, sessions } from "./people_tables.ts";
import type { LinkRecord, LinkStore, NewLink, SsoSessionStore, SsoStore } from "../ports/sso.ts";
import { identityLinks, ssoSessions } from "./sso_tables.ts";
import { grantOf } from "./token_store.ts";
import { orTaken } from "./user_store.ts";

export function createSsoStore(db: Database): SsoStore {
  return { links: createLinkStore(db), sessions: createSsoSessionStore(db) };
}

const LINK = {
  id: identityLinks.id,
  user: identityLinks.user,
  userName: people.name,
  issuer: identityLinks.issuer,
  subject: identityLinks.subject,
  isPattern: identityLinks.isPattern,
  createdAtMs: identityLinks.createdAtMs,
  createdBy: identityLinks.createdBy,
  lastUsedAtMs: identityLinks.lastUsedAtMs,
} satisfies Record<keyof LinkRecord, unknown>;

function createLinkStore(db: Database): LinkStore {
  const select = () =>
    db.select(LINK).from(identityLinks).innerJoin(people, eq(people.id, identityLinks.user));
  return {
    async add(link) {
      await orLinked(link, storing("link a user", db.insert(identityLinks).values(link)));
    },

    async addWithUser({ lastSeenAtMs: _never, ...user }, link, role) {
      const adding = [db.insert(people).values(user), db.insert(identityLinks).values(link)] as const;
      const { createdAtMs, createdBy } = user;
      const granting = (granted: string) =>
        db.insert(grants).values({ ...grantOf(granted, user.id), createdAtMs, createdBy });
      const writing: Promise<unknown> = role === undefined
        ? db.batch(adding)
        : db.batch([...adding, granting(role)]);
      await orTaken(user, orLinked(link, storing(`create the user "${user.name}"`, writing)));
    },

    list(user) {
      const query = select().where(user === undefined ? undefined : eq(identityLinks.user, user))
        .orderBy(asc(identityLinks.issuer), asc(identityLinks.subject));
      return storing("read the links of users", query);
    },

    async find(issuer, subject) {
      const query = select().where(
        and(
          eq(identityLinks.issuer, issuer),
          eq(identityLinks.subject, subject),
          eq(identityLinks.isPattern, false),
        ),
      );
      return (await storing("look for a linked user", query))[0];
    },

    patterns: (issuer) =>
      storing(
        "look for linked users",
        select().where(and(eq(identityLinks.issuer, issuer), eq(identityLinks.isPattern, true)))
          // The one that says most first.
          .orderBy(desc(sql`length(${identityLinks.subject})`), asc(identityLinks.subject)),
      ),

    async remove(id) {
      const begun = sql`(
        select session from sso_sessions join identity_links link using (issuer, subject) where link.id = ${id}
      )`;
      const [, gone] = await storing(
        "remove a link",
        db.batch([
          db.delete(sessions).where(sql`${sessions.id} in ${begun}`),
          db.delete(identityLinks).where(eq(identityLinks.id, id)).returning({ id: identityLinks.id }),
        ]),
      );
      return gone.length > 0;
    },

    async touch(id, atMs) {
      const query = db.update(identityLinks).set({ lastUsedAtMs: atMs }).where(eq(identityLinks.id, id));
      await storing("write a link", query);
    },
  };
}

function createSsoSessionStore(db: Database): SsoSessionStore {
  return {
    async add(session) {
      await storing("write a session", db.insert(ssoSessions).values(session));
    },

    async find(session) {
      const query = db.select().from(ssoSessions).where(eq(ssoSessions.session, session));
      return (await storing("look for a session", query))[0];
    },

    async list({ issuer, subject, sid }) {
      const query = db.select({ session: ssoSessions.session }).from(ssoSessions).where(and(
        eq(ssoSessions.issuer, issuer),
        subject === undefined ? undefined : eq(ssoSessions.subject, subject),
        sid === undefined ? undefined : eq(ssoSessions.sid, sid),
      ));
      return (await storing("look for sessions", query)).map(({ session }) => session);
    },
  };
}

/** Says that the identity is a user's already. */
async function orLinked<T>({ issuer, subject }: NewLink, writing: Promise<T>): Promise<T> {
  try {
    return await writing;
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code !== "conflict" || error.detail?.includes("identity_links") !== true) throw error;
    throw new AppError("conflict", `${subject} of ${issuer} is linked to a user already: unlink it first`, {
      reason: "identity_linked",
      cause: thrown,
    });
  }
}
