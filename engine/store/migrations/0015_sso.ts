import type { Migration } from "./migration.ts";

/**
 * Users of identity providers: which subject of which issuer is whom, which sessions were begun there, and short-lived
 * tokens that were issued for another credential. What was issued or begun by something ends with it.
 */
export const sso: Migration = {
  id: 15,
  name: "sso",
  statements: [
    `create table identity_links (
      id text primary key,
      user text not null references people (id) on delete cascade,
      issuer text not null,
      subject text not null,
      is_pattern integer not null check (is_pattern in (0, 1)),
      created_at integer not null,
      created_by text,
      last_used_at integer,
      unique (issuer, subject, is_pattern)
    ) without rowid`,
    `create index identity_links_user on identity_links (user)`,
    `create table sso_sessions (
      session text primary key references sign_ins (id) on delete cascade,
      issuer text not null,
      subject text not null,
      sid text,
      id_token text
    ) without rowid`,
    `create index sso_sessions_subject on sso_sessions (issuer, subject)`,
    `create table issued_tokens (
      hash text primary key,
      id text not null unique,
      user text not null references people (id) on delete cascade,
      token text references access_tokens (id) on delete cascade,
      link text references identity_links (id) on delete cascade,
      scopes text not null,
      created_at integer not null,
      expires_at integer not null,
      check ((token is null) <> (link is null))
    ) without rowid`,
    `create index issued_tokens_user on issued_tokens (user, expires_at)`,
    `create index issued_tokens_expiry on issued_tokens (expires_at)`,
    `create index issued_tokens_token on issued_tokens (token) where token is not null`,
    `create index issued_tokens_link on issued_tokens (link) where link is not null`,
  ],
};
