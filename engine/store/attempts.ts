import { and, count, eq, isNull, ne, type SQL, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import type { AttemptState } from "../../contract/run.ts";
import { type Database, storing } from "./database.ts";
import { runOf, stepRowOf, storableText } from "./rows.ts";
import { HAS_CHANGED, isAttemptOf, isHeld, noteChange, target } from "./run_changes.ts";
import { lastWindowEnd } from "./runs.ts";
import { attempts, limitHolders, limits, runs } from "./schema.ts";
import type { AttemptStore, Claim, Lease, RunOutcome } from "./ports/runs.ts";

/** One JSON value holds this many steps: far from any limit of SQLite's. */
const STEPS_PER_STATEMENT = 500;

export function createAttemptStore(db: Database): AttemptStore {
  return { ...leasesOf(db), ...endsOf(db), ...stepsOf(db) };
}

/** Taking runs and keeping them. */
function leasesOf(
  db: Database,
): Pick<AttemptStore, "claim" | "renew" | "setSlots" | "isOvertaken" | "countOf" | "ofOthers"> {
  return {
    async claim(claim) {
      const { worker, nowMs } = claim;
      const [[row]] = await storing(
        "claim a run",
        db.batch([
          takeRun(db, claim),
          db.run(openAttempt(claim)),
          db.run(noteChange(sql`(select run from attempts where seq = last_insert_rowid())`, nowMs)),
          db.run(takeSlots(worker)),
        ]),
      );
      return row && runOf(row);
    },

    async renew(worker, nowMs, leaseUntilMs) {
      const mine = and(eq(attempts.worker, worker), sql`${attempts.endedAtMs} is null`);
      const [, held] = await storing(
        "renew the leases",
        db.batch([
          db.update(attempts).set({ heartbeatMs: nowMs, leaseUntilMs }).where(mine),
          db.select({ run: attempts.run, attempt: attempts.attempt, cancelAskedBy: runs.cancelAskedBy })
            .from(attempts).innerJoin(runs, eq(runs.id, attempts.run)).where(mine),
        ]),
      );
      return held;
    },

    async setSlots(slots) {
      const rows = Object.entries(slots).map(([name, count]) => ({ name, slots: count }));
      if (rows.length === 0) return;
      const upsert = db.insert(limits).values(rows)
        .onConflictDoUpdate({ target: limits.name, set: { slots: sql`excluded.slots` } });
      await storing("write the limits of runs", upsert);
    },

    async isOvertaken(runId) {
      // By the order of attempts, whatever the clocks say: only those that came later are looked at.
      const first = sql`(select min(mine.seq) from attempts as mine where mine.run = ${runId})`;
      const query = db.select({ seq: attempts.seq }).from(attempts)
        .innerJoin(runs, eq(runs.id, attempts.run))
        .where(and(
          sql`${attempts.seq} > ${first}`,
          ne(attempts.run, runId),
          sql`${runs.pipeline} = (select pipeline from runs as asked where asked.id = ${runId})`,
        )).limit(1);
      return (await storing(`read the attempts after run ${runId}`, query)).length > 0;
    },

    async countOf(runId, state) {
      const query = db.select({ count: count() }).from(attempts)
        .where(and(eq(attempts.run, runId), eq(attempts.state, state)));
      return (await storing(`read the attempts of run ${runId}`, query))[0]?.count ?? 0;
    },

    async ofOthers(worker) {
      // From the few runs under way to their attempts: no index finds what is open and not one's own.
      const query = db.select().from(runs)
        .innerJoin(attempts, and(eq(attempts.run, runs.id), eq(attempts.attempt, runs.attempt)))
        .where(and(eq(runs.state, "running"), isNull(attempts.endedAtMs), ne(attempts.worker, worker)))
        .orderBy(attempts.seq);
      return (await storing("read the attempts under way", query)).map((found) => ({
        run: runOf(found.runs),
        lease: { run: found.runs.id, attempt: found.attempts.attempt, worker: found.attempts.worker },
        leaseUntilMs: found.attempts.leaseUntilMs,
        cancelAskedBy: found.runs.cancelAskedBy,
      }));
    },
  };
}

/**
 * The run's own row. A window's start is only known when the first attempt begins: those that were
 * queued before it have ended by then.
 */
function takeRun(db: Database, claim: Claim) {
  const start = lastWindowEnd(sql`runs.pipeline`);
  const isKept = sql`attempt > 0 or window_given`;
  return db.update(runs).set({
    state: target("queued", "claim"),
    attempt: sql`attempt + 1`,
    windowStartMs: sql`case when ${isKept} then window_start else ${start} end`,
    windowEndMs: sql`case when ${isKept} then window_end
      else max(window_end, coalesce(${start} + 1, window_end)) end`,
    owner: claim.worker,
    startedAtMs: claim.nowMs,
    finishedAtMs: null,
    notBeforeMs: null,
    reason: null,
    error: null,
    cancelAskedBy: null,
  }).where(and(eq(runs.state, "queued"), eq(runs.seq, claimable(claim)))).returning();
}

/**
 * The run to take next. It is part of the update that takes it, and SQLite has one writer at a
 * time, so that two processes never take the same one, nor two of one pipeline. The index is named,
 * and the state written out: by it, the first that fits is the one, however many wait or have ended.
 *
 * A run that waits for slots keeps the younger ones back that need the same limits, or a run that needs
 * several at once would wait for as long as others come that need one.
 */
function claimable(claim: Claim): SQL {
  return sql`(
    select q.seq from runs as q indexed by runs_queued
    where ${isNext(sql`q`, claim)}
      and (select count(*) from limit_holders where name = ${workerLimit(claim.worker)}) < ${claim.maxRuns}
      and not ${lacksSlots(sql`q`)}
      and not exists (
        select 1 from runs as earlier indexed by runs_queued
        where ${
    isNext(sql`earlier`, claim)
  } and (earlier.priority, -earlier.turn, -earlier.seq) > (q.priority, -q.turn, -q.seq)
          and exists (
            select 1 from run_limits as one join run_limits as other on other.name = one.name
            where one.run = earlier.id and other.run = q.id
          )
          and ${lacksSlots(sql`earlier`)}
      )
    order by q.priority desc, q.turn, q.seq limit 1
  )`;
}

/** Whether the queued run is due and the next of its pipeline. */
function isNext(run: SQL, { nowMs, pipelines }: Claim): SQL {
  const among = pipelines === undefined
    ? sql``
    : sql`and ${run}.pipeline in (select value from json_each(${JSON.stringify(pipelines)}))`;
  return sql`${run}.state = 'queued' and (${run}.not_before is null or ${run}.not_before <= ${nowMs}) ${among}
    and not exists (select 1 from pipeline_holds as h where h.pipeline = ${run}.pipeline and h.until > ${nowMs})
    and not exists (select 1 from runs as o where o.pipeline = ${run}.pipeline and o.state = 'running')
    and not exists (
      select 1 from runs as o where o.pipeline = ${run}.pipeline and o.state = 'queued'
        and (o.attempt > 0, o.priority, -o.seq) > (${run}.attempt > 0, ${run}.priority, -${run}.seq)
    )`;
}

/** Whether one of the run's limits has fewer free slots than it needs. */
function lacksSlots(run: SQL): SQL {
  return sql`exists (
    select 1 from run_limits as needed join limits as l on l.name = needed.name
    where needed.run = ${run}.id
      and (select coalesce(sum(h.slots), 0) from limit_holders as h where h.name = l.name)
        + min(needed.slots, l.slots) > l.slots
  )`;
}

/** The slots of a server: each of its runs holds one. */
const workerLimit = (worker: string): string => `worker ${worker}`;

/** Of the run that the statement before this one took, if it took one. */
function openAttempt({ worker, nowMs, leaseUntilMs }: Claim): SQL {
  return sql`
    insert into attempts (run, attempt, worker, state, lease_until, heartbeat_at, started_at)
    select id, attempt, ${worker}, 'running', ${leaseUntilMs}, ${nowMs}, ${nowMs} from runs
    where ${HAS_CHANGED} and state = 'running' and owner = ${worker}
      and not exists (select 1 from attempts as a where a.run = runs.id and a.attempt = runs.attempt)
  `;
}

/** For the run that the outbox was told of by the statement before this one, if it was. */
function takeSlots(worker: string): SQL {
  const taken = sql`(select run from outbox where seq = last_insert_rowid())`;
  return sql`
    insert into limit_holders (name, run, attempt, slots)
    select needed.name, runs.id, runs.attempt, needed.slots from runs join (
      select ${workerLimit(worker)} as name, 1 as slots
      union all select name, slots from run_limits where run = ${taken}
    ) as needed
    where ${HAS_CHANGED} and runs.id = ${taken}
    on conflict (name, run) do update set attempt = excluded.attempt, slots = excluded.slots
  `;
}

/** The ends of attempts, each guarded by its lease. */
function endsOf(db: Database): Pick<AttemptStore, "finish" | "requeue"> {
  const end = async (
    action: string,
    lease: Lease,
    outcome: RunOutcome,
    state: AttemptState,
    set: Partial<typeof runs.$inferInsert>,
  ) => {
    const [, [row]] = await storing(
      action,
      db.batch([
        db.update(attempts).set({
          state: outcome.attemptState ?? state,
          endedAtMs: outcome.atMs,
          error: outcome.error,
          peakRssBytes: outcome.peakRssBytes,
        }).where(isAttemptOf(lease)),
        db.update(runs).set({ ...outcomeColumns(outcome), ...set, owner: null })
          .where(and(HAS_CHANGED, eq(runs.id, lease.run), eq(runs.attempt, lease.attempt))).returning(),
        db.run(noteChange(sql`${lease.run}`, outcome.atMs)),
        db.delete(limitHolders).where(
          sql`${limitHolders.run} = ${lease.run} and ${limitHolders.attempt} = ${lease.attempt}
            and not exists (
              select 1 from ${attempts} where ${attempts.run} = ${lease.run}
                and ${attempts.attempt} = ${lease.attempt} and ${attempts.endedAtMs} is null
            )`,
        ),
      ]),
    );
    return row && runOf(row);
  };
  return {
    finish(lease, event, outcome) {
      const state = target("running", event);
      if (state === "queued" || state === "running") throw new TypeError(`${event} does not end a run`);
      return end(`finish run ${lease.run}`, lease, outcome, state, { state, finishedAtMs: outcome.atMs });
    },

    requeue: (lease, notBeforeMs, outcome) =>
      end(`requeue run ${lease.run}`, lease, outcome, "failed", {
        state: target("running", "requeue"),
        notBeforeMs,
        startedAtMs: null,
        finishedAtMs: null,
      }),
  };
}

function outcomeColumns(outcome: RunOutcome) {
  return {
    reason: outcome.reason === null ? null : storableText(outcome.reason),
    error: outcome.error,
    rowsExtracted: outcome.rowsExtracted,
    rowsLoaded: outcome.rowsLoaded,
    warnings: outcome.warnings,
    peakRssBytes: outcome.peakRssBytes,
    cancelledBy: outcome.cancelledBy ?? null,
  };
}

const STEP_COLUMNS = [
  "name",
  "kind",
  "state",
  "rows",
  "size_bytes",
  "started_at",
  "finished_at",
  "duration_ms",
  "error",
  "sql",
  "depends",
  "receipt",
] as const;

function stepsOf(db: Database): Pick<AttemptStore, "putSteps"> {
  const columns = sql.raw(STEP_COLUMNS.join(", "));
  const values = sql.raw(STEP_COLUMNS.map((name) => `value ->> '${name}'`).join(", "));
  const changes = sql.raw(
    STEP_COLUMNS.filter((name) => name !== "name").map((name) => `${name} = excluded.${name}`).join(", "),
  );
  const upsert = (lease: Lease, rows: readonly unknown[]) =>
    db.run(sql`
      insert into step_runs (run, attempt, ${columns})
      select ${lease.run}, ${lease.attempt}, ${values} from json_each(${JSON.stringify(rows)})
      where ${isHeld(lease)}
      on conflict (run, attempt, name) do update set ${changes}
    `);
  return {
    async putSteps(lease, steps) {
      const rows = steps.map(stepRowOf);
      const upserts: BatchItem<"sqlite">[] = [];
      for (let at = 0; at < rows.length; at += STEPS_PER_STATEMENT) {
        upserts.push(upsert(lease, rows.slice(at, at + STEPS_PER_STATEMENT)));
      }
      const [held] = await storing(
        `write the steps of run ${lease.run}`,
        db.batch([db.select({ isHeld: sql<number>`${isHeld(lease)}` }).from(sql`(select 1)`), ...upserts]),
      );
      return held[0]?.isHeld === 1;
    },
  };
}
