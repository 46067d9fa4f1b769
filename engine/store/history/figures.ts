import { eq, inArray, sql } from "drizzle-orm";
import type { StepKind, StepState } from "../../../contract/run.ts";
import { type Database, storing } from "../database.ts";
import { runOf, stepOf } from "../rows.ts";
import { runs, stepRuns } from "../schema.ts";
import type { AttemptSteps, FigureStore } from "../ports/figures.ts";

interface StepsRow {
  readonly pipeline: string;
  readonly kind: StepKind;
  readonly state: StepState;
  readonly count: number;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly duration_ms: number | null;
}

export function createFigures(db: Database): FigureStore {
  return {
    async begin() {
      // One look each into the index of a pipeline's states, and what has not ended: never the history.
      const newest = (state: string) =>
        sql`(select max(seq) from runs where pipeline = p.name and state = ${state})`;
      const succeeded = sql`(select ${newest("succeeded")} from pipelines as p)`;
      const ended = sql`(select max(
        coalesce(${newest("succeeded")}, 0), coalesce(${newest("failed")}, 0),
        coalesce(${newest("cancelled")}, 0)
      ) from pipelines as p)`;
      const [[last], active, successes, ends] = await storing(
        "read the figures of runs",
        db.batch([
          db.select({ seq: sql<number>`coalesce((select max(seq) from outbox), 0)` }).from(sql`(select 1)`),
          db.select().from(runs).where(inArray(runs.state, ["queued", "running"])),
          db.select().from(runs).where(sql`${runs.seq} in ${succeeded}`),
          db.select().from(runs).where(sql`${runs.seq} in ${ended}`),
        ]),
      );
      return {
        seq: last?.seq ?? 0,
        active: active.map(runOf),
        lastSucceeded: successes.map(runOf),
        lastEnded: ends.map(runOf),
      };
    },

    async stepsOf(attempts) {
      const which = JSON.stringify(attempts.map(({ run, attempt }) => [run, attempt]));
      // In this order of tables: the attempts that are asked for, and then their steps.
      const query = db.all<StepsRow>(sql`
        select r.pipeline as pipeline, s.kind as kind, s.state as state, count(*) as count,
          sum(s.rows) as rows, sum(s.size_bytes) as bytes, sum(s.duration_ms) as duration_ms
        from json_each(${which}) as asked
          cross join step_runs as s on s.run = asked.value ->> 0 and s.attempt = asked.value ->> 1
          cross join runs as r on r.id = s.run
        group by r.pipeline, s.kind, s.state
      `);
      return (await storing("read the steps of ended attempts", query)).map((row): AttemptSteps => ({
        pipeline: row.pipeline,
        kind: row.kind,
        state: row.state,
        count: row.count,
        rows: row.rows ?? 0,
        bytes: row.bytes ?? 0,
        durationMs: row.duration_ms ?? 0,
      }));
    },

    async allSteps(run) {
      const query = db.select().from(stepRuns).where(eq(stepRuns.run, run)).orderBy(stepRuns.seq);
      return (await storing(`read the steps of run ${run}`, query)).map(stepOf);
    },
  };
}
