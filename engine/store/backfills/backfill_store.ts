import { and, asc, desc, eq, inArray, lt, max, min, sql, sum } from "drizzle-orm";
import { type Backfill, type BackfillState, type RunCounts } from "../../../contract/backfills/backfill.ts";
import type { RunState } from "../../../contract/run.ts";
import { unknownCursor } from "../../../contract/lists/page.ts";
import { type Database, storing } from "../database.ts";
import { listedRunOf } from "../rows.ts";
import { inEnvironment } from "../queue/in_environment.ts";
import { runs } from "../schema.ts";
import type { BackfillStore } from "./port.ts";

/** The words are those of the index `runs_backfills`: a bound value would keep it from being used. */
const IS_BACKFILL = sql`${runs.trigger} = 'backfill' and ${runs.group} is not null`;

export function createBackfillStore(db: Database): BackfillStore {
  return {
    async get(group) {
      return (await read(db, [group]))[0];
    },

    async list({ pipeline, pipelines, environment, limit, cursor }) {
      const newest = cursor === undefined ? undefined : await newestOf(db, cursor);
      const query = db.select({ group: runs.group, newest: max(runs.seq) }).from(runs)
        .where(and(
          IS_BACKFILL,
          pipeline === undefined ? undefined : eq(runs.pipeline, pipeline),
          pipelines === undefined ? undefined : inArray(runs.pipeline, [...pipelines]),
          inEnvironment(environment),
        ))
        .groupBy(runs.group).having(newest === undefined ? undefined : lt(max(runs.seq), newest)).orderBy(
          desc(max(runs.seq)),
        ).limit(limit);
      const found = await storing("read the backfills", query);
      return await read(db, found.map(({ group }) => group ?? ""));
    },

    async windows(group) {
      const query = db.select().from(runs).where(and(IS_BACKFILL, eq(runs.group, group)))
        .orderBy(asc(runs.windowStartMs), asc(runs.seq));
      const found = await storing(`read the backfill ${group}`, query);
      return found.map((row) => {
        const run = listedRunOf(row);
        return {
          run: run.id,
          window_start: run.window_start ?? run.window_end,
          window_end: run.window_end,
          state: run.state,
          attempt: run.attempt,
          duration_ms: run.duration_ms,
          rows_loaded: run.rows_loaded,
          error: run.error,
        };
      });
    },
  };
}

/** The place of a backfill among the others. */
async function newestOf(db: Database, group: string): Promise<number> {
  const query = db.select({ newest: max(runs.seq) }).from(runs).where(
    and(IS_BACKFILL, eq(runs.group, group)),
  );
  const newest = (await storing("read the backfills", query))[0]?.newest ?? null;
  if (newest === null) throw unknownCursor("backfills", group);
  return newest;
}

/** In the order of the groups. */
async function read(db: Database, groups: readonly string[]): Promise<Backfill[]> {
  if (groups.length === 0) return [];
  const tookMs =
    sql`case when ${runs.state} = 'succeeded' then ${runs.finishedAtMs} - ${runs.startedAtMs} end`;
  const [sums, firsts] = await storing(
    "read the backfills",
    db.batch([
      db.select({
        group: runs.group,
        state: runs.state,
        count: sql<number>`count(*)`,
        startMs: min(runs.windowStartMs),
        endMs: max(runs.windowEndMs),
        finishedMs: max(runs.finishedAtMs),
        extracted: sum(runs.rowsExtracted).mapWith(Number),
        loaded: sum(runs.rowsLoaded).mapWith(Number),
        tookMs: sql<number | null>`avg(${tookMs})`,
        first: min(runs.seq),
      }).from(runs).where(and(IS_BACKFILL, inArray(runs.group, [...groups]))).groupBy(runs.group, runs.state),
      db.select().from(runs).where(
        inArray(
          runs.seq,
          sql`(select min(${runs.seq}) from ${runs} where ${IS_BACKFILL}
            and ${inArray(runs.group, [...groups])} group by ${runs.group})`,
        ),
      ),
    ]),
  );
  const byGroup = Map.groupBy(sums, ({ group }) => group);
  const firstOf = new Map(firsts.map((row) => [row.group, row]));
  return groups.flatMap((group) => {
    const first = firstOf.get(group);
    return first === undefined ? [] : [backfillOf(group, byGroup.get(group) ?? [], listedRunOf(first))];
  });
}

interface StateSums {
  readonly state: RunState;
  readonly count: number;
  readonly startMs: number | null;
  readonly endMs: number | null;
  readonly finishedMs: number | null;
  readonly extracted: number;
  readonly loaded: number;
  readonly tookMs: number | null;
}

function backfillOf(
  group: string,
  sums: readonly StateSums[],
  first: ReturnType<typeof listedRunOf>,
): Backfill {
  const runs = { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
  for (const { state, count } of sums) runs[state] = count;
  const state = stateOf(runs);
  const waiting = runs.queued + runs.running;
  const tookMs = sums.find((known) => known.state === "succeeded")?.tookMs ?? null;
  const times = (of: (sum: StateSums) => number | null) => sums.map(of).filter((ms) => ms !== null);
  return {
    group,
    pipeline: first.pipeline,
    state,
    window_start: new Date(Math.min(...times(({ startMs, endMs }) => startMs ?? endMs))).toISOString(),
    window_end: new Date(Math.max(...times(({ endMs }) => endMs))).toISOString(),
    total: sums.reduce((total, { count }) => total + count, 0),
    runs,
    rows_extracted: sums.reduce((total, { extracted }) => total + extracted, 0),
    rows_loaded: sums.reduce((total, { loaded }) => total + loaded, 0),
    params: first.params,
    select: first.select,
    triggered_by: first.triggered_by,
    created_at: first.created_at,
    finished_at: state === "running"
      ? null
      : new Date(Math.max(...times(({ finishedMs }) => finishedMs))).toISOString(),
    remaining_ms: state !== "running"
      ? 0
      : tookMs === null
      ? null
      : Math.round(Math.max(tookMs, 0) * waiting),
  };
}

function stateOf({ queued, running, failed, cancelled }: RunCounts): BackfillState {
  if (queued + running > 0) return "running";
  return failed > 0 ? "failed" : cancelled > 0 ? "cancelled" : "succeeded";
}
