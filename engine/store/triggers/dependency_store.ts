import { asc, eq, sql } from "drizzle-orm";
import { type Database, storing } from "../database.ts";
import { dependencyMarks, outboxCursors } from "../schema.ts";
import { pipelinesWith } from "./pipelines_with.ts";
import { useMarks } from "./used_marks.ts";
import type { Dependant, DependencyStore } from "./dependencies.ts";

export function createDependencyStore(db: Database): DependencyStore {
  return {
    async list() {
      return (await pipelinesWith(db, "after")).map(({ value, ...row }): Dependant => (
        { ...row, after: JSON.parse(value) }
      ));
    },

    async note(reader, uptoSeq, successes) {
      const behind = sql`(select seq from ${outboxCursors} where name = ${reader})`;
      await storing(
        "note the successes that others run after",
        db.batch([
          db.run(sql`
            insert into dependency_marks (pipeline, upstream, run, window_start, window_end, window_given)
            select value ->> 'pipeline', value ->> 'upstream', value ->> 'run', value ->> 'startMs',
              value ->> 'endMs', value ->> 'isGiven'
            from json_each(${JSON.stringify(successes)}) where value ->> 'seq' > ${behind}
            on conflict do nothing
          `),
          db.run(sql`update outbox_cursors set seq = ${uptoSeq} where name = ${reader} and seq < ${uptoSeq}`),
        ]),
      );
    },

    async waiting() {
      const query = db.selectDistinct({ pipeline: dependencyMarks.pipeline }).from(dependencyMarks)
        .where(eq(dependencyMarks.used, false)).orderBy(asc(dependencyMarks.pipeline));
      return (await storing("read what waits for others", query)).map(({ pipeline }) => pipeline);
    },

    async of(pipeline) {
      const query = db.select().from(dependencyMarks).where(eq(dependencyMarks.pipeline, pipeline))
        .orderBy(asc(dependencyMarks.run));
      return (await storing(`read what "${pipeline}" waits for`, query)).map((row) => ({
        pipeline: row.pipeline,
        upstream: row.upstream,
        run: row.run,
        startMs: row.windowStartMs,
        endMs: row.windowEndMs,
        isGiven: row.windowGiven,
        isUsed: row.used,
      }));
    },

    async use(pipeline, runs, untilMs) {
      await storing(
        `write what "${pipeline}" has run after`,
        db.batch(useMarks(db, pipeline, { runs, untilMs })),
      );
    },

    async forget(pipeline) {
      await storing(
        `forget what "${pipeline}" waits for`,
        db.delete(dependencyMarks).where(eq(dependencyMarks.pipeline, pipeline)),
      );
    },
  };
}
