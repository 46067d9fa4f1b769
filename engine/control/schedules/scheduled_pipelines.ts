import { type ScheduleDefinition, scheduleKeys, schedulesOf } from "../../../contract/pipeline/schedule.ts";
import type { Scheduled } from "../../runs/schedules/firing_plan.ts";
import type { LastRun } from "../../runs/schedules/scheduler.ts";
import type { PipelineRecord, ScheduleMark } from "../../store/ports/definitions.ts";
import type { Store } from "../../store/store.ts";

/** What the scheduler asks of the store. A revision never changes: each is read once. */
export class ScheduledPipelines {
  readonly #store: Store;
  /** Of the revisions in force. */
  #schedules: ReadonlyMap<string, readonly ScheduleDefinition[]> = new Map();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Pipelines that are not paused and have a schedule. Forgets the marks of schedules that are no more. */
  async list(): Promise<Scheduled[]> {
    const { pipelines } = this.#store;
    const records = await pipelines.list();
    const marks = Map.groupBy(await pipelines.scheduleMarks(), ({ pipeline }) => pipeline);
    const known = new Map<string, readonly ScheduleDefinition[]>();
    const scheduled: Scheduled[] = [];
    const kept = new Set<ScheduleMark>();
    for (const record of records) {
      const schedules = await this.#schedulesOf(record);
      if (record.revision !== null) known.set(record.revision, schedules);
      const own = marks.get(record.name) ?? [];
      const keys = keysWithMarks(schedules);
      for (const mark of own) if (keys.has(mark.schedule)) kept.add(mark);
      if (record.paused || schedules.length === 0) continue;
      scheduled.push({ pipeline: record.name, schedules, marks: marksOf(record, own, keys) });
    }
    this.#schedules = known;
    const gone = [...marks.values()].flat().filter((mark) => !kept.has(mark));
    if (gone.length > 0) await pipelines.forgetScheduleMarks(gone);
    return scheduled;
  }

  /** The newest run of the pipeline; undefined where there was none. */
  async lastRun(pipeline: string): Promise<LastRun | undefined> {
    const [run] = await this.#store.runs.list({ pipeline, limit: 1 });
    if (run === undefined) return undefined;
    return {
      endedAtMs: run.finished_at === null ? null : Date.parse(run.finished_at),
      hasSucceeded: run.state === "succeeded",
      hasRead: run.rows_extracted > 0,
    };
  }

  async #schedulesOf({ revision }: PipelineRecord): Promise<readonly ScheduleDefinition[]> {
    if (revision === null) return [];
    const known = this.#schedules.get(revision);
    if (known !== undefined) return known;
    const found = await this.#store.revisions.head(revision);
    return found === undefined ? [] : schedulesOf(found.definition);
  }
}

/** The keys of the schedules that make up for what was missed. */
function keysWithMarks(schedules: readonly ScheduleDefinition[]): Set<string> {
  return new Set(scheduleKeys(schedules).filter((_, index) => schedules[index]?.catchup !== "none"));
}

/** A version without marks wrote one moment a pipeline: it counts until there is a mark. */
function marksOf(
  { lastFiredAtMs }: PipelineRecord,
  own: readonly ScheduleMark[],
  keys: ReadonlySet<string>,
): Map<string, number> {
  if (own.length === 0 && lastFiredAtMs !== null) {
    return new Map([...keys].map((key) => [key, lastFiredAtMs]));
  }
  return new Map(own.map(({ schedule, untilMs }) => [schedule, untilMs]));
}
