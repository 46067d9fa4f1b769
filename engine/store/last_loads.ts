import { eq, sql } from "drizzle-orm";
import { type Database, storing } from "./database.ts";
import { runOf, stepOf } from "./rows.ts";
import { runs, stepRuns } from "./schema.ts";
import type { LastLoad } from "./ports/runs.ts";

/** Of each of the steps its last success in a run of the pipeline; none of those that have had none. */
export async function readLastLoads(
  db: Database,
  pipeline: string,
  steps: readonly string[],
): Promise<LastLoad[]> {
  if (steps.length === 0) return [];
  // One look into the index a step: its words are those of the index step_runs_loads.
  const newest = sql`(
    select (
      select s.seq from step_runs as s join runs as r on r.id = s.run
      where s.name = asked.value and s.kind = 'load' and s.state = 'succeeded' and r.pipeline = ${pipeline}
      order by s.seq desc limit 1
    ) from json_each(${JSON.stringify(steps)}) as asked
  )`;
  const query = db.select().from(stepRuns).innerJoin(runs, eq(runs.id, stepRuns.run))
    .where(sql`${stepRuns.seq} in ${newest}`);
  const found = await storing(`read the last loads of "${pipeline}"`, query);
  return found.map((row) => ({ run: runOf(row.runs), step: stepOf(row.step_runs) }));
}
