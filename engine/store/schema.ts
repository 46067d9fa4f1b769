import { blob, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { type AlertEvent, DELIVERY_STATES, PROBLEM_KINDS } from "../../contract/alerts/problem.ts";
import type { NotifierDefinition } from "../../contract/alerts/notifiers.ts";
import type { ErrorRecord } from "../../contract/errors.ts";
import type { Fault } from "../../text/fault.ts";
import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import type { PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import type { Range } from "../../contract/range.ts";
import type { RevisionFile } from "../../contract/revision.ts";
import {
  ATTEMPT_STATES,
  LOG_LEVELS,
  type ParamValue,
  RUN_STATES,
  type Step,
  STEP_KINDS,
  STEP_STATES,
  TRIGGERS,
} from "../../contract/run.ts";
import type { Column } from "../../contract/sql.ts";
import type { PendingRun } from "./triggers/sensors.ts";

/**
 * The tables as migrations/ leaves them; keys and indexes are told there alone. A property that
 * ends in `Ms` is epoch milliseconds.
 */

export const connectors = sqliteTable("connectors", {
  name: text().primaryKey(),
  /** What is no secret of it, and all of it where an earlier version wrote it: then `sealed` is null. */
  definition: text({ mode: "json" }).$type<ConnectorDefinition>().notNull(),
  sealed: text(),
});

export const files = sqliteTable("files", {
  hash: text().primaryKey(),
  content: text().notNull(),
});

export const revisions = sqliteTable("revisions", {
  id: text().primaryKey(),
  pipeline: text().notNull(),
  definition: text({ mode: "json" }).$type<PipelineDefinition>().notNull(),
  /** What is no secret of them, and all of them where an earlier version wrote it: then `sealedConnectors` is null. */
  connectors: text({ mode: "json" }).$type<Record<string, ConnectorDefinition>>().notNull(),
  /** Null where there is none. */
  sealedConnectors: text("sealed_connectors"),
  gitCommit: text("git_commit"),
  /** The definition's text as it was last written with this meaning; null where an earlier version saved it. */
  source: text({ mode: "json" }).$type<RevisionFile>(),
  /** Since when retention has found nothing that uses it. */
  unusedSinceMs: integer("unused_since"),
});

export const revisionFiles = sqliteTable("revision_files", {
  revision: text().notNull(),
  position: integer().notNull(),
  path: text().notNull(),
  hash: text().notNull(),
});

export const revisionLineage = sqliteTable("revision_lineage", {
  revision: text().primaryKey(),
  /** JSON, compressed by gzip. */
  lineage: blob({ mode: "buffer" }).notNull(),
});

export const steps = sqliteTable("steps", {
  revision: text().notNull(),
  position: integer().notNull(),
  name: text().notNull(),
  kind: text({ enum: STEP_KINDS }).notNull(),
  depends: text({ mode: "json" }).$type<string[]>().notNull(),
  summary: text().notNull(),
  file: text(),
  sql: text(),
});

export const pipelines = sqliteTable("pipelines", {
  name: text().primaryKey(),
  origin: text({ enum: ["files", "api"] }).notNull(),
  revision: text(),
  faults: text({ mode: "json" }).$type<readonly Fault[]>().notNull(),
  removed: integer({ mode: "boolean" }).notNull().default(false),
  /** What the files say that an earlier revision is in force in place of. */
  rolledBackFrom: text("rolled_back_from"),
});

export const schedules = sqliteTable("schedules", {
  pipeline: text().primaryKey(),
  paused: integer({ mode: "boolean" }).notNull().default(false),
  lastFiredAtMs: integer("last_fired_at"),
});

export const scheduleFirings = sqliteTable("schedule_firings", {
  pipeline: text().notNull(),
  schedule: text().notNull(),
  untilMs: integer("last_fired_at").notNull(),
});

export const streamColumns = sqliteTable("stream_columns", {
  pipeline: text().notNull(),
  stream: text().notNull(),
  columns: text({ mode: "json" }).$type<readonly Column[]>().notNull(),
});

export const runs = sqliteTable("runs", {
  /** The order in which runs were asked for. */
  seq: integer().primaryKey({ autoIncrement: true }),
  id: text().notNull(),
  pipeline: text().notNull(),
  revision: text().notNull(),
  gitCommit: text("git_commit"),
  state: text({ enum: RUN_STATES }).notNull(),
  reason: text(),
  trigger: text({ enum: TRIGGERS }).notNull(),
  triggeredBy: text("triggered_by"),
  attempt: integer().notNull().default(0),
  owner: text(),
  params: text({ mode: "json" }).$type<Readonly<Record<string, ParamValue>>>().notNull(),
  selection: text(),
  fullRefresh: integer("full_refresh", { mode: "boolean" }).notNull(),
  idempotencyKey: text("idempotency_key"),
  windowStartMs: integer("window_start"),
  windowEndMs: integer("window_end").notNull(),
  /** Whether the window was asked for; else it goes on from the last one. */
  windowGiven: integer("window_given", { mode: "boolean" }).notNull().default(false),
  /** Rows to read again, by update_key. */
  range: text({ mode: "json" }).$type<Range>(),
  group: text("group_id"),
  parent: text(),
  priority: integer().notNull().default(0),
  note: text(),
  tags: text({ mode: "json" }).$type<readonly string[]>(),
  /** Among the queued runs of its priority: the least goes first. */
  turn: integer().notNull().default(0),
  cancelledBy: text("cancelled_by"),
  /** Who wants a run stopped that may be under way at another server. */
  cancelAskedBy: text("cancel_asked_by"),
  /** Of what was asked for with the idempotency key. */
  requestHash: text("request_hash"),
  traceparent: text(),
  /** The environment whose tables it takes over. */
  promotes: text(),
  /** How many attempts it had had when a retry was last asked for. */
  retriedAfter: integer("retried_after"),
  createdAtMs: integer("created_at").notNull(),
  notBeforeMs: integer("not_before"),
  startedAtMs: integer("started_at"),
  finishedAtMs: integer("finished_at"),
  rowsExtracted: integer("rows_extracted").notNull().default(0),
  rowsLoaded: integer("rows_loaded").notNull().default(0),
  warnings: integer().notNull().default(0),
  peakRssBytes: integer("peak_rss_bytes"),
  error: text({ mode: "json" }).$type<ErrorRecord>(),
});
export type RunRow = typeof runs.$inferSelect;

export const attempts = sqliteTable("attempts", {
  seq: integer().primaryKey({ autoIncrement: true }),
  run: text().notNull(),
  attempt: integer().notNull(),
  worker: text().notNull(),
  state: text({ enum: ATTEMPT_STATES }).notNull(),
  leaseUntilMs: integer("lease_until").notNull(),
  heartbeatMs: integer("heartbeat_at").notNull(),
  startedAtMs: integer("started_at").notNull(),
  endedAtMs: integer("ended_at"),
  error: text({ mode: "json" }).$type<ErrorRecord>(),
  peakRssBytes: integer("peak_rss_bytes"),
});
export type AttemptRow = typeof attempts.$inferSelect;

export const limits = sqliteTable("limits", {
  name: text().primaryKey(),
  slots: integer().notNull(),
});

export const limitHolders = sqliteTable("limit_holders", {
  name: text().notNull(),
  run: text().notNull(),
  attempt: integer().notNull(),
  slots: integer().notNull(),
});

export const outbox = sqliteTable("outbox", {
  seq: integer().primaryKey({ autoIncrement: true }),
  kind: text({ enum: ["run"] }).notNull(),
  run: text().notNull(),
  /** The run's row as it was after the change. */
  payload: text({ mode: "json" }).$type<RunRow>().notNull(),
  createdAtMs: integer("created_at").notNull(),
  deliveredAtMs: integer("delivered_at"),
});

/** How far each reader of the outbox is that goes on where it was. */
export const outboxCursors = sqliteTable("outbox_cursors", {
  name: text().primaryKey(),
  seq: integer().notNull(),
});

export const dependencyMarks = sqliteTable("dependency_marks", {
  pipeline: text().notNull(),
  upstream: text().notNull(),
  run: text().notNull(),
  windowStartMs: integer("window_start"),
  windowEndMs: integer("window_end").notNull(),
  windowGiven: integer("window_given", { mode: "boolean" }).notNull(),
  used: integer({ mode: "boolean" }).notNull().default(false),
});

export const sensorMarks = sqliteTable("sensor_marks", {
  pipeline: text().notNull(),
  sensor: text().notNull(),
  files: text({ mode: "json" }).$type<Readonly<Record<string, string>>>().notNull(),
  pending: text({ mode: "json" }).$type<PendingRun>(),
  lookedAtMs: integer("looked_at").notNull(),
  waitingSinceMs: integer("waiting_since").notNull(),
  found: text(),
  foundAtMs: integer("found_at"),
  error: text(),
});

export const inbox = sqliteTable("inbox", {
  seq: integer().primaryKey({ autoIncrement: true }),
  hook: text().notNull(),
  key: text().notNull(),
  body: blob({ mode: "buffer" }).notNull(),
  headers: text({ mode: "json" }).$type<Readonly<Record<string, string>>>().notNull(),
  receivedAtMs: integer("received_at").notNull(),
  /** When nobody waited for it any more. `taken_by`, of an earlier version, is not used. */
  settledAtMs: integer("settled_at"),
});

/** Pipelines of which no run is claimed for now. */
export const pipelineHolds = sqliteTable("pipeline_holds", {
  pipeline: text().primaryKey(),
  holder: text().notNull(),
  untilMs: integer("until").notNull(),
});

export const problems = sqliteTable("problems", {
  id: text().primaryKey(),
  /** What it is about: of one key at most one is open. */
  key: text().notNull(),
  kind: text({ enum: PROBLEM_KINDS }).notNull(),
  pipeline: text(),
  run: text(),
  message: text().notNull(),
  openedAtMs: integer("opened_at").notNull(),
  lastAtMs: integer("last_at").notNull(),
  count: integer().notNull(),
  closedAtMs: integer("closed_at"),
  acknowledgedBy: text("acknowledged_by"),
  acknowledgedAtMs: integer("acknowledged_at"),
  mutedUntilMs: integer("muted_until"),
  /** When somebody was last told of it. */
  notifiedAtMs: integer("notified_at"),
});
export type ProblemRow = typeof problems.$inferSelect;

export const deliveries = sqliteTable("deliveries", {
  id: text().primaryKey(),
  notifier: text().notNull(),
  title: text(),
  state: text({ enum: DELIVERY_STATES }).notNull(),
  /** How many tries were begun. */
  attempt: integer().notNull().default(0),
  /** Whether a try is under way, or was when its server died. */
  sending: integer({ mode: "boolean" }).notNull().default(false),
  /** Until then it gathers events, or waits for its next try. */
  notBeforeMs: integer("not_before").notNull(),
  createdAtMs: integer("created_at").notNull(),
  endedAtMs: integer("ended_at"),
  error: text(),
});
export type DeliveryRow = typeof deliveries.$inferSelect;

export const deliveryEvents = sqliteTable("delivery_events", {
  seq: integer().primaryKey(),
  delivery: text().notNull(),
  event: text({ mode: "json" }).$type<AlertEvent>().notNull(),
});

export const notifiers = sqliteTable("notifiers", {
  name: text().primaryKey(),
  /** What is no secret of it, and all of it where an earlier version wrote it: then `sealed` is null. */
  definition: text({ mode: "json" }).$type<NotifierDefinition>().notNull(),
  sealed: text(),
});

export const stepRuns = sqliteTable("step_runs", {
  /** The order in which steps were first seen. */
  seq: integer().primaryKey({ autoIncrement: true }),
  run: text().notNull(),
  name: text().notNull(),
  kind: text({ enum: STEP_KINDS }).notNull(),
  state: text({ enum: STEP_STATES }).notNull(),
  attempt: integer().notNull(),
  rows: integer(),
  sizeBytes: integer("size_bytes"),
  startedAtMs: integer("started_at"),
  finishedAtMs: integer("finished_at"),
  durationMs: integer("duration_ms"),
  error: text({ mode: "json" }).$type<ErrorRecord>(),
  sql: text(),
  depends: text({ mode: "json" }).$type<string[]>().notNull(),
  receipt: text({ mode: "json" }).$type<StepReceipt>(),
});
/** What only some steps have. */
export type StepReceipt = Pick<
  Step,
  "inserted" | "updated" | "deleted" | "hash" | "verified" | "rejects" | "unchanged" | "traffic" | "manifest"
>;
export type StepRow = typeof stepRuns.$inferSelect;

export const runLogs = sqliteTable("run_logs", {
  run: text().notNull(),
  /** Null for lines that the first release wrote. */
  attempt: integer(),
  seq: integer().notNull(),
  atMs: integer("at").notNull(),
  level: text({ enum: LOG_LEVELS }).notNull(),
  step: text(),
  message: text().notNull(),
});
export type LogRow = typeof runLogs.$inferSelect;

/** Lines of runs that have ended, as logs/log_block.ts packs them. */
export const logBlocks = sqliteTable("log_blocks", {
  id: integer().primaryKey(),
  run: text().notNull(),
  firstSeq: integer("first_seq").notNull(),
  lastSeq: integer("last_seq").notNull(),
  firstAtMs: integer("first_at").notNull(),
  lastAtMs: integer("last_at").notNull(),
  levels: integer().notNull(),
  body: blob({ mode: "buffer" }).notNull(),
});
