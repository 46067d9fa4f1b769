import { and, asc, desc, eq, gt, isNull, lte, ne, notInArray, or, sql } from "drizzle-orm";
import { AppError } from "../../../contract/errors.ts";
import { type Database, storing } from "../database.ts";
import { grants, people, sessions, tokens } from "./people_tables.ts";
import type { AccessStore, LetIn, ServiceToken, TokenRecord } from "../ports/access.ts";
import { identityOf } from "./identity.ts";
import { USER } from "./records.ts";
import { issuedTokens } from "./sso_tables.ts";

/** The columns of a token, as `TokenRecord` has them. */
export const TOKEN = {
  id: tokens.id,
  name: tokens.name,
  user: people.id,
  userName: people.name,
  userKind: people.kind,
  scopes: tokens.scopes,
  createdAtMs: tokens.createdAtMs,
  createdBy: tokens.createdBy,
  expiresAtMs: tokens.expiresAtMs,
  lastUsedAtMs: tokens.lastUsedAtMs,
  rotatedAtMs: tokens.rotatedAtMs,
} satisfies Record<keyof TokenRecord, unknown>;

/** Whether a token lets in at that moment. */
export const isTokenGood = (nowMs: number) => or(isNull(tokens.expiresAtMs), gt(tokens.expiresAtMs, nowMs));

type TokenStore = Pick<
  AccessStore,
  | "createToken"
  | "createService"
  | "putToken"
  | "findToken"
  | "issueToken"
  | "listTokens"
  | "revokeToken"
  | "rotateToken"
  | "touchToken"
>;

/** Issued tokens kept for one user; the ones that end soonest go first. */
const ISSUED_TO_USER = 1_000;

export function createTokenStore(db: Database): TokenStore {
  return {
    async createToken(token) {
      const taken = db.select({ id: tokens.id }).from(tokens)
        .where(and(eq(tokens.user, token.user), eq(tokens.name, token.name)));
      if ((await storing("read the tokens", taken)).length > 0) throw tokenTaken(token.name);
      await storing(`create token "${token.name}"`, db.insert(tokens).values(token));
    },

    async createService({ role, ...token }) {
      const { id, name, createdAtMs, createdBy } = token;
      const taken = db.select({ id: people.id }).from(people).where(eq(people.name, name));
      if ((await storing("read the users", taken)).length > 0) throw tokenTaken(name);
      const made = { createdAtMs, createdBy };
      await storing(
        `create token "${name}"`,
        db.batch([
          db.insert(people).values({ ...serviceOf(token), ...made }),
          db.insert(grants).values({ ...grantOf(role, id), ...made }),
          db.insert(tokens).values({ ...token, user: id }),
        ]),
      );
    },

    async putToken(token) {
      const { id, name, hash, createdAtMs } = token;
      const user = sql<string>`(select id from people where name = ${name})`;
      await storing(
        `write token "${name}"`,
        db.batch([
          db.insert(people).values(serviceOf(token)).onConflictDoNothing({ target: people.name }),
          db.delete(grants).where(eq(grants.user, user)),
          db.insert(grants).values({ ...grantOf(token.role, id), createdAtMs, user }),
          // Another secret ends what was signed in with the old one.
          db.delete(tokens).where(and(eq(tokens.user, user), ne(tokens.hash, hash))),
          db.insert(tokens).values({ id, user, name, hash, createdAtMs })
            .onConflictDoUpdate({ target: tokens.hash, set: { user, name, scopes: {}, expiresAtMs: null } }),
        ]),
      );
    },

    async findToken(hash, nowMs) {
      const query = db.select({ token: TOKEN, user: USER }).from(tokens)
        .innerJoin(people, eq(people.id, tokens.user))
        .where(
          and(
            or(eq(tokens.hash, hash), and(eq(tokens.formerHash, hash), gt(tokens.formerUntilMs, nowMs))),
            isTokenGood(nowMs),
            eq(people.state, "active"),
          ),
        );
      const [found] = await storing("look for a token", query);
      if (found === undefined) return await findIssued(db, hash, nowMs);
      const letIn: LetIn = { identity: await identityOf(db, found.user), token: found.token };
      return letIn;
    },

    async issueToken({ for: reason, ...token }) {
      const kept = db.select({ hash: issuedTokens.hash }).from(issuedTokens)
        .where(eq(issuedTokens.user, token.user)).orderBy(desc(issuedTokens.expiresAtMs)).limit(
          ISSUED_TO_USER,
        );
      await storing(
        "issue a token",
        db.batch([
          db.insert(issuedTokens).values({ ...token, ...reason }),
          db.delete(issuedTokens).where(or(
            lte(issuedTokens.expiresAtMs, token.createdAtMs),
            and(eq(issuedTokens.user, token.user), notInArray(issuedTokens.hash, kept)),
          )),
        ]),
      );
    },

    listTokens(user) {
      const query = db.select(TOKEN).from(tokens).innerJoin(people, eq(people.id, tokens.user))
        .where(user === undefined ? undefined : eq(tokens.user, user))
        .orderBy(asc(people.name), asc(tokens.name));
      return storing("read the tokens", query);
    },

    async revokeToken(id) {
      const owner = sql`(select user from access_tokens where id = ${id})`;
      const others = sql`(select count(*) from access_tokens where user = ${people.id} and id <> ${id})`;
      const [services, left] = await storing(
        `revoke token ${id}`,
        db.batch([
          // With its user goes the token, by the key between them.
          db.delete(people).where(and(eq(people.id, owner), eq(people.kind, "service"), sql`${others} = 0`))
            .returning({ id: people.id }),
          db.delete(tokens).where(eq(tokens.id, id)).returning({ id: tokens.id }),
        ]),
      );
      return services.length + left.length > 0;
    },

    async rotateToken(id, { hash, atMs, expiresAtMs, formerUntilMs }) {
      const former = formerUntilMs > atMs
        ? { formerHash: sql`${tokens.hash}`, formerUntilMs }
        : { formerHash: null, formerUntilMs: null };
      const [, , , rotated] = await storing(
        `rotate token ${id}`,
        db.batch([
          db.delete(sessions).where(eq(sessions.token, id)),
          db.delete(issuedTokens).where(eq(issuedTokens.token, id)),
          db.delete(tokens).where(eq(tokens.parent, id)),
          db.update(tokens).set({ hash, rotatedAtMs: atMs, expiresAtMs, ...former }).where(eq(tokens.id, id))
            .returning({ id: tokens.id }),
        ]),
      );
      return rotated.length > 0;
    },

    async touchToken(id, atMs) {
      const owner = sql`(select user from access_tokens where id = ${id})`;
      await storing(
        `write token ${id}`,
        db.batch([
          db.update(tokens).set({ lastUsedAtMs: atMs }).where(eq(tokens.id, id)),
          db.update(people).set({ lastSeenAtMs: atMs }).where(eq(people.id, owner)),
        ]),
      );
    },
  };
}

