import type { Migration } from "../migration.ts";

/**
 * What stands on runs: notes and tags, readers of the outbox that go on where they were, several schedules of a
 * pipeline, what waits for other pipelines and for files, problems and what was sent about them, bodies of
 * webhooks that are settled, and pipelines that are held still for a backup.
 */
export const orchestration: Migration = {
  id: 8,
  name: "orchestration",
  statements: [
    `alter table runs add column note text`,
    `alter table runs add column tags text`,
    `create index runs_tagged on runs (seq) where tags is not null`,
    `create index runs_backfills on runs (group_id, state) where trigger = 'backfill' and group_id is not null`,
    `create index runs_keys on runs (created_at)
      where idempotency_key is not null and instr(idempotency_key, ' ') = 0`,
    `alter table runs add column turn integer not null default 0`,
    `drop index runs_queued`,
    `create index runs_queued on runs (priority desc, turn, seq) where state = 'queued'`,
    `create index runs_queued_of on runs (pipeline, priority) where state = 'queued'`,
    `create table outbox_cursors (name text primary key, seq integer not null) without rowid`,
    `create table schedule_firings (
      pipeline text not null references pipelines (name) on delete cascade,
      schedule text not null,
      last_fired_at integer not null,
      primary key (pipeline, schedule)
    ) without rowid`,
    `create index revisions_after on revisions (pipeline) where definition -> '$.after' is not null`,
    `create index revisions_sensors on revisions (pipeline) where definition -> '$.sensors' is not null`,
    `create table sensor_marks (
      pipeline text not null references pipelines (name) on delete cascade,
      sensor text not null,
      files text not null,
      pending text,
      looked_at integer not null,
      waiting_since integer not null,
      found text,
      found_at integer,
      error text,
      primary key (pipeline, sensor)
    ) without rowid`,
    `create table dependency_marks (
      pipeline text not null references pipelines (name) on delete cascade,
      upstream text not null,
      run text not null,
      window_start integer,
      window_end integer not null,
      window_given integer not null,
      used integer not null default 0,
      primary key (pipeline, run)
    ) without rowid`,
    `alter table inbox add column settled_at integer`,
    `create index inbox_of_hook on inbox (hook, seq)`,
    `create index inbox_open on inbox (hook, seq, settled_at) where settled_at is null`,
    `create index inbox_settled on inbox (settled_at) where settled_at is not null`,
    `create table problems (
      id text primary key,
      key text not null,
      kind text not null,
      pipeline text,
      run text,
      message text not null,
      opened_at integer not null,
      last_at integer not null,
      count integer not null,
      closed_at integer,
      acknowledged_by text,
      acknowledged_at integer,
      muted_until integer,
      notified_at integer
    ) without rowid`,
    `create unique index problems_open on problems (key) where closed_at is null`,
    `create index problems_key on problems (key, opened_at)`,
    `create index problems_muted on problems (muted_until, key) where muted_until is not null`,
    `create index problems_closed on problems (closed_at) where closed_at is not null`,
    `create table deliveries (
      id text primary key,
      notifier text not null,
      title text,
      state text not null check (state in ('waiting', 'sent', 'failed')),
      attempt integer not null default 0,
      sending integer not null default 0,
      not_before integer not null,
      created_at integer not null,
      ended_at integer,
      error text
    ) without rowid`,
    `create index deliveries_due on deliveries (not_before) where state = 'waiting'`,
    `create index deliveries_ended on deliveries (ended_at) where ended_at is not null`,
    `create index deliveries_of on deliveries (notifier, created_at)`,
    `create table delivery_events (
      seq integer primary key,
      delivery text not null references deliveries (id) on delete cascade,
      event text not null
    )`,
    `create index delivery_events_of on delivery_events (delivery)`,
    `create table notifiers (name text primary key, definition text not null) without rowid`,
    `create table pipeline_holds (
      pipeline text primary key,
      holder text not null,
      until integer not null
    ) without rowid`,
  ],
};
