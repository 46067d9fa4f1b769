import type { Migration } from "../migration.ts";

/**
 * Times are epoch milliseconds, hashes are hex of SHA-256, JSON is text. An index ends with the
 * table's rowid by itself, so `runs (state)` also gives the order of `seq`.
 */
export const initial: Migration = {
  id: 1,
  name: "initial",
  statements: [
    `create table connectors (
      name text primary key,
      definition text not null
    ) without rowid`,

    `create table files (
      hash text primary key,
      content text not null
    ) without rowid`,

    `create table revisions (
      id text primary key,
      pipeline text not null,
      definition text not null,
      connectors text not null,
      git_commit text
    ) without rowid`,

    `create table revision_files (
      revision text not null references revisions (id) on delete cascade,
      position integer not null,
      path text not null,
      hash text not null references files (hash),
      primary key (revision, position)
    ) without rowid`,

    `create table steps (
      revision text not null references revisions (id) on delete cascade,
      position integer not null,
      name text not null,
      kind text not null,
      depends text not null,
      summary text not null,
      file text,
      sql text,
      primary key (revision, position)
    ) without rowid`,

    `create table pipelines (
      name text primary key,
      origin text not null check (origin in ('files', 'api')),
      revision text references revisions (id),
      faults text not null,
      removed integer not null default 0
    ) without rowid`,

    `create table schedules (
      pipeline text primary key references pipelines (name) on delete cascade,
      paused integer not null default 0,
      last_fired_at integer
    ) without rowid`,

    `create table stream_columns (
      pipeline text not null,
      stream text not null,
      columns text not null,
      primary key (pipeline, stream)
    ) without rowid`,

    `create table runs (
      seq integer primary key autoincrement,
      id text not null unique,
      pipeline text not null references pipelines (name),
      revision text not null references revisions (id),
      git_commit text,
      state text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
      reason text,
      trigger text not null,
      triggered_by text,
      attempt integer not null default 0,
      owner text,
      params text not null,
      selection text,
      full_refresh integer not null,
      idempotency_key text,
      window_start integer,
      window_end integer not null,
      created_at integer not null,
      not_before integer,
      started_at integer,
      finished_at integer,
      rows_extracted integer not null default 0,
      rows_loaded integer not null default 0,
      warnings integer not null default 0,
      peak_rss_bytes integer,
      error text,
      unique (pipeline, idempotency_key)
    )`,
    `create index runs_state on runs (state)`,
    `create index runs_pipeline on runs (pipeline)`,
    `create index runs_pipeline_state on runs (pipeline, state, window_end)`,

    `create table step_runs (
      seq integer primary key autoincrement,
      run text not null references runs (id) on delete cascade,
      name text not null,
      kind text not null,
      state text not null,
      attempt integer not null,
      rows integer,
      size_bytes integer,
      started_at integer,
      finished_at integer,
      duration_ms integer,
      error text,
      sql text,
      depends text not null,
      unique (run, name)
    )`,

    `create table run_logs (
      run text not null references runs (id) on delete cascade,
      seq integer not null,
      at integer not null,
      level text not null,
      step text,
      message text not null,
      primary key (run, seq)
    ) without rowid`,

    `create table users (
      id text primary key,
      name text not null unique,
      role text not null check (role in ('admin', 'operator', 'viewer')),
      created_at integer not null
    ) without rowid`,

    `create table tokens (
      id text primary key,
      user text not null references users (id) on delete cascade,
      hash text not null unique,
      created_at integer not null,
      last_used_at integer
    ) without rowid`,
    `create index tokens_user on tokens (user)`,

    `create table sessions (
      hash text primary key,
      token text not null references tokens (id) on delete cascade,
      expires_at integer not null
    ) without rowid`,
    `create index sessions_token on sessions (token, expires_at)`,
  ],
};
