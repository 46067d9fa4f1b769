import type { Migration } from "./migration.ts";

/**
 * Which revisions a pipeline has had in force, from which commits, and where the definitions come from. What puts a
 * revision in force writes it here by the trigger, whoever it is. Of what was in force before only the last is known.
 */
export const versions: Migration = {
  id: 20,
  name: "versions",
  statements: [
    `create table commits (
      id text primary key,
      author text not null,
      subject text not null,
      committed_at integer not null
    ) without rowid`,
    `create table project_source (
      only integer primary key check (only = 1),
      ref text not null,
      commit_id text not null,
      applied_at integer not null
    )`,
    `create table pipeline_versions (
      seq integer primary key autoincrement,
      pipeline text not null,
      revision text not null,
      git_commit text,
      in_force_at integer not null
    )`,
    `create index pipeline_versions_of on pipeline_versions (pipeline, seq)`,
    `insert into pipeline_versions (pipeline, revision, git_commit, in_force_at)
      select name, revision, (select git_commit from revisions where id = pipelines.revision),
        cast(unixepoch('subsec') * 1000 as integer)
      from pipelines where revision is not null and not removed order by name`,
    `alter table revisions add column source text`,
    `update revisions set source = (select source from pipelines where revision = revisions.id)`,
    `alter table pipelines add column rolled_back_from text`,
    `create trigger pipelines_new_version after insert on pipelines when new.revision is not null begin
      insert into pipeline_versions (pipeline, revision, git_commit, in_force_at)
      values (new.name, new.revision, (select git_commit from revisions where id = new.revision),
        cast(unixepoch('subsec') * 1000 as integer));
    end`,
    `create trigger pipelines_next_version after update of revision on pipelines
      when new.revision is not null and new.revision is not old.revision begin
      insert into pipeline_versions (pipeline, revision, git_commit, in_force_at)
      values (new.name, new.revision, (select git_commit from revisions where id = new.revision),
        cast(unixepoch('subsec') * 1000 as integer));
    end`,
  ],
};
