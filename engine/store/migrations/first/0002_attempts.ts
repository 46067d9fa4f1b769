import type { Migration } from "../migration.ts";

/**
 * Attempts as rows, steps and log lines by attempt, windows that were asked for, groups, priorities,
 * limits, the outbox and the inbox.
 *
 * Of the history before it: a run's last attempt becomes a row from what the run said of it, an
 * earlier one where a step still names it. What an earlier attempt's overwritten steps were is gone,
 * and log lines of that time do not say whose they are.
 */
export const attempts: Migration = {
  id: 2,
  name: "attempts",
  statements: [
    `alter table runs add column window_given integer not null default 0`,
    `alter table runs add column group_id text`,
    `alter table runs add column parent text`,
    `alter table runs add column priority integer not null default 0`,
    `alter table runs add column cancelled_by text`,
    `alter table runs add column cancel_asked_by text`,
    `alter table runs add column request_hash text`,

    `create table attempts (
      seq integer primary key autoincrement,
      run text not null references runs (id) on delete cascade,
      attempt integer not null,
      worker text not null,
      state text not null
        check (state in ('running', 'succeeded', 'failed', 'cancelled', 'stopped', 'lost')),
      lease_until integer not null,
      heartbeat_at integer not null,
      started_at integer not null,
      ended_at integer,
      error text,
      peak_rss_bytes integer,
      unique (run, attempt)
    )`,
    `insert into attempts
      (run, attempt, worker, state, lease_until, heartbeat_at, started_at, ended_at)
      select s.run, s.attempt, '', 'failed', 0, max(coalesce(s.finished_at, r.created_at)),
        min(coalesce(s.started_at, r.created_at)), max(coalesce(s.finished_at, s.started_at, r.created_at))
      from step_runs as s join runs as r on r.id = s.run
      where s.attempt between 1 and r.attempt - 1
      group by s.run, s.attempt order by min(s.seq)`,
    `insert into attempts
      (run, attempt, worker, state, lease_until, heartbeat_at, started_at, ended_at, error, peak_rss_bytes)
      select id, attempt, coalesce(owner, ''), case state when 'queued' then 'failed' else state end, 0,
        coalesce(finished_at, started_at, created_at), coalesce(started_at, created_at),
        case when state = 'running' then null else coalesce(finished_at, not_before, created_at) end,
        error, peak_rss_bytes
      from runs where attempt > 0 order by seq`,
    `create index attempts_open on attempts (worker) where ended_at is null`,

    `create table attempt_steps (
      seq integer primary key autoincrement,
      run text not null references runs (id) on delete cascade,
      attempt integer not null,
      name text not null,
      kind text not null,
      state text not null,
      rows integer,
      size_bytes integer,
      started_at integer,
      finished_at integer,
      duration_ms integer,
      error text,
      sql text,
      depends text not null,
      unique (run, attempt, name)
    )`,
    `insert into attempt_steps
      select seq, run, attempt, name, kind, state, rows, size_bytes, started_at, finished_at, duration_ms,
        error, sql, depends
      from step_runs order by seq`,
    `drop table step_runs`,
    `alter table attempt_steps rename to step_runs`,

    `alter table run_logs add column attempt integer`,

    // What is queued is little among much: its index holds nothing else, in the order of its claims.
    `drop index runs_pipeline_state`,
    `create index runs_pipeline_state on runs (pipeline, state)`,
    `create index runs_queued on runs (priority desc, seq) where state = 'queued'`,
    `create index runs_window on runs (pipeline, window_end)
      where state = 'succeeded' and window_given = 0`,
    `create index runs_group on runs (group_id) where group_id is not null`,

    `create table limits (
      name text primary key,
      slots integer not null
    ) without rowid`,
    `create table run_limits (
      run text not null references runs (id) on delete cascade,
      name text not null,
      slots integer not null,
      primary key (run, name)
    ) without rowid`,
    `create table limit_holders (
      name text not null,
      run text not null references runs (id) on delete cascade,
      attempt integer not null,
      slots integer not null,
      primary key (name, run)
    ) without rowid`,
    `create index limit_holders_run on limit_holders (run)`,

    `create table outbox (
      seq integer primary key autoincrement,
      kind text not null,
      run text not null,
      payload text not null,
      created_at integer not null,
      delivered_at integer
    )`,
    `create index outbox_waiting on outbox (seq) where delivered_at is null`,

    `create table inbox (
      seq integer primary key autoincrement,
      hook text not null,
      key text not null,
      body blob not null,
      headers text not null,
      received_at integer not null,
      taken_by text references runs (id) on delete set null,
      unique (hook, key)
    )`,
    `create index inbox_taken on inbox (taken_by) where taken_by is not null`,
  ],
};
