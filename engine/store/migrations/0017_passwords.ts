import type { Migration } from "./migration.ts";

/**
 * Passwords (argon2id, as PHC strings), single-use links to choose one, browsers that somebody has signed in from, and
 * tokens that were made with another token, which end with it.
 */
export const passwords: Migration = {
  id: 17,
  name: "passwords",
  statements: [
    `create table passwords (
      user text primary key references people (id) on delete cascade,
      hash text not null,
      must_change integer not null check (must_change in (0, 1)),
      changed_at integer not null
    ) without rowid`,

    `create table password_links (
      hash text primary key,
      user text not null references people (id) on delete cascade,
      kind text not null check (kind in ('invitation', 'reset', 'change')),
      created_at integer not null,
      created_by text,
      expires_at integer not null
    ) without rowid`,
    `create index password_links_user on password_links (user)`,

    `create table known_browsers (
      hash text primary key,
      user text not null references people (id) on delete cascade,
      created_at integer not null,
      last_used_at integer not null
    ) without rowid`,
    `create index known_browsers_user on known_browsers (user, last_used_at)`,

    `alter table access_tokens add column parent text references access_tokens (id) on delete cascade`,
    `create index access_tokens_parent on access_tokens (parent) where parent is not null`,
  ],
};
