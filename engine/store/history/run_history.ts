import { and, desc, eq, inArray, sql } from "drizzle-orm";
import type { StepTrend } from "../../../contract/runs/history.ts";
import { type Database, storing } from "../database.ts";
import type { RecentRun, RunCount, RunHistoryStore } from "../ports/history.ts";
import { durationOf, runOf } from "../rows.ts";
import { runs, stepRuns } from "../schema.ts";

export function createRunHistory(db: Database): RunHistoryStore {
  return {
    async counts(pipeline, spans) {
      const asked = JSON.stringify(spans.map(({ fromMs, untilMs }) => [fromMs, untilMs]));
      // In this order: one look a span into the index of a pipeline's days, which has the state as well.
      const query = db.all<RunCount>(sql`
        select asked.value ->> 0 as fromMs, r.state as state, count(*) as count
        from json_each(${asked}) as asked
          cross join runs as r on r.pipeline = ${pipeline}
            and r.created_at >= asked.value ->> 0 and r.created_at < asked.value ->> 1
        group by asked.key, r.state
      `);
      return await storing(`count the runs of "${pipeline}"`, query);
    },

    async recentOf(pipelines, limit) {
      // One look into the index a pipeline; of the rows no more than what is drawn.
      const newest = sql`(
        select r.seq from json_each(${JSON.stringify(pipelines)}) as asked cross join runs as r
        on r.seq in (select seq from runs where pipeline = asked.value order by seq desc limit ${limit})
      )`;
      const { id, pipeline, state, warnings, createdAtMs, startedAtMs, finishedAtMs } = runs;
      const query = db.select({ id, pipeline, state, warnings, createdAtMs, startedAtMs, finishedAtMs })
        .from(runs).where(sql`${runs.seq} in ${newest}`).orderBy(desc(runs.seq));
      const found = (await storing("read the newest runs", query)).map((row): RecentRun => ({
        id: row.id,
        pipeline: row.pipeline,
        state: row.state,
        warnings: row.warnings,
        created_at: new Date(row.createdAtMs).toISOString(),
        duration_ms: durationOf(row.startedAtMs, row.finishedAtMs),
      }));
      return Map.groupBy(found, (run) => run.pipeline);
    },

    async lastRuns(pipeline, limit) {
      const query = db.select().from(runs)
        // By the order of the pipeline's runs, which an index of its states does not have.
        .where(and(eq(runs.pipeline, pipeline), sql`+${runs.state} not in ('queued', 'running')`))
        .orderBy(desc(runs.seq)).limit(limit);
      const rows = (await storing(`read the last runs of "${pipeline}"`, query)).map(runOf);
      return rows.reverse().map(({ id, state, created_at, duration_ms, rows_extracted, rows_loaded }) => ({
        id,
        state,
        created_at,
        duration_ms,
        rows_extracted,
        rows_loaded,
      }));
    },

    async steps(ids) {
      const place = new Map(ids.map((id, index) => [id, index]));
      const { run, name, kind, state, attempt, durationMs, rows } = stepRuns;
      const found = await storing(
        "read the steps of the last runs",
        db.select({ run, name, kind, state, attempt, durationMs, rows }).from(stepRuns)
          .where(inArray(stepRuns.run, [...ids])),
      );
      // Of each step of a run the row of its last attempt.
      const newest = new Map<string, (typeof found)[number]>();
      for (const row of found) {
        const key = `${row.run} ${row.name}`;
        if ((newest.get(key)?.attempt ?? -1) <= row.attempt) newest.set(key, row);
      }
      const trends = [...Map.groupBy(newest.values(), (row) => row.name)].map(([name, rows]): StepTrend => ({
        name,
        kind: rows[0]?.kind ?? "extract",
        runs: rows.toSorted((a, b) => (place.get(a.run) ?? 0) - (place.get(b.run) ?? 0))
          .map(({ run, state, durationMs, rows }) => ({ run, state, duration_ms: durationMs, rows })),
      }));
      return trends.toSorted((a, b) => totalMs(b) - totalMs(a) || (a.name < b.name ? -1 : 1));
    },
  };
}

function totalMs({ runs }: StepTrend): number {
  return runs.reduce((sum, { duration_ms }) => sum + (duration_ms ?? 0), 0);
}
