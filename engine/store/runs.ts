import { and, desc, eq, gt, gte, inArray, lt, min, ne, or, type SQL, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { AppError } from "../../contract/errors.ts";
import { type Run, RUN_STATES, type RunState, type Trigger } from "../../contract/run.ts";
import { nextState } from "../../contract/run_state.ts";
import { type Database, storing } from "./database.ts";
import { readLastLoads } from "./last_loads.ts";
import { readLastReads } from "./last_reads.ts";
import { listedRunOf, runDetailOf, runOf, storableText } from "./rows.ts";
import { noteChange, target } from "./run_changes.ts";
import { attempts, limits, runs, stepRuns } from "./schema.ts";
import { useMarks } from "./triggers/used_marks.ts";
import type { NewRun, RunStore } from "./ports/runs.ts";

export function createRunStore(db: Database): RunStore {
  return {
    ...requestsOf(db),
    ...readsOf(db),
    lastLoads: (pipeline, steps) => readLastLoads(db, pipeline, steps),
    lastReads: (pipeline, steps) => readLastReads(db, pipeline, steps),
  };
}

/**
 * Where the windows that nobody asked for have got to. The words of its condition are those of the
 * index `runs_window`: a bound value would keep it from being used.
 */
export function lastWindowEnd(pipeline: SQL): SQL<number | null> {
  return sql`(
    select max(w.window_end) from runs as w
    where w.pipeline = ${pipeline} and w.state = 'succeeded' and w.window_given = 0 and w.selection is null
  )`;
}

/** What people, schedules and other programs ask of runs. */
function requestsOf(
  db: Database,
): Pick<RunStore, "create" | "createAll" | "cancelQueued" | "askCancel" | "annotate" | "retry"> {
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
      const action = `create a run of "${run.pipeline}"`;
      const [[inserted]] = await storing(
        action,
        db.batch([
          insertRun(db, run),
          db.run(noteChange(sql`${run.id}`, run.createdAtMs)),
          ...consequencesOf(db, run),
        ]),
      );
      if (inserted !== undefined) return { run: runOf(inserted), created: true };
      const known = db.select().from(runs)
        .where(and(eq(runs.pipeline, run.pipeline), eq(runs.idempotencyKey, run.idempotencyKey ?? "")));
      const [first] = await storing(action, known);
      if (first === undefined) throw new AppError("internal", `Cannot ${action}: it was not inserted`);
      requireSameRequest(run, first.requestHash);
      return { run: runOf(first), created: false };
    },

    async createAll(all) {
      const [first, ...others] = all;
      if (first === undefined) return;
      const action = `create runs of "${first.pipeline}"`;
      const byKey = new Map(all.map((run) => [run.idempotencyKey, run]));
      const known = await storing(
        action,
        db.select({ key: runs.idempotencyKey, hash: runs.requestHash }).from(runs).where(and(
          eq(runs.pipeline, first.pipeline),
          sql`${runs.idempotencyKey} in (select value from json_each(${JSON.stringify([...byKey.keys()])}))`,
        )),
      );
      for (const { key, hash } of known) requireSameRequest(byKey.get(key) ?? first, hash);
      const insert = (run: NewRun): BatchItem<"sqlite">[] => [
        insertRun(db, run),
        db.run(noteChange(sql`${run.id}`, run.createdAtMs)),
        ...consequencesOf(db, run),
      ];
      const [head, ...rest] = insert(first);
      if (head !== undefined) await storing(action, db.batch([head, ...rest, ...others.flatMap(insert)]));
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
        notBeforeMs: atMs,
        startedAtMs: null,
        finishedAtMs: null,
      }),
  };
}

const tagsOf = (tags: readonly string[] = []) => tags.length === 0 ? null : [...new Set(tags)];
const noteOf = (note: string | null = null) => note === null || note === "" ? null : storableText(note);

type RunChange = Partial<typeof runs.$inferInsert>;

