import { CONTINUOUS } from "../../contract/pipeline/pipeline.ts";
import type { Run } from "../../contract/run.ts";
import type { LastRun, Scheduled } from "../runs/scheduler.ts";
import type { Store } from "../store/store.ts";

/** Pipelines that are not paused and have a schedule; with their last runs where one of them is continuous. */
export async function listScheduled(store: Store): Promise<Scheduled[]> {
  const scheduled: Scheduled[] = [];
  for (const record of await store.pipelines.list()) {
    if (record.paused || record.revision === null) continue;
    const schedule = (await store.revisions.head(record.revision))?.definition.schedule;
    if (schedule === undefined) continue;
    scheduled.push({ pipeline: record.name, schedule, lastFiredAtMs: record.lastFiredAtMs });
  }
  if (!scheduled.some(isContinuous)) return scheduled;
  const runs = await store.runs.latest();
  return scheduled.map((entry) => ({ ...entry, lastRun: lastRunOf(runs.get(entry.pipeline)) }));
}

export const isContinuous = ({ schedule }: Scheduled): boolean => schedule.cron === CONTINUOUS;

function lastRunOf(run: Run | undefined): LastRun | undefined {
  if (run === undefined) return undefined;
  return {
    endedAtMs: run.finished_at === null ? null : Date.parse(run.finished_at),
    hasSucceeded: run.state === "succeeded",
    hasRead: run.rows_extracted > 0,
  };
}
