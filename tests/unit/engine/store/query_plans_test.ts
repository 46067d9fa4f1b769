import assert from "node:assert/strict";
import { type Client, createClient, type InStatement, type ResultSet } from "@libsql/client/sqlite3";
import { drizzle } from "drizzle-orm/libsql/sqlite3";
import { createAlertStore } from "../../../../engine/store/alerts/create_alert_store.ts";
import { createAttemptStore } from "../../../../engine/store/attempts.ts";
import { createBackfillStore } from "../../../../engine/store/backfills/backfill_store.ts";
import { createInbox } from "../../../../engine/store/inbox.ts";
import { createFigures } from "../../../../engine/store/history/figures.ts";
import { createRunHistory } from "../../../../engine/store/history/run_history.ts";
import { createLogStore } from "../../../../engine/store/logs/log_store.ts";
import { createOutbox } from "../../../../engine/store/outbox.ts";
import { createRetention } from "../../../../engine/store/retention.ts";
import { createRunStore } from "../../../../engine/store/runs.ts";
import type { Notice } from "../../../../engine/store/alerts/alert_store.ts";
import type { Claim } from "../../../../engine/store/ports/runs.ts";
import { lease, logLine, newRun, outcome, step, StoreFixture } from "./store_fixture.ts";

/** Tables that grow with the history. Reading one from end to end takes longer with each run. */
const GROWING =
  /^SCAN (runs|r|s|q|o|earlier|revision_files|w|attempts|a|step_runs|run_logs|log_blocks|outbox|inbox|run_limits|problems|deliveries|delivery_events|d|e)\b(?! USING (?:COVERING )?INDEX (?:runs_queued|inbox_open|problems_open|deliveries_due)\b)/;

const CLAIM: Claim = { worker: "me", nowMs: 2_000, leaseUntilMs: 3_000, maxRuns: 9 };

const NOTICE: Notice = {
  notifier: "team",
  deliveryId: "d",
  groupMs: 1,
  event: {
    event: "failure",
    of: null,
    key: "a failure",
    pipeline: "a",
    run: "r",
    at: "2026-01-02T03:04:05.678Z",
    message: "",
    count: 1,
    attempt: 1,
    trigger: null,
    duration_ms: null,
    rows_extracted: null,
    rows_loaded: null,
  },
};

