import { and, desc, eq, gte, inArray, lt, sql } from "drizzle-orm";
import type { StepTrend } from "../../../contract/runs/history.ts";
import { type Database, storing } from "../database.ts";
import type { RunHistoryStore } from "../ports/history.ts";
import { runOf } from "../rows.ts";
import { runs, stepRuns } from "../schema.ts";

/** All zones have been whole quarters of an hour apart since 1972. */
const QUARTER_MS = 900_000;

export function createRunHistory(db: Database): RunHistoryStore {
  return {
    async counts(pipeline, fromMs, untilMs) {
      const quarter = sql<number>`${runs.createdAtMs} / ${sql.raw(String(QUARTER_MS))}`;
      // By the index of the days alone.
      const query = db.select({ quarter, state: runs.state, count: sql<number>`count(*)` }).from(runs)
        .where(and(
          eq(runs.pipeline, pipeline),
          gte(runs.createdAtMs, fromMs),
          lt(runs.createdAtMs, untilMs),
        ))
        .groupBy(quarter, runs.state);
      return (await storing(`count the runs of "${pipeline}"`, query))
        .map((row) => ({ fromMs: row.quarter * QUARTER_MS, state: row.state, count: row.count }));
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
