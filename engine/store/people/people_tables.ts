import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { TokenScopes } from "../../../contract/access/access.ts";
import type { Permission } from "../../../contract/access/permissions.ts";
import type { Scope } from "../../../contract/access/scope.ts";
import { SESSION_METHODS } from "../ports/access.ts";
import { LINK_KINDS } from "../ports/passwords.ts";
import { MEMBER_SOURCES, USER_KINDS, USER_STATES } from "../ports/people.ts";

export const people = sqliteTable("people", {
  id: text().primaryKey(),
  name: text().notNull(),
  kind: text({ enum: USER_KINDS }).notNull(),
  state: text({ enum: USER_STATES }).notNull(),
  email: text(),
  displayName: text("display_name"),
  createdAtMs: integer("created_at").notNull(),
  /** Who made it; null for the server itself. So it is of all that follows. */
  createdBy: text("created_by"),
  lastSeenAtMs: integer("last_seen_at"),
});

export const groups = sqliteTable("groups", {
  id: text().primaryKey(),
  name: text().notNull(),
  description: text(),
  createdAtMs: integer("created_at").notNull(),
  createdBy: text("created_by"),
});

export const groupMembers = sqliteTable("group_members", {
  group: text().notNull(),
  user: text().notNull(),
  source: text({ enum: MEMBER_SOURCES }).notNull(),
});

export const roles = sqliteTable("roles", {
  name: text().primaryKey(),
  description: text(),
  permissions: text({ mode: "json" }).$type<readonly Permission[]>().notNull(),
  createdAtMs: integer("created_at").notNull(),
  createdBy: text("created_by"),
});

/** To a user or to a group, never to both. */
export const grants = sqliteTable("grants", {
  id: text().primaryKey(),
  user: text(),
  group: text(),
  role: text().notNull(),
  scopeKind: text("scope_kind").$type<Scope["kind"]>().notNull(),
  /** Empty for all. */
  scopeName: text("scope_name").notNull(),
  createdAtMs: integer("created_at").notNull(),
  createdBy: text("created_by"),
});

export const tokens = sqliteTable("access_tokens", {
  id: text().primaryKey(),
  user: text().notNull(),
  name: text().notNull(),
  hash: text().notNull(),
  scopes: text({ mode: "json" }).$type<TokenScopes>().notNull().default({}),
  createdAtMs: integer("created_at").notNull(),
  createdBy: text("created_by"),
  expiresAtMs: integer("expires_at"),
  lastUsedAtMs: integer("last_used_at"),
  /** The token that it was made with, whose end is its own. */
  parent: text(),
  rotatedAtMs: integer("rotated_at"),
  formerHash: text("former_hash"),
  formerUntilMs: integer("former_until"),
});

export const passwords = sqliteTable("passwords", {
  user: text().primaryKey(),
  hash: text().notNull(),
  mustChange: integer("must_change", { mode: "boolean" }).notNull(),
  changedAtMs: integer("changed_at").notNull(),
});

export const passwordLinks = sqliteTable("password_links", {
  hash: text().primaryKey(),
  user: text().notNull(),
  kind: text({ enum: LINK_KINDS }).notNull(),
  createdAtMs: integer("created_at").notNull(),
  createdBy: text("created_by"),
  expiresAtMs: integer("expires_at").notNull(),
});

export const knownBrowsers = sqliteTable("known_browsers", {
  hash: text().primaryKey(),
  user: text().notNull(),
  createdAtMs: integer("created_at").notNull(),
  lastUsedAtMs: integer("last_used_at").notNull(),
});

export const sessions = sqliteTable("sign_ins", {
  hash: text().primaryKey(),
  id: text().notNull(),
  user: text().notNull(),
  token: text(),
  method: text({ enum: SESSION_METHODS }).notNull(),
  createdAtMs: integer("created_at").notNull(),
  lastSeenAtMs: integer("last_seen_at").notNull(),
  expiresAtMs: integer("expires_at").notNull(),
  address: text(),
  agent: text(),
});
