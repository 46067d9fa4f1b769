import { sql } from "drizzle-orm";
import { type Database, storing } from "../database.ts";

/** A pipeline in force whose definition says what starts it. */
export interface Triggered {
  readonly pipeline: string;
  /** What its definition has under the key, as JSON. */
  readonly value: string;
  /** As its definition says. */
  readonly overlap: string;
  readonly paused: boolean;
}

/**
 * The pipelines in force that have the key, by name: by the key's own index, since it is asked at each change of a run,
 * or every few seconds, and they are few.
 */
export async function pipelinesWith(db: Database, key: "after" | "sensors"): Promise<Triggered[]> {
  const value = sql.raw(`rev.definition -> '$.${key}'`);
  const found = await storing(
    `read the pipelines that have ${key}`,
    db.all<{ pipeline: string; value: string; overlap: string; paused: number }>(sql`
      select p.name as pipeline, ${value} as value, rev.definition ->> '$.overlap' as overlap,
        coalesce(s.paused, 0) as paused
      from revisions as rev indexed by ${sql.raw(`revisions_${key}`)}
      cross join pipelines as p on p.name = rev.pipeline and p.revision = rev.id
      left join schedules as s on s.pipeline = p.name
      where p.removed = 0 and ${value} is not null
      order by p.name
    `),
  );
  return found.map(({ paused, ...row }) => ({ ...row, paused: paused === 1 }));
}
