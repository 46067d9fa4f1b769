import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type {
  AuditAction,
  AuditActor,
  AuditEntry,
  AuditOutcome,
  AuditValue,
} from "../../../contract/audit/entry.ts";
import type { AuditLine } from "../../../contract/audit/line.ts";

/** As migrations/ leaves them. */

export const auditLog = sqliteTable("audit_log", {
  seq: integer().primaryKey(),
  atMs: integer("at").notNull(),
  action: text().$type<AuditAction>().notNull(),
  actor: text(),
  actorName: text("actor_name").notNull(),
  actorKind: text("actor_kind").$type<AuditActor["kind"]>().notNull(),
  address: text(),
  token: text(),
  session: text(),
  targetKind: text("target_kind"),
  targetName: text("target_name"),
  pipeline: text(),
  outcome: text().$type<AuditOutcome>().notNull(),
  /** JSON, read with care: what somebody has tampered with is shown as far as it can be. */
  change: text(),
  details: text(),
  previous: text().notNull(),
  hash: text().notNull(),
  /** What it tells of, where that may be told of again; no part of the line. */
  origin: text(),
});

export const auditAnchor = sqliteTable("audit_anchor", {
  one: integer().primaryKey(),
  seq: integer().notNull(),
  hash: text().notNull(),
});

export const auditIntents = sqliteTable("audit_intents", {
  id: text().primaryKey(),
  atMs: integer("at").notNull(),
  holder: text().notNull(),
  entry: text({ mode: "json" }).$type<AuditEntry>().notNull(),
});

export const auditReaders = sqliteTable("audit_readers", {
  name: text().primaryKey(),
  seq: integer().notNull(),
});

type AuditRow = typeof auditLog.$inferSelect;

export function lineOf(row: AuditRow): AuditLine {
  const { before = null, after = null } = fieldsOf(row.change);
  return {
    seq: row.seq,
    at: new Date(Number.isSafeInteger(row.atMs) ? row.atMs : 0).toISOString(),
    action: row.action,
    actor: {
      id: row.actor,
      name: row.actorName,
      kind: row.actorKind,
      address: row.address,
      token_id: row.token,
      session_id: row.session,
    },
    target: row.targetKind === null ? null : { kind: row.targetKind, name: row.targetName ?? "" },
    pipeline: row.pipeline,
    outcome: row.outcome,
    change: row.change === null ? null : { before, after },
    details: row.details === null ? null : fieldsOf(row.details),
    previous: row.previous,
    hash: row.hash,
  };
}

/** Of an object in JSON; of anything else the text. */
function fieldsOf(text: string | null): Readonly<Record<string, AuditValue>> {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    if (isObject(value)) return value;
  } catch {
    // Told of below.
  }
  return { damaged: text };
}

/** What JSON.parse makes holds nothing else. */
function isObject(value: unknown): value is Readonly<Record<string, AuditValue>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function rowOf(line: AuditLine, origin: string | null): AuditRow {
  return {
    seq: line.seq,
    atMs: Date.parse(line.at),
    action: line.action,
    actor: line.actor.id,
    actorName: line.actor.name,
    actorKind: line.actor.kind,
    address: line.actor.address,
    token: line.actor.token_id,
    session: line.actor.session_id,
    targetKind: line.target?.kind ?? null,
    targetName: line.target?.name ?? null,
    pipeline: line.pipeline,
    outcome: line.outcome,
    change: line.change && JSON.stringify(line.change),
    details: line.details && JSON.stringify(line.details),
    previous: line.previous,
    hash: line.hash,
    origin,
  };
}
