import type { Migration } from "../migration.ts";

/**
 * Users apart from their tokens: people and services, groups, roles of the operator's own, and grants of a role over
 * all, some pipelines or some connectors. A user of before had one token, its name and a role, which becomes a grant
 * over all.
 */
export const people: Migration = {
  id: 12,
  name: "people",
  statements: [
    `create table people (
      id text primary key,
      name text not null unique collate nocase,
      kind text not null check (kind in ('person', 'service')),
      state text not null check (state in ('active', 'invited', 'disabled')),
      email text unique collate nocase,
      display_name text,
      created_at integer not null,
      created_by text,
      last_seen_at integer
    ) without rowid`,
    `insert into people (id, name, kind, state, created_at)
      select id, name || case when exists (
        select 1 from users other where other.name = users.name collate nocase and other.id < users.id
      ) then ' ' || id else '' end, 'service', 'active', created_at from users`,

    `create table groups (
      id text primary key,
      name text not null unique collate nocase,
      description text,
      created_at integer not null,
      created_by text
    ) without rowid`,
    `create table group_members (
      "group" text not null references groups (id) on delete cascade,
      user text not null references people (id) on delete cascade,
      source text not null check (source in ('local', 'sso')),
      primary key ("group", user)
    ) without rowid`,
    `create index group_members_user on group_members (user)`,

    `create table roles (
      name text primary key collate nocase,
      description text,
      permissions text not null,
      created_at integer not null,
      created_by text
    ) without rowid`,

    `create table grants (
      id text primary key,
      user text references people (id) on delete cascade,
      "group" text references groups (id) on delete cascade,
      role text not null,
      scope_kind text not null check (scope_kind in ('all', 'pipeline', 'tag', 'connector')),
      scope_name text not null,
      created_at integer not null,
      created_by text,
      check ((user is null) <> ("group" is null))
    ) without rowid`,
    `create unique index grants_user on grants (user, role, scope_kind, scope_name) where user is not null`,
    `create unique index grants_group on grants ("group", role, scope_kind, scope_name)
      where "group" is not null`,
    `create index grants_role on grants (role)`,
    `insert into grants (id, user, role, scope_kind, scope_name, created_at)
      select lower(hex(randomblob(16))), id, role, 'all', '', created_at from users`,

    `create table access_tokens (
      id text primary key,
      user text not null references people (id) on delete cascade,
      name text not null,
      hash text not null unique,
      scopes text not null default '{}',
      created_at integer not null,
      created_by text,
      expires_at integer,
      last_used_at integer
    ) without rowid`,
    `create index access_tokens_user on access_tokens (user, name)`,
    `insert into access_tokens (id, user, name, hash, created_at, last_used_at)
      select tokens.id, user, users.name, hash, tokens.created_at, last_used_at
      from tokens join users on users.id = tokens.user`,

    `create table sign_ins (
      hash text primary key,
      id text not null unique,
      user text not null references people (id) on delete cascade,
      token text references access_tokens (id) on delete cascade,
      method text not null,
      created_at integer not null,
      last_seen_at integer not null,
      expires_at integer not null,
      address text,
      agent text
    ) without rowid`,
    `create index sign_ins_user on sign_ins (user, expires_at)`,
    `create index sign_ins_token on sign_ins (token) where token is not null`,
    `insert into sign_ins (hash, id, user, token, method, created_at, last_seen_at, expires_at)
      select sessions.hash, lower(hex(randomblob(16))), tokens.user, token, 'token', expires_at - 43200000,
        expires_at - 43200000, expires_at
      from sessions join tokens on tokens.id = sessions.token`,

    `drop table sessions`,
    `drop table tokens`,
    `drop table users`,
  ],
};
