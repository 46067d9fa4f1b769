import { and, desc, eq, gt, gte, inArray, lt, lte, min, ne, or, type SQL, sql } from "drizzle-orm";
import type { SQLiteUpdateSetSource } from "drizzle-orm/sqlite-core";
import { AppError } from "../../contract/errors.ts";
import { type Run, RUN_STATES, type RunState, type Trigger } from "../../contract/run.ts";
import { nextState } from "../../contract/run_state.ts";
import { type Database, storing } from "./database.ts";
import { createAtOnce, createEach, noteOf, refusalOf, tagsOf } from "./queue/new_runs.ts";
import { inEnvironment } from "./queue/in_environment.ts";
import { lastWindowEnd } from "./queue/last_window.ts";
import { readLastLoads } from "./last_loads.ts";
import { readLastReads } from "./last_reads.ts";
import { listedRunOf, runDetailOf, runOf, storableText } from "./rows.ts";
import { noteChange, target } from "./run_changes.ts";
import { attempts, runs, stepRuns } from "./schema.ts";
import type { RunStore } from "./ports/runs.ts";

export function createRunStore(db: Database): RunStore {
  return {
    ...requestsOf(db),
    ...readsOf(db),
    lastLoads: (pipeline, steps) => readLastLoads(db, pipeline, steps),
    lastReads: (pipeline, steps) => readLastReads(db, pipeline, steps),
  };
}

/** What people, schedules and other programs ask of runs. */
function requestsOf(
  db: Database,
): Pick<
  RunStore,
  "create" | "createEach" | "createAll" | "cancelQueued" | "askCancel" | "annotate" | "retry"
> {
  const change = async (action: string, id: string, atMs: number, guard: SQL | undefined, set: RunChange) => {
    const [[row]] = await storing(
      action,
      db.batch([
        db.update(runs).set(set).where(and(eq(runs.id, id), guard)).returning(),
        db.run(noteChange(sql`${id}`, atMs)),
      ]),
    );
    return row && runOf(row);
  };
  return {
    async create(run) {
      const [created] = await createAtOnce(db, [{ run, unlessActive: false }]);
      if (created instanceof AppError) throw created;
      if (created !== undefined) return created;
      throw new AppError("internal", `Cannot create a run of "${run.pipeline}": it was not inserted`);
    },

    createEach: (requests) => createEach(db, requests),

    async createAll(all) {
      const [first] = all;
      if (first === undefined) return;
      const byKey = new Map(all.map((run) => [run.idempotencyKey, run]));
      const known = await storing(
        `create runs of "${first.pipeline}"`,
        db.select({ key: runs.idempotencyKey, hash: runs.requestHash }).from(runs).where(and(
          eq(runs.pipeline, first.pipeline),
          sql`${runs.idempotencyKey} in (select value from json_each(${JSON.stringify([...byKey.keys()])}))`,
        )),
      );
      for (const { key, hash } of known) {
        const refusal = refusalOf(byKey.get(key) ?? first, hash);
        if (refusal !== undefined) throw refusal;
      }
      await createAtOnce(db, all.map((run) => ({ run, unlessActive: false })));
    },

    cancelQueued: (id, atMs, reason, by) =>
      change(`cancel run ${id}`, id, atMs, eq(runs.state, "queued"), {
        state: target("queued", "cancel"),
        reason: storableText(reason),
        cancelledBy: by,
        notBeforeMs: null,
        finishedAtMs: atMs,
      }),

    async askCancel(id, by) {
      const asked = db.update(runs).set({ cancelAskedBy: by })
        .where(and(eq(runs.id, id), eq(runs.state, "running"))).returning({ id: runs.id });
      return (await storing(`cancel run ${id}`, asked)).length > 0;
    },

    async annotate(id, { tags, note }) {
      const set = {
        ...(tags === undefined ? {} : { tags: tagsOf(tags) }),
        ...(note === undefined ? {} : { note: noteOf(note) }),
      };
      const query = Object.keys(set).length === 0
        ? db.select().from(runs).where(eq(runs.id, id))
        : db.update(runs).set(set).where(eq(runs.id, id)).returning();
      const [row] = await storing(`annotate run ${id}`, query);
      return row && runOf(row);
    },

    retry: (id, atMs) =>
      change(`retry run ${id}`, id, atMs, inArray(runs.state, RETRYABLE_STATES), {
        state: "queued",
        reason: null,
        error: null,
        cancelledBy: null,
        retriedAfter: sql`${runs.attempt}`,
        notBeforeMs: atMs,
        startedAtMs: null,
        finishedAtMs: null,
      }),
  };
}

type RunChange = SQLiteUpdateSetSource<typeof runs>;

const RETRYABLE_STATES = RUN_STATES.filter((state) => nextState(state, "retry") === "queued");

/** What the pages, the scheduler and the queue ask. */
function readsOf(
  db: Database,
): Pick<
  RunStore,
  | "nextDueMs"
  | "get"
  | "idsLike"
  | "list"
  | "latest"
  | "laterThan"
  | "lastWindowEndMs"
  | "isActive"
  | "isQueued"