const RETRYABLE_STATES = RUN_STATES.filter((state) => nextState(state, "retry") === "queued");

function requireSameRequest(run: NewRun, firstHash: string | null): void {
  if (run.requestHash === null || firstHash === null || run.requestHash === firstHash) return;
  throw new AppError(
    "conflict",
    `Cannot start a run of "${run.pipeline}": the idempotency key "${run.idempotencyKey}" was used for a ` +
      "different request. Send the same request again, or use another key",
    { reason: "idempotency_key_reused" },
  );
}

function insertRun(db: Database, run: NewRun) {
  const lastEnd = lastWindowEnd(sql`${run.pipeline}`);
  const window = run.window === undefined
    ? {
      windowStartMs: lastEnd,
      windowEndMs: sql`max(${run.windowEndMs}, coalesce(${lastEnd} + 1, ${run.windowEndMs}))`,
    }
    : { windowStartMs: run.window.startMs, windowEndMs: run.window.endMs };
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
    requestHash: run.requestHash,
    ...window,
    windowGiven: run.window !== undefined,
    range: run.range ?? null,
    createdAtMs: run.createdAtMs,
    group: run.group ?? null,
    parent: run.parent ?? null,
    priority: run.priority ?? 0,
    tags: tagsOf(run.tags),
    note: noteOf(run.note),
    turn: nextTurn(run),
  }).onConflictDoNothing({ target: [runs.pipeline, runs.idempotencyKey] }).returning();
}

/**
 * Where among the runs of its priority: behind as many others as wait of its own pipeline, counted from the run that
 * is next. So pipelines take turns, and one that has queued a thousand runs holds nobody up.
 */
function nextTurn({ pipeline, priority = 0 }: NewRun): SQL {
  return sql`(
    coalesce((
      select first.turn from runs as first indexed by runs_queued
      where first.state = 'queued' and first.priority = ${priority} order by first.turn limit 1
    ), 0) + (
      select count(*) from runs as own
      where own.state = 'queued' and own.pipeline = ${pipeline} and own.priority = ${priority}
    )
  )`;
}

/** What is written with a new run, and only with it. */
function consequencesOf(db: Database, run: NewRun): BatchItem<"sqlite">[] {
  const isThere = sql`exists (select 1 from runs where id = ${run.id})`;
  const all: BatchItem<"sqlite">[] = [];
  const named = Object.entries(run.limits ?? {}).map(([name, limit]) => ({ name, ...limit }));
  if (named.length > 0) {
    all.push(
      db.insert(limits).values(named.map(({ name, slots }) => ({ name, slots })))
        .onConflictDoUpdate({ target: limits.name, set: { slots: sql`excluded.slots` } }),
      db.run(sql`
        insert into run_limits (run, name, slots)
        select ${run.id}, value ->> 'name', value ->> 'needed' from json_each(${
        JSON.stringify(named)
      }) where ${isThere}
      `),
    );
  }
  if (run.follows !== undefined) all.push(...useMarks(db, run.pipeline, run.follows, isThere));
  return all;
}

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
      // The first by the index of ids, the second by reading them all.
      const query = db.select({ id: runs.id }).from(runs).where(or(
        and(gte(runs.id, text), lt(runs.id, `${text}\u{10ffff}`)),
        sql`substr(${runs.id}, ${-text.length}) = ${text}`,
      )).orderBy(desc(runs.seq)).limit(limit);
      return (await storing(`read the run ${text}`, query)).map(({ id }) => id);
    },

    async list({ pipeline, state, group, tag, limit, before }) {
      const action = "read the runs";
      const beforeSeq = before === undefined ? undefined : await seqOf(db, action, before);
      const query = db.select().from(runs).where(and(
        pipeline === undefined ? undefined : eq(runs.pipeline, pipeline),
        state === undefined ? undefined : eq(runs.state, state),
        group === undefined ? undefined : eq(runs.group, group),
        tag === undefined ? undefined : sql`${runs.seq} in ${taggedWith(tag)}`,
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
