import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { TokenScopes } from "../../../contract/access/access.ts";

export const identityLinks = sqliteTable("identity_links", {
  id: text().primaryKey(),
  user: text().notNull(),
  issuer: text().notNull(),
  subject: text().notNull(),
  isPattern: integer("is_pattern", { mode: "boolean" }).notNull(),
  createdAtMs: integer("created_at").notNull(),
  createdBy: text("created_by"),
  lastUsedAtMs: integer("last_used_at"),
});

export const ssoSessions = sqliteTable("sso_sessions", {
  session: text().primaryKey(),
  issuer: text().notNull(),
  subject: text().notNull(),
  sid: text(),
  /** Sealed. */
  idToken: text("id_token"),
});

/** By another token, or by an identity of a provider; never by both. */
export const issuedTokens = sqliteTable("issued_tokens", {
  hash: text().primaryKey(),
  id: text().notNull(),
  user: text().notNull(),
  token: text(),
  link: text(),
  scopes: text({ mode: "json" }).$type<TokenScopes>().notNull(),
  createdAtMs: integer("created_at").notNull(),
  expiresAtMs: integer("expires_at").notNull(),
});
