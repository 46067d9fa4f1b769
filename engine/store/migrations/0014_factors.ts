import type { Migration } from "./migration.ts";

/**
 * Second factors of users, and what signing in with them leaves for some minutes. Secrets are sealed, recovery codes
 * and the texts of cookies hashed.
 */
export const factors: Migration = {
  id: 14,
  name: "factors",
  statements: [
    `create table totp_secrets (
      user text not null references people (id) on delete cascade,
      state text not null check (state in ('pending', 'active')),
      secret text not null,
      created_at integer not null,
      last_used_at integer,
      last_step integer not null default 0,
      primary key (user, state)
    ) without rowid`,

    `create table passkeys (
      id text primary key,
      user text not null references people (id) on delete cascade,
      name text not null,
      public_key blob not null,
      counter integer not null,
      transports text not null,
      is_synced integer not null,
      created_at integer not null,
      last_used_at integer
    ) without rowid`,
    `create index passkeys_user on passkeys (user, created_at)`,

    `create table recovery_codes (
      user text not null references people (id) on delete cascade,
      hash text not null,
      created_at integer not null,
      used_at integer,
      primary key (user, hash)
    ) without rowid`,

    `create table factor_guesses (
      user text primary key references people (id) on delete cascade,
      failures integer not null,
      blocked_until integer not null
    ) without rowid`,

    `create table half_open_sign_ins (
      hash text primary key,
      user text not null references people (id) on delete cascade,
      purpose text not null check (purpose in ('check', 'enrol')),
      attempts integer not null default 0,
      expires_at integer not null
    ) without rowid`,
    `create index half_open_sign_ins_user on half_open_sign_ins (user, expires_at)`,
    `create index half_open_sign_ins_expires on half_open_sign_ins (expires_at)`,

    `create table passkey_challenges (
      hash text primary key,
      challenge text not null,
      purpose text not null,
      user text references people (id) on delete cascade,
      expires_at integer not null
    ) without rowid`,
    `create index passkey_challenges_expires on passkey_challenges (expires_at)`,
    `create index passkey_challenges_anybody on passkey_challenges (expires_at) where user is null`,

    `create table fresh_proofs (
      session text primary key,
      user text not null references people (id) on delete cascade,
      at integer not null
    ) without rowid`,
    `create index fresh_proofs_at on fresh_proofs (at)`,
  ],
};