> {
  return {
    async nextDueMs(nowMs) {
      const query = db.select({ dueMs: min(runs.notBeforeMs) }).from(runs)
        .where(and(sql`${runs.state} = 'queued'`, gt(runs.notBeforeMs, nowMs)));
      const [row] = await storing("read the queue", query);
      return row?.dueMs ?? undefined;
    },

    async get(id, attempt) {
      const [found, steps, tries] = await storing(
        `read run ${id}`,
        db.batch([
          db.select().from(runs).where(eq(runs.id, id)),
          db.select().from(stepRuns).where(eq(stepRuns.run, id)).orderBy(stepRuns.seq),
          db.select().from(attempts).where(eq(attempts.run, id)).orderBy(attempts.attempt),
        ]),
      );
      const row = found[0];
      return row && runDetailOf(row, steps, tries, attempt);
    },

    async idsLike(text, limit) {
      // Each by an index: the second by that of the last four letters.
      const query = db.select({ id: runs.id }).from(runs).where(or(
        and(gte(runs.id, text), lt(runs.id, `${text}\u{10ffff}`)),
        and(
          sql`substr(${runs.id}, -4) = ${text.slice(-4)}`,
          sql`substr(${runs.id}, ${-text.length}) = ${text}`,
        ),
      )).orderBy(desc(runs.seq)).limit(limit);
      return (await storing(`read the run ${text}`, query)).map(({ id }) => id);
    },

    async list(
      { pipeline, pipelines, environment, state, group, tag, trigger, sinceMs, untilMs, limit, before },
    ) {
      const action = "read the runs";
      const beforeSeq = before === undefined ? undefined : await seqOf(db, action, before);
      const query = db.select().from(runs).where(and(
        pipeline === undefined ? undefined : eq(runs.pipeline, pipeline),
        pipelines === undefined ? undefined : inArray(runs.pipeline, [...pipelines]),
        inEnvironment(environment),
        state === undefined ? undefined : eq(runs.state, state),
        group === undefined ? undefined : eq(runs.group, group),
        tag === undefined ? undefined : sql`${runs.seq} in ${taggedWith(tag)}`,
        trigger === undefined ? undefined : eq(runs.trigger, trigger),
        sinceMs === undefined
          ? undefined
          : and(sql`+${runs.createdAtMs} >= ${sinceMs}`, gte(runs.seq, firstSince(sinceMs))),
        untilMs === undefined
          ? undefined
          : and(sql`+${runs.createdAtMs} < ${untilMs}`, lte(runs.seq, lastUntil(untilMs))),
        beforeSeq === undefined ? undefined : lt(runs.seq, beforeSeq),
      )).orderBy(desc(runs.seq)).limit(limit);
      return (await storing(action, query)).map(listedRunOf);
    },

    async latest() {
      // One look into the index a pipeline, where a group by would read all of it.
      const newest = sql`(
        select (select max(seq) from runs where pipeline = p.name) from pipelines as p
      )`;
      const query = db.select().from(runs).where(sql`${runs.seq} in ${newest}`);
      const found = await storing("read the newest runs", query);
      return new Map<string, Run>(found.map((row) => [row.pipeline, listedRunOf(row)]));
    },

    async laterThan(id) {
      const self = sql`(select seq from runs where id = ${id})`;
      const pipeline = sql`(select pipeline from runs where id = ${id})`;
      const query = db.select({ id: runs.id }).from(runs).where(and(
        eq(runs.pipeline, pipeline),
        gt(runs.seq, self),
        // One that was cancelled in the queue has touched nothing.
        or(gt(runs.attempt, 0), inArray(runs.state, ["queued", "running"])),
      )).orderBy(desc(runs.seq)).limit(1);
      return (await storing(`read the runs after ${id}`, query))[0]?.id;
    },

    async lastWindowEndMs(pipeline) {
      const query = db.select({ endMs: lastWindowEnd(sql`${pipeline}`) }).from(sql`(select 1)`);
      const [row] = await storing(`read the last window of "${pipeline}"`, query);
      return row?.endMs ?? null;
    },

    isActive: (pipeline, besides) => isThere(db, pipeline, ["queued", "running"], besides),
    isQueued: (pipeline, besides) => isThere(db, pipeline, ["queued"], besides),
  };
}

async function isThere(
  db: Database,
  pipeline: string,
  states: readonly RunState[],
  besides: Trigger | undefined,
): Promise<boolean> {
  const query = db.select({ seq: runs.seq }).from(runs).where(and(
    eq(runs.pipeline, pipeline),
    inArray(runs.state, [...states]),
    besides === undefined ? undefined : ne(runs.trigger, besides),
  )).limit(1);
  return (await storing(`read the runs of "${pipeline}"`, query)).length > 0;
}

/** So many runs on either side of a moment are looked at: where the clock was set back their order is another. */
const CLOCK_RUNS = 1_000;

/** The first run that was asked for from then on: whatever is older need not be read. */
function firstSince(ms: number): SQL {
  return sql`(select coalesce(min(seq), 9e18) from (
    select seq from runs where created_at >= ${ms} order by created_at limit ${CLOCK_RUNS}
  ))`;
}

/** The last run that was asked for before then. */
function lastUntil(ms: number): SQL {
  return sql`(select coalesce(max(seq), -1) from (
    select seq from runs where created_at < ${ms} order by created_at desc limit ${CLOCK_RUNS}
  ))`;
}

/** By the index of the runs that have tags: few of many. */
function taggedWith(tag: string): SQL {
  return sql`(
    select t.seq from runs as t indexed by runs_tagged
    where t.tags is not null and exists (select 1 from json_each(t.tags) where value = ${tag})
  )`;
}

async function seqOf(db: Database, action: string, id: string): Promise<number> {
  const [found] = await storing(action, db.select({ seq: runs.seq }).from(runs).where(eq(runs.id, id)));
  if (found !== undefined) return found.seq;
  throw new AppError("invalid", `Cannot ${action} before "${id}": there is no such run`, {
    reason: "unknown_cursor",
  });
}
