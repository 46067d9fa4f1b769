import { and, asc, desc, eq, inArray, isNull, lt, max, min, ne, or, type SQL, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { AppError } from "../../contract/errors.ts";
import { type Run, RUN_STATES, type RunState } from "../../contract/run.ts";
import { nextState, type RunStateEvent } from "../../contract/run_state.ts";
import { type Database, storing } from "./database.ts";
import { runDetailOf, runOf, stepRowOf, storableText } from "./rows.ts";
import { runs, stepRuns } from "./schema.ts";
import type { NewRun, RunOutcome, RunStore } from "./store.ts";

/** 13 values a step: 500 steps stay far under SQLite's 32,766 values a statement. */
const STEPS_PER_STATEMENT = 500;

export function createRunStore(db: Database): RunStore {
  return { ...queueOf(db), ...outcomesOf(db), ...readsOf(db) };
}

/** The state that `event` leads to. A pair that run_state.ts forbids is a fault of the caller. */
function target(from: RunState, event: RunStateEvent): RunState {
  const to = nextState(from, event);
  if (to === null) throw new AppError("internal", `A run that is ${from} cannot ${event}`);
  return to;
}

/** Asking for runs and taking them. */
function queueOf(db: Database): Pick<RunStore, "create" | "claim" | "nextDueMs" | "putSteps"> {
  return {
    async create(run) {
      const action = `create a run of "${run.pipeline}"`;
      const [inserted] = await storing(action, insertRun(db, run));
      if (inserted !== undefined) return { run: runOf(inserted), created: true };
      const known = db.select().from(runs)
        .where(and(eq(runs.pipeline, run.pipeline), eq(runs.idempotencyKey, run.idempotencyKey ?? "")));
      const [first] = await storing(action, known);
      if (first === undefined) throw new AppError("internal", `Cannot ${action}: it was not inserted`);
      return { run: runOf(first), created: false };
    },

    async claim(owner, nowMs, pipelines) {
      const [row] = await storing(
        "claim a run",
        db.update(runs).set({
          state: target("queued", "claim"),
          attempt: sql`attempt + 1`,
          windowStartMs: windowStart(),
          owner,
          startedAtMs: nowMs,
          finishedAtMs: null,
          notBeforeMs: null,
          reason: null,
          error: null,
        }).where(and(eq(runs.state, "queued"), eq(runs.seq, claimable(nowMs, pipelines)))).returning(),
      );
      return row && runOf(row);
    },

    async nextDueMs(nowMs) {
      const query = db.select({ dueMs: min(runs.notBeforeMs) }).from(runs)
        .where(and(eq(runs.state, "queued"), sql`${runs.notBeforeMs} > ${nowMs}`));
      const [row] = await storing("read the queue", query);
      return row?.dueMs ?? undefined;
    },

    async putSteps(runId, steps) {
      const upserts: BatchItem<"sqlite">[] = [];
      for (let at = 0; at < steps.length; at += STEPS_PER_STATEMENT) {
        const rows = steps.slice(at, at + STEPS_PER_STATEMENT).map((step) => stepRowOf(runId, step));
        upserts.push(
          db.insert(stepRuns).values(rows).onConflictDoUpdate({
            target: [stepRuns.run, stepRuns.name],
            set: STEP_CHANGES,
          }),
        );
      }
      const [first, ...rest] = upserts;
      if (first === undefined) return;
      await storing(`write the steps of run ${runId}`, db.batch([first, ...rest]));
    },
  };
}

/**
 * Where the window of a run begins is only known when its first attempt does: those that were queued
 * before it have ended by then. Later attempts keep it.
 */
function windowStart(): SQL {
  return sql`case when attempt > 0 then window_start else (
    select max(o.window_end) from runs as o where o.pipeline = runs.pipeline and o.state = 'succeeded'
  ) end`;
}

const STEP_CHANGES = {
  kind: sql`excluded.kind`,
  state: sql`excluded.state`,
  attempt: sql`excluded.attempt`,
  rows: sql`excluded.rows`,
  sizeBytes: sql`excluded.size_bytes`,
  startedAtMs: sql`excluded.started_at`,
  finishedAtMs: sql`excluded.finished_at`,
  durationMs: sql`excluded.duration_ms`,
  error: sql`excluded.error`,
  sql: sql`excluded.sql`,
  depends: sql`excluded.depends`,
};

function insertRun(db: Database, run: NewRun) {
  return db.insert(runs).values({
    id: run.id,
    pipeline: run.pipeline,
    revision: run.revision,
    // As known when the run was asked for: the revision may later be found in a clean commit.
    gitCommit: sql`(select git_commit from revisions where id = ${run.revision})`,
    state: "queued",
    trigger: run.trigger,
    triggeredBy: run.triggeredBy,
    params: run.params,
    selection: run.select === null ? null : storableText(run.select),
    fullRefresh: run.fullRefresh,
    idempotencyKey: run.idempotencyKey,
    windowStartMs: run.windowStartMs,
    windowEndMs: run.windowEndMs,
    createdAtMs: run.createdAtMs,
  }).onConflictDoNothing({ target: [runs.pipeline, runs.idempotencyKey] }).returning();
}

/**
 * The run to take next. It is part of the update that takes it, and SQLite has one writer at a
 * time, so that two processes never take the same one, nor two of one pipeline.
 */
function claimable(nowMs: number, pipelines: readonly string[] | undefined): SQL {
  const among = pipelines === undefined
    ? sql``
    : sql`and q.pipeline in (select value from json_each(${JSON.stringify(pipelines)}))`;
  return sql`(
    select q.seq from runs as q
    where q.state = 'queued' and (q.not_before is null or q.not_before <= ${nowMs}) ${among}
      and not exists (select 1 from runs as o where o.pipeline = q.pipeline and o.state = 'running')
      and not exists (
        select 1 from runs as o where o.pipeline = q.pipeline and o.state = 'queued' and o.seq < q.seq
      )
    order by q.seq limit 1
  )`;
}

/** The ends of attempts: each one statement, guarded by what the caller believes of the run. */
function outcomesOf(db: Database): Pick<RunStore, "finish" | "requeue" | "cancelQueued" | "retry"> {
  const change = async (action: string, guard: SQL | undefined, set: Partial<typeof runs.$inferInsert>) => {
    const [row] = await storing(action, db.update(runs).set(set).where(guard).returning());
    return row && runOf(row);
  };
  const running = (id: string, attempt: number) =>
    and(eq(runs.id, id), eq(runs.state, "running"), eq(runs.attempt, attempt));

  return {
    finish: (id, attempt, event, outcome) =>
      change(`finish run ${id}`, running(id, attempt), {
        ...outcomeColumns(outcome),
        state: target("running", event),
        owner: null,
        finishedAtMs: outcome.atMs,
      }),

    requeue: (id, attempt, notBeforeMs, outcome) =>
      change(`requeue run ${id}`, running(id, attempt), {
        ...outcomeColumns(outcome),
        state: target("running", "requeue"),
        owner: null,
        notBeforeMs,
        startedAtMs: null,
        finishedAtMs: null,
      }),

    cancelQueued: (id, atMs, reason) =>
      change(`cancel run ${id}`, and(eq(runs.id, id), eq(runs.state, "queued")), {
        state: target("queued", "cancel"),
        reason: storableText(reason),
        notBeforeMs: null,
        finishedAtMs: atMs,
      }),

    retry: (id, atMs) =>
      change(`retry run ${id}`, and(eq(runs.id, id), inArray(runs.state, RETRYABLE_STATES)), {
        state: "queued",
        reason: null,
        error: null,
        notBeforeMs: atMs,
        startedAtMs: null,
        finishedAtMs: null,
      }),
  };
}

const RETRYABLE_STATES = RUN_STATES.filter((state) => nextState(state, "retry") === "queued");

function outcomeColumns(outcome: RunOutcome) {
  return {
    reason: outcome.reason === null ? null : storableText(outcome.reason),
    error: outcome.error,
    rowsExtracted: outcome.rowsExtracted,
    rowsLoaded: outcome.rowsLoaded,
    warnings: outcome.warnings,
    peakRssBytes: outcome.peakRssBytes,
  };
}

/** What the pages, the scheduler and the rescuer ask. */
function readsOf(
  db: Database,
): Pick<RunStore, "orphans" | "get" | "list" | "latest" | "lastWindowEndMs" | "isActive"> {
  return {
    async orphans(owner) {
      const query = db.select().from(runs)
        .where(and(eq(runs.state, "running"), or(isNull(runs.owner), ne(runs.owner, owner))))
        .orderBy(asc(runs.seq));
      return (await storing("read the runs under way", query)).map(runOf);
    },

    async get(id) {
      const [found, steps] = await storing(
        `read run ${id}`,
        db.batch([
          db.select().from(runs).where(eq(runs.id, id)),
          db.select().from(stepRuns).where(eq(stepRuns.run, id)).orderBy(asc(stepRuns.seq)),
        ]),
      );
      const row = found[0];
      return row && runDetailOf(row, steps);
    },

    async list({ pipeline, state, limit, before }) {
      const query = db.select().from(runs).where(and(
        pipeline === undefined ? undefined : eq(runs.pipeline, pipeline),
        state === undefined ? undefined : eq(runs.state, state),
        before === undefined ? undefined : lt(runs.seq, sql`(select seq from runs where id = ${before})`),
      )).orderBy(desc(runs.seq)).limit(limit);
      return (await storing("read the runs", query)).map(runOf);
    },

    async latest() {
      // One look into the index a pipeline, where a group by would read all of it.
      const newest = sql`(
        select (select max(seq) from runs where pipeline = p.name) from pipelines as p
      )`;
      const query = db.select().from(runs).where(sql`${runs.seq} in ${newest}`);
      const found = await storing("read the newest runs", query);
      return new Map<string, Run>(found.map((row) => [row.pipeline, runOf(row)]));
    },

    async lastWindowEndMs(pipeline) {
      const query = db.select({ endMs: max(runs.windowEndMs) }).from(runs)
        .where(and(eq(runs.pipeline, pipeline), eq(runs.state, "succeeded")));
      const [row] = await storing(`read the last window of "${pipeline}"`, query);
      return row?.endMs ?? null;
    },

    async isActive(pipeline) {
      const query = db.select({ seq: runs.seq }).from(runs)
        .where(and(eq(runs.pipeline, pipeline), inArray(runs.state, ["queued", "running"]))).limit(1);
      return (await storing(`read the runs of "${pipeline}"`, query)).length > 0;
    },
  };
}
