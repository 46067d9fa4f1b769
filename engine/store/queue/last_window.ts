import { type SQL, sql } from "drizzle-orm";

/**
 * Where the windows that nobody asked for have got to. The words of its condition are those of the
 * index `runs_window`: a bound value would keep it from being used.
 */
export function lastWindowEnd(pipeline: SQL): SQL<number | null> {
  return sql`(
    select max(w.window_end) from runs as w
    where w.pipeline = ${pipeline} and w.state = 'succeeded' and w.window_given = 0 and w.selection is null
  )`;
}
