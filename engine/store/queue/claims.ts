import { and, eq, type SQL, sql } from "drizzle-orm";
import type { Run } from "../../../contract/run.ts";
import { type Database, storing } from "../database.ts";
import type { Claim } from "../ports/runs.ts";
import { runOf } from "../rows.ts";
import { HAS_CHANGED, noteChanges, target } from "../run_changes.ts";
import { type RunRow, runs } from "../schema.ts";
import { lastWindowEnd } from "./last_window.ts";

/** Clocks of several servers differ by less. */
const SAME_TIME_MS = 60_000;

/** Takes queued runs, see `AttemptStore.claim`. */
export async function claimRuns(db: Database, claim: Claim): Promise<Run[]> {
  const [rows] = await storing(
    "claim runs",
    db.batch([
      takeRuns(db, claim),
      db.run(openAttempts(claim)),
      db.run(noteChanges(OPENED, sql`${claim.nowMs}`)),
      db.run(takeSlots(claim.worker)),
    ]),
  );
  return rows.toSorted(inTurn).map(runOf);
}

const inTurn = (one: RunRow, other: RunRow): number =>
  other.priority - one.priority || one.turn - other.turn || one.seq - other.seq;

/**
 * The runs' own rows. A window's start is only known when the first attempt begins: those that were
 * queued before it have ended by then.
 */
function takeRuns(db: Database, claim: Claim) {
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
  }).where(and(eq(runs.state, "queued"), sql`${runs.seq} in (${claimable(claim)})`)).returning();
}

/**
 * The runs to take next, as if one were taken after the other. It is part of the update that takes them, and SQLite
 * has one writer at a time, so that two processes never take the same one, nor two of one pipeline. The index is
 * named, and the state written out: by it, the first that fit are found, however many wait or have ended.
 *
 * A run that waits for slots keeps the younger ones back that need the same limits (`first_waiting`), or a run that
 * needs several at once would wait for as long as others come that need one. Each run of `ready` could be taken by
 * itself; where they share limits, those before the first that the others leave too few slots are taken.
 */
function claimable(claim: Claim): SQL {
  const { worker, maxRuns, most = 1 } = claim;
  return sql`
    with first_waiting as materialized (
      select name, priority, turn, seq from (
        select needed.name, w.priority, w.turn, w.seq,
          row_number() over (partition by needed.name order by w.priority desc, w.turn, w.seq) as place
        from runs as w indexed by runs_queued cross join run_limits as needed on needed.run = w.id
        where ${isNext(sql`w`, claim)} and ${lacksSlots(sql`w`)}
      ) where place = 1
    ),
    ready as materialized (
      select seq, id, row_number() over (order by priority desc, turn, seq) as place from (
        select q.seq, q.id, q.priority, q.turn from runs as q indexed by runs_queued
        where ${isNext(sql`q`, claim)} and (
          not exists (select 1 from run_limits as needed where needed.run = q.id) or (
            not ${lacksSlots(sql`q`)} and not exists (
              select 1 from run_limits as needed join first_waiting as first on first.name = needed.name
              where needed.run = q.id and (first.priority, -first.turn, -first.seq) > (q.priority, -q.turn, -q.seq)
            )
          )
        )
        order by q.priority desc, q.turn, q.seq
        limit max(0, min(${most}, ${maxRuns} - ${heldSlots(sql`${workerLimit(worker)}`)}))
      )
    ),
    claims as (
      select ready.place, l.slots, ${heldSlots(sql`l.name`)} + min(needed.slots, l.slots) + coalesce(
        sum(needed.slots) over (
          partition by needed.name order by ready.place rows between unbounded preceding and 1 preceding
        ), 0
      ) as claimed
      from ready cross join run_limits as needed on needed.run = ready.id cross join limits as l on l.name = needed.name
    )
    select seq from ready
    where place < coalesce((select min(place) from claims where claimed > slots), ${most} + 1)
  `;
}

/** Whether the queued run is due and the next of its pipeline. */
function isNext(run: SQL, { nowMs, pipelines }: Claim): SQL {
  const among = pipelines === undefined
    ? sql``
    : sql`and ${run}.pipeline in (select value from json_each(${JSON.stringify(pipelines)}))`;
  return sql`${run}.state = 'queued' and ${isDue(run, nowMs)} ${among}
    and not exists (select 1 from pipeline_holds as h where h.pipeline = ${run}.pipeline and h.until > ${nowMs})
    and not exists (select 1 from runs as o where o.pipeline = ${run}.pipeline and o.state = 'running')
    and not exists (
      select 1 from runs as o where o.pipeline = ${run}.pipeline and o.state = 'queued'
        and (o.attempt > 0, o.priority, -o.seq) > (${run}.attempt > 0, ${run}.priority, -${run}.seq)
    )`;
}

/** Also where the clock was set back behind its last attempt: nobody knows how long it has waited. */
function isDue(run: SQL, nowMs: number): SQL {
  return sql`(${run}.not_before is null or ${run}.not_before <= ${nowMs} or exists (
    select 1 from attempts as last where last.run = ${run}.id and last.attempt = ${run}.attempt
      and last.ended_at > ${nowMs + SAME_TIME_MS}
  ))`;
}

/** Whether one of the run's limits has fewer free slots than it needs. */
function lacksSlots(run: SQL): SQL {
  return sql`exists (
    select 1 from run_limits as needed join limits as l on l.name = needed.name
    where needed.run = ${run}.id and ${heldSlots(sql`l.name`)} + min(needed.slots, l.slots) > l.slots
  )`;
}

const heldSlots = (limit: SQL): SQL =>
  sql`(select coalesce(sum(h.slots), 0) from limit_holders as h where h.name = ${limit})`;

/** The slots of a server: each of its runs holds one. */
const workerLimit = (worker: string): string => `worker ${worker}`;

/** Of the runs that the statement before this one took: no others run without an attempt. */
function openAttempts({ worker, nowMs, leaseUntilMs }: Claim): SQL {
  return sql`
    insert into attempts (run, attempt, worker, state, lease_until, heartbeat_at, started_at)
    select id, attempt, ${worker}, 'running', ${leaseUntilMs}, ${nowMs}, ${nowMs} from runs
    where ${HAS_CHANGED} and state = 'running' and owner = ${worker}
      and not exists (select 1 from attempts as a where a.run = runs.id and a.attempt = runs.attempt)
    order by seq
  `;
}

/** The runs whose attempts the statement before this one opened: the newest, since one alone writes. */
const OPENED = sql`(select run from attempts where seq > 0 order by seq desc limit changes())`;

/** For the runs that the outbox was told of by the statement before this one. */
function takeSlots(worker: string): SQL {
  return sql`
    with taken as materialized (
      select id, attempt from runs where id in (select run from outbox where seq > 0 order by seq desc limit changes())
    )
    insert into limit_holders (name, run, attempt, slots)
    select ${workerLimit(worker)}, id, attempt, 1 from taken
    union all
    select needed.name, taken.id, taken.attempt, needed.slots
    from taken cross join run_limits as needed on needed.run = taken.id
    where true
    on conflict (name, run) do update set attempt = excluded.attempt, slots = excluded.slots
  `;
}
