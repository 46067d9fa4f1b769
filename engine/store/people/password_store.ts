import { and, count, desc, eq, exists, gt, gte, lte, ne, notInArray, or, type SQL, sql } from "drizzle-orm";
import { type Database, storing } from "../database.ts";
import { knownBrowsers, passwordLinks, passwords, people, sessions, tokens } from "./people_tables.ts";
import type { Ending, LinkRecord, PasswordRecord, PasswordStore } from "../ports/passwords.ts";
import { USER } from "./records.ts";
import { issuedTokens } from "./sso_tables.ts";

/** Browsers kept for one user, the last used ones. */
const BROWSERS_OF_USER = 20;

/** Holds for no row. */
const NEVER = sql`0`;

const PASSWORD = {
  hash: passwords.hash,
  mustChange: passwords.mustChange,
  changedAtMs: passwords.changedAtMs,
} satisfies Record<keyof PasswordRecord, unknown>;

const LINK = {
  user: passwordLinks.user,
  kind: passwordLinks.kind,
  createdAtMs: passwordLinks.createdAtMs,
  createdBy: passwordLinks.createdBy,
  expiresAtMs: passwordLinks.expiresAtMs,
} satisfies Record<keyof LinkRecord, unknown>;

export function createPasswordStore(db: Database): PasswordStore {
  /** What ends with a user's former password where `isMeant` holds; the count of the tokens comes sixth, and the links last. */
  const ending = (user: string, { keptSession, endsTokens = false }: Ending, isMeant?: SQL) => {
    const areTokensMeant = endsTokens ? and(eq(tokens.user, user), isMeant) : NEVER;
    return [
      db.update(people).set({ state: "active" })
        .where(and(eq(people.id, user), eq(people.state, "invited"), isMeant)),
      db.delete(knownBrowsers).where(and(eq(knownBrowsers.user, user), isMeant)),
      db.delete(sessions).where(
        and(
          eq(sessions.user, user),
          keptSession === undefined ? undefined : ne(sessions.id, keptSession),
          isMeant,
        ),
      ),
      db.delete(issuedTokens).where(endsTokens ? and(eq(issuedTokens.user, user), isMeant) : NEVER),
      // Before they go: of those that go with the token that they were made with, the deletion does not tell.
      db.select({ count: count() }).from(tokens).where(areTokensMeant),
      db.delete(tokens).where(areTokensMeant),
      db.delete(passwordLinks).where(and(eq(passwordLinks.user, user), isMeant))
        .returning({ user: passwordLinks.user }),
    ] as const;
  };

  return {
    async findClaimant(nameOrEmail) {
      const query = db.select({ user: USER, password: PASSWORD }).from(people)
        .leftJoin(passwords, eq(passwords.user, people.id))
        .where(
          and(eq(people.kind, "person"), or(eq(people.name, nameOrEmail), eq(people.email, nameOrEmail))),
        )
        // A name is meant before another one's address.
        .orderBy(sql`${people.name} = ${nameOrEmail} collate nocase desc`).limit(1);
      const [found] = await storing("look for a user", query);
      return found && { user: found.user, password: found.password ?? undefined };
    },

    async get(user) {
      const query = db.select(PASSWORD).from(passwords).where(eq(passwords.user, user));
      return (await storing("look for a password", query))[0];
    },

    async holders() {
      const rows = await storing("read the passwords", db.select({ user: passwords.user }).from(passwords));
      return new Set(rows.map(({ user }) => user));
    },

    async isAny() {
      const query = db.select({ user: passwords.user }).from(passwords).limit(1);
      return (await storing("look for a password", query)).length > 0;
    },

    async put(user, password, what = {}) {
      const insert = db.insert(passwords).values({ user, ...password })
        .onConflictDoUpdate({ target: passwords.user, set: password });
      const [, , , , , ended] = await storing("write a password", db.batch([insert, ...ending(user, what)]));
      return ended[0]?.count ?? 0;
    },

    async rehash(user, from, to) {
      const query = db.update(passwords).set({ hash: to })
        .where(and(eq(passwords.user, user), eq(passwords.hash, from)));
      await storing("write a password", query);
    },

    async createLink(link) {
      await storing(
        "create a link",
        db.batch([
          db.delete(passwordLinks).where(lte(passwordLinks.expiresAtMs, link.createdAtMs)),
          db.insert(passwordLinks).values(link),
        ]),
      );
    },

    async findLink(hash, nowMs) {
      const query = db.select(LINK).from(passwordLinks).innerJoin(people, eq(people.id, passwordLinks.user))
        .where(
          and(
            eq(passwordLinks.hash, hash),
            gt(passwordLinks.expiresAtMs, nowMs),
            ne(people.state, "disabled"),
          ),
        );
      return (await storing("look for a link", query))[0];
    },

    async useLink(hash, password, what = {}) {
      const link = await this.findLink(hash, password.changedAtMs);
      if (link === undefined) return undefined;
      const { user } = link;
      // Each statement asks again: of two who use the link at the same time the second finds nothing.
      const isThere = exists(
        db.select({ one: sql`1` }).from(passwordLinks).innerJoin(people, eq(people.id, passwordLinks.user))
          .where(
            and(
              eq(passwordLinks.hash, hash),
              gt(passwordLinks.expiresAtMs, password.changedAtMs),
              ne(people.state, "disabled"),
            ),
          ),
      );
      const row = db.select({
        user: people.id,
        hash: sql<string>`${password.hash}`.as("hash"),
        mustChange: sql<boolean>`${Number(password.mustChange)}`.as("must_change"),
        changedAtMs: sql<number>`${password.changedAtMs}`.as("changed_at"),
      }).from(people).where(and(eq(people.id, user), isThere));
      const insert = db.insert(passwords).select(row)
        .onConflictDoUpdate({ target: passwords.user, set: password });
      const [, , , , , ended, , used] = await storing(
        "use a link",
        db.batch([insert, ...ending(user, { endsTokens: what.endsTokens }, isThere)]),
      );
      return used.length === 0 ? undefined : { link, tokensEnded: ended[0]?.count ?? 0 };
    },

    async rememberBrowser({ hash, user, atMs }) {
      const kept = db.select({ hash: knownBrowsers.hash }).from(knownBrowsers)
        .where(eq(knownBrowsers.user, user)).orderBy(desc(knownBrowsers.lastUsedAtMs)).limit(
          BROWSERS_OF_USER,
        );
      await storing(
        "remember a browser",
        db.batch([
          db.insert(knownBrowsers).values({ hash, user, createdAtMs: atMs, lastUsedAtMs: atMs })
            .onConflictDoUpdate({ target: knownBrowsers.hash, set: { user, lastUsedAtMs: atMs } }),
          db.delete(knownBrowsers)
            .where(and(eq(knownBrowsers.user, user), notInArray(knownBrowsers.hash, kept))),
        ]),
      );
    },

    async isKnownBrowser(hash, user, sinceMs) {
      const query = db.select({ hash: knownBrowsers.hash }).from(knownBrowsers).where(
        and(
          eq(knownBrowsers.hash, hash),
          eq(knownBrowsers.user, user),
          gte(knownBrowsers.lastUsedAtMs, sinceMs),
        ),
      );
      return (await storing("look for a browser", query)).length > 0;
    },
  };
}
