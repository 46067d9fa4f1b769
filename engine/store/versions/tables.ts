import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const commits = sqliteTable("commits", {
  id: text().primaryKey(),
  author: text().notNull(),
  subject: text().notNull(),
  atMs: integer("committed_at").notNull(),
});

export const projectSource = sqliteTable("project_source", {
  only: integer().primaryKey(),
  ref: text().notNull(),
  commit: text("commit_id").notNull(),
  appliedAtMs: integer("applied_at").notNull(),
});

export const pipelineVersions = sqliteTable("pipeline_versions", {
  seq: integer().primaryKey(),
  pipeline: text().notNull(),
  revision: text().notNull(),
  gitCommit: text("git_commit"),
  inForceAtMs: integer("in_force_at").notNull(),
});