/** An issued token is what it was issued for, with scopes and an end of its own. */
async function findIssued(db: Database, hash: string, nowMs: number): Promise<LetIn | undefined> {
  const query = db.select({ issued: issuedTokens, token: tokens, user: USER }).from(issuedTokens)
    .innerJoin(people, eq(people.id, issuedTokens.user)).leftJoin(tokens, eq(tokens.id, issuedTokens.token))
    .where(
      and(
        eq(issuedTokens.hash, hash),
        gt(issuedTokens.expiresAtMs, nowMs),
        eq(people.state, "active"),
        or(isNull(issuedTokens.token), isTokenGood(nowMs)),
      ),
    );
  const [found] = await storing("look for an issued token", query);
  if (found === undefined) return undefined;
  const { issued: { id, scopes, createdAtMs, expiresAtMs }, user, token } = found;
  return {
    identity: await identityOf(db, user),
    token: {
      id: token?.id ?? id,
      name: token?.name ?? "issued",
      user: user.id,
      userName: user.name,
      userKind: user.kind,
      scopes,
      createdAtMs,
      createdBy: token?.createdBy ?? null,
      expiresAtMs,
      lastUsedAtMs: token?.lastUsedAtMs ?? null,
      rotatedAtMs: token?.rotatedAtMs ?? null,
    },
    isIssued: true,
  };
}

function tokenTaken(name: string): AppError {
  return new AppError(
    "conflict",
    `There is a token or a user named "${name}" already: choose another name, or revoke it`,
  );
}

const serviceOf = ({ id, name, createdAtMs }: Pick<ServiceToken, "id" | "name" | "createdAtMs">) => (
  { id, name, kind: "service", state: "active", createdAtMs } as const
);

export const grantOf = (role: string, user: string) => (
  { id: crypto.randomUUID(), user, role, scopeKind: "all", scopeName: "" } as const
);
