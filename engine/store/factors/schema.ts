import { blob, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { CHALLENGE_PURPOSES, HALF_OPEN_PURPOSES, TOTP_STATES } from "./port.ts";

/** The tables of factors as migrations/ leaves them; a property that ends in `Ms` is epoch milliseconds. */

export const totpSecrets = sqliteTable("totp_secrets", {
  user: text().notNull(),
  state: text({ enum: TOTP_STATES }).notNull(),
  secret: text().notNull(),
  createdAtMs: integer("created_at").notNull(),
  lastUsedAtMs: integer("last_used_at"),
  lastStep: integer("last_step").notNull(),
});

export const passkeys = sqliteTable("passkeys", {
  id: text().primaryKey(),
  user: text().notNull(),
  name: text().notNull(),
  publicKey: blob("public_key", { mode: "buffer" }).notNull(),
  counter: integer().notNull(),
  transports: text({ mode: "json" }).$type<readonly string[]>().notNull(),
  isSynced: integer("is_synced", { mode: "boolean" }).notNull(),
  createdAtMs: integer("created_at").notNull(),
  lastUsedAtMs: integer("last_used_at"),
});

export const recoveryCodes = sqliteTable("recovery_codes", {
  user: text().notNull(),
  hash: text().notNull(),
  createdAtMs: integer("created_at").notNull(),
  usedAtMs: integer("used_at"),
});

export const factorGuesses = sqliteTable("factor_guesses", {
  user: text().primaryKey(),
  failures: integer().notNull(),
  blockedUntilMs: integer("blocked_until").notNull(),
});

export const halfOpenSignIns = sqliteTable("half_open_sign_ins", {
  hash: text().primaryKey(),
  user: text().notNull(),
  purpose: text({ enum: HALF_OPEN_PURPOSES }).notNull(),
  attempts: integer().notNull(),
  expiresAtMs: integer("expires_at").notNull(),
});

export const passkeyChallenges = sqliteTable("passkey_challenges", {
  hash: text().primaryKey(),
  challenge: text().notNull(),
  purpose: text({ enum: CHALLENGE_PURPOSES }).notNull(),
  user: text(),
  expiresAtMs: integer("expires_at").notNull(),
});

export const freshProofs = sqliteTable("fresh_proofs", {
  session: text().primaryKey(),
  user: text().notNull(),
  atMs: integer("at").notNull(),
});
