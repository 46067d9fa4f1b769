import { and, eq, inArray, lte, type SQL, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import type { Database } from "../database.ts";
import { dependencyMarks } from "../schema.ts";

/** See `DependencyStore.use`; only where `guard` holds. */
export function useMarks(
  db: Database,
  pipeline: string,
  { runs, untilMs }: { readonly runs: readonly string[]; readonly untilMs: number },
  guard?: SQL,
): [BatchItem<"sqlite">, BatchItem<"sqlite">] {
  const these = and(eq(dependencyMarks.pipeline, pipeline), inArray(dependencyMarks.run, [...runs]), guard);
  return [
    db.delete(dependencyMarks).where(and(these, lte(dependencyMarks.windowEndMs, untilMs))),
    db.update(dependencyMarks).set({ used: true, windowStartMs: untilMs })
      .where(and(these, sql`coalesce(${dependencyMarks.windowStartMs}, ${untilMs} - 1) < ${untilMs}`)),
  ];
}
