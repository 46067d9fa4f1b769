import { and, desc, eq, inArray, isNotNull, sql } from "drizzle-orm";
import { type Database, storing } from "./database.ts";
import { stepOf } from "./rows.ts";
import { runs, stepRuns } from "./schema.ts";
import type { LastRead } from "./ports/runs.ts";

/** A stream that no newer run has read is looked for no further: a look costs as much as these have steps. */
const NEWEST_RUNS = 20;

/** Of each of the steps the last that has begun, in one of the pipeline's newest runs. */
export async function readLastReads(
  db: Database,
  pipeline: string,
  steps: readonly string[],
): Promise<LastRead[]> {
  if (steps.length === 0) return [];
  const newest = db.select({ id: runs.id }).from(runs).where(eq(runs.pipeline, pipeline))
    .orderBy(desc(runs.seq)).limit(NEWEST_RUNS);
  const last = db.select({ seq: sql<number>`max(${stepRuns.seq})` }).from(stepRuns).where(and(
    inArray(stepRuns.run, newest),
    sql`${stepRuns.kind} = 'extract'`,
    isNotNull(stepRuns.startedAtMs),
  )).groupBy(stepRuns.name);
  const query = db.select().from(stepRuns).where(inArray(stepRuns.seq, last));
  const found = await storing(`read the last reads of "${pipeline}"`, query);
  const asked = new Set(steps);
  return found.map((row) => ({ run: row.run, step: stepOf(row) })).filter(({ step }) => asked.has(step.name));
}
