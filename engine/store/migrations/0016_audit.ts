import type { Migration } from "./migration.ts";

/**
 * The audit log. Each line holds the hash of the one before it; triggers refuse a line that does not go on from the last,
 * every change, and the removal of lines that the anchor has not passed. The anchor is the last line that retention has
 * let go of, and moves forward alone, onto a line that is there. An intent is what somebody is about to do: it becomes a
 * line when that is over, or when the process that did it is found to be gone.
 */
export const audit: Migration = {
  id: 16,
  name: "audit",
  statements: [
    `create table audit_anchor (
      one integer primary key check (one = 1),
      seq integer not null,
      hash text not null
    )`,
    `insert into audit_anchor (one, seq, hash) values (1, 0, '${"0".repeat(64)}')`,

    `create table audit_log (
      seq integer primary key,
      at integer not null,
      action text not null,
      actor text,
      actor_name text not null,
      actor_kind text not null,
      address text,
      token text,
      session text,
      target_kind text,
      target_name text,
      pipeline text,
      outcome text not null,
      change text,
      details text,
      previous text not null,
      hash text not null,
      origin text
    )`,
    `create unique index audit_log_origin on audit_log (origin) where origin is not null`,
    `create index audit_log_action on audit_log (action, seq)`,
    `create index audit_log_actor on audit_log (actor_name collate nocase, seq)`,
    `create index audit_log_pipeline on audit_log (pipeline, seq) where pipeline is not null`,
    `create index audit_log_at on audit_log (at)`,
    `create trigger audit_log_append before insert on audit_log
      when new.seq is not 1 + coalesce((select max(seq) from audit_log), (select seq from audit_anchor))
        or new.previous is not coalesce(
          (select hash from audit_log order by seq desc limit 1), (select hash from audit_anchor)
        )
      begin select raise(abort, 'a line of the audit log goes on from the last one'); end`,
    `create trigger audit_log_update before update on audit_log
      begin select raise(abort, 'a line of the audit log is never changed'); end`,
    `create trigger audit_log_delete before delete on audit_log
      when old.seq > (select seq from audit_anchor)
      begin select raise(abort, 'a line of the audit log is never removed'); end`,
    `create trigger audit_anchor_insert before insert on audit_anchor
      begin select raise(abort, 'the audit log has one anchor'); end`,
    `create trigger audit_anchor_delete before delete on audit_anchor
      begin select raise(abort, 'the audit log keeps its anchor'); end`,
    `create trigger audit_anchor_update before update on audit_anchor
      when new.seq < old.seq
        or not exists (select 1 from audit_log where seq = new.seq and hash = new.hash)
      begin select raise(abort, 'the anchor of the audit log moves forward, onto a line'); end`,

    `create table audit_intents (
      id text primary key,
      at integer not null,
      holder text not null,
      entry text not null
    ) without rowid`,

    `create table audit_readers (
      name text primary key,
      seq integer not null
    ) without rowid`,
  ],
};