Deno.test("no statement of the queue, the lists and the pages reads a whole history", async () => {
  await using fixture = new StoreFixture();
  await fixture.openWithPipelines();
  const client = createClient({ url: fixture.url, concurrency: 1 });
  const explainer = createClient({ url: fixture.url, concurrency: 1 });
  const sent: InStatement[] = [];
  const { execute, batch } = client;
  const db = drizzle(Object.assign(client, {
    execute: (statement: { sql: string }) => {
      sent.push(statement);
      return execute.call<Client, [InStatement], Promise<ResultSet>>(client, statement);
    },
    batch: (statements: InStatement[]) => {
      sent.push(...statements);
      return batch.call(client, statements, "write");
    },
  }));
  const runs = createRunStore(db);
  const attempts = createAttemptStore(db);
  const backfills = createBackfillStore(db);
  const alerts = createAlertStore(db, fixture.sealer);
  const outbox = createOutbox(db);
  const inbox = createInbox(db);
  const retention = createRetention(db);
  const figures = createFigures(db);
  const logs = createLogStore(db);
  const history = createRunHistory(db);
  const limits = { "connector shop": { slots: 2, needed: 1 } };
  const calls: Record<string, () => Promise<unknown>> = {
    create: () => runs.create(newRun("r", { idempotencyKey: "k", limits })),
    createAll: () =>
      runs.createAll([newRun("s", { trigger: "backfill", group: "g", idempotencyKey: "l", limits })]),
    "inbox.after": () => inbox.after("a/shop", 1),
    "inbox.open": () => inbox.open(),
    "inbox.list": () => inbox.list("a/shop", { limit: 50, before: 9 }),
    "inbox.list of open ones": () => inbox.list("a/shop", { limit: 50, openAfter: 2 }),
    "inbox.get": () => inbox.get("a/shop", 2),
    "inbox.figures": () => inbox.figures("a/shop", 2),
    "inbox.drop": () => inbox.drop("a/shop", 2, "Ann", 9),
    "inbox.settle": () => inbox.settle("a/shop", 2, 9),
    "backfills.get": () => backfills.get("g"),
    "backfills.list": () => backfills.list({ limit: 50 }),
    "backfills.list behind one": () => backfills.list({ limit: 50, cursor: "g" }),
    "backfills.list of a pipeline": () => backfills.list({ limit: 50, pipeline: "a" }),
    "backfills.windows": () => backfills.windows("g"),
    "alerts.apply": () => alerts.apply(1, [{ type: "notify", notice: NOTICE }]),
    "alerts.open": () => alerts.open(["a", "b"]),
    "alerts.openOf": () => alerts.openOf("a failure"),
    "alerts.mutes": () => alerts.mutes(1),
    "alerts.countOpen": () => alerts.countOpen(),
    "alerts.due": () => alerts.due(1, 9),
    "alerts.waiting": () => alerts.waiting(),
    "alerts.nextDueMs": () => alerts.nextDueMs(),
    "alerts.claim": () => alerts.claim("d", 1, 2),
    "alerts.takeBack": () => alerts.takeBack(1),
    "alerts.list behind one": () =>
      alerts.list({ limit: 50, behind: { isOpen: true, atMs: 2_000, id: "p" } }),
    "alerts.deliveries behind one": () => alerts.deliveries({ limit: 50, notifier: "team", beforeId: "d" }),
    "alerts.deliveries of a notifier": () => alerts.deliveries({ limit: 50, notifier: "team" }),
    "alerts.rowsBefore": () => alerts.rowsBefore("r", 20),
    setSlots: () => attempts.setSlots({ "pool heavy": 2 }),
    isOvertaken: () => attempts.isOvertaken("r"),
    claim: () => attempts.claim(CLAIM),
    "claim of some": () => attempts.claim({ ...CLAIM, pipelines: ["a", "b"] }),
    renew: () => attempts.renew("me", 1, 2),
    ofOthers: () => attempts.ofOthers("me"),
    putSteps: () => attempts.putSteps(lease("r"), [step("model:a")]),
    append: () => logs.append(lease("r"), [logLine(1)]),
    lastSeq: () => logs.lastSeq("r"),
    "logs.read": () => logs.read("r", { afterSeq: 0, limit: 9 }),
    "logs.search": () => logs.search({ filter: {}, limit: 9 }),
    "logs.search of a pipeline": () => logs.search({ filter: { sinceMs: 1 }, pipeline: "a", limit: 9 }),
    "logs.search of a run": () => logs.search({ filter: {}, run: "r", limit: 9 }),
    "logs.pack": () => logs.pack({ after: "", endedBeforeMs: 9 }),
    "history.counts": () => history.counts("a", [{ fromMs: 0, untilMs: 9 }]),
    "history.lastRuns": () => history.lastRuns("a", 9),
    "history.steps": () => history.steps(["r"]),
    askCancel: () => runs.askCancel("r", "Ann"),
    requeue: () => attempts.requeue(lease("r"), 9_000, outcome()),
    finish: () => attempts.finish(lease("r"), "succeed", outcome()),
    retry: () => runs.retry("r", 1),
    cancelQueued: () => runs.cancelQueued("r", 1, "asked", "Ann"),
    nextDueMs: () => runs.nextDueMs(1),
    latest: () => runs.latest(),
    "list of a state": () => runs.list({ limit: 50, state: "failed" }),
    "list of a pipeline": () => runs.list({ limit: 50, pipeline: "a", before: "r" }),
    "list of a pipeline's state": () => runs.list({ limit: 50, pipeline: "a", state: "failed" }),
    "list of a group": () => runs.list({ limit: 50, group: "g" }),
    "list of a trigger": () => runs.list({ limit: 50, trigger: "api" }),
    "list of a trigger before": () => runs.list({ limit: 50, trigger: "api", before: "r" }),
    "list of a time": () => runs.list({ limit: 50, sinceMs: 1, untilMs: 2 }),
    "list of a pipeline's time": () => runs.list({ limit: 50, pipeline: "a", sinceMs: 1, untilMs: 2 }),
    "list of a state's time": () => runs.list({ limit: 50, state: "failed", sinceMs: 1 }),
    idsLike: () => runs.idsLike("ABCDEFGH", 4),
    "history.recentOf": () => history.recentOf(["a", "b"], 12),
    createEach: () =>
      runs.createEach([{ run: newRun("e", { idempotencyKey: "e", limits }), unlessActive: true }]),
    "claim of many": () => attempts.claim({ ...CLAIM, most: 100 }),
    "list of a tag": () => runs.list({ limit: 50, tag: "audit" }),
    annotate: () => runs.annotate("r", { tags: ["audit"], note: "late" }),
    lastLoads: () => runs.lastLoads("a", ["load:t→lake", "load:u→lake"]),
    laterThan: () => runs.laterThan("r"),
    lastWindowEndMs: () => runs.lastWindowEndMs("a"),
    countOf: () => attempts.countOf("r", "lost"),
    isQueued: () => runs.isQueued("a", "backfill"),
    isActive: () => runs.isActive("a"),
    "isActive besides backfills": () => runs.isActive("a", "backfill"),
    get: () => runs.get("r"),
    "outbox.read": () => outbox.read(1, 10),
    "outbox.lastSeq": () => outbox.lastSeq(),
    "outbox.markDelivered": () => outbox.markDelivered(9, 1),
    "outbox.cursor": () => outbox.cursor("alerts"),
    "outbox.advance": () => outbox.advance("alerts", 9),
    "figures.begin": () => figures.begin(),
    "figures.stepsOf": () => figures.stepsOf([{ run: "r", attempt: 1 }]),
    "retention.forgetRuns": () =>
      retention.forgetRuns({ pipeline: "a", beforeMs: 9, keepNewest: 1, keepAtMost: 5, limit: 9 }),
    "retention.forgetMessages": () => retention.forgetMessages(9),
    "retention.forgetKeys": () => retention.forgetKeys(9),
    "retention.forgetIssuedTokens": () => retention.forgetIssuedTokens(9),
    "retention.forgetRevisions": () => retention.forgetRevisions({ nowMs: 9, unusedBeforeMs: 8 }),
  };
  for (const [name, call] of Object.entries(calls)) {
    sent.length = 0;
    await call();
    assert.ok(sent.length > 0, name);
    for (const statement of sent) {
      const { sql, args = [] } = typeof statement === "string" ? { sql: statement } : statement;
      const plan = await explainer.execute({ sql: `explain query plan ${sql}`, args });
      const lines = plan.rows.map((row) => String(row["detail"]));
      assert.ok(!lines.some((line) => GROWING.test(line)), `${name}: ${sql}\n${lines.join("\n")}`);
      // libsql leaves an explained write open.
      await explainer.reconnect();
    }
  }
  client.close();
  explainer.close();
});
