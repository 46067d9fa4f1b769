import { isContinuous, type ScheduleDefinition } from "../../../contract/pipeline/schedule.ts";
import type { Run } from "../../../contract/run.ts";
import { isTerminal } from "../../../contract/run_state.ts";
import type { PipelineRecord } from "../../store/ports/definitions.ts";
import type { Store } from "../../store/store.ts";
import { CronTimes } from "../schedules/cron_times.ts";
import { Firings } from "../schedules/firings.ts";

/** Of a pipeline's newest runs so many are looked at for one that is there for a firing. */
const LOOKED_AT = 20;

/** From when on a pipeline's firings are waited for, as this process has seen it. */
interface Watched {
  readonly revision: string;
  readonly sinceMs: number;
  /** Until when it was paused, as far as it was seen. */
  readonly pausedMs: number;
}

/**
 * Firings of schedules that no run was made for: the server was down or could not queue it. A pipeline that is paused has none,
 * nor has one whose schedule was not in force then; a firing that was left out since a run was going on is not missed.
 */
export class MissedRuns {
  readonly #store: Store;
  readonly #times = new CronTimes();
  readonly #watched = new Map<string, Watched>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The newest firing up to `untilMs` that has no run, epoch milliseconds; undefined where each has one. */
  async find(
    { name, revision, paused }: PipelineRecord,
    schedules: readonly ScheduleDefinition[],
    untilMs: number,
    nowMs: number,
  ): Promise<number | undefined> {
    const timed = schedules.filter((schedule) => !isContinuous(schedule));
    if (revision === null || timed.length === 0) {
      this.#watched.delete(name);
      return undefined;
    }
    const watched = this.#watch(name, revision, paused, nowMs);
    if (paused) return undefined;
    const runs = (await this.#store.runs.list({ pipeline: name, limit: LOOKED_AT }))
      .filter(({ window_given, trigger }) => !window_given && trigger !== "backfill");
    // The server may have been down since: what it fired before shows that the schedule was in force.
    const firedMs = runs.find((run) => run.trigger === "schedule" && run.revision === revision)?.triggered_by;
    const knownMs = Math.min(watched.sinceMs, Date.parse(firedMs ?? "") || Infinity);
    const sinceMs = Math.max(watched.pausedMs, knownMs);
    if (Number.isNaN(sinceMs) || sinceMs >= untilMs) return undefined;
    const lasts = timed.flatMap((schedule) =>
      new Firings(name, schedule, this.#times).last(sinceMs, untilMs) ?? []
    );
    if (lasts.length === 0) return undefined;
    const dueMs = Math.max(...lasts);
    return runs.some((run) => isFor(run, dueMs)) ? undefined : dueMs;
  }

  #watch(name: string, revision: string, paused: boolean, nowMs: number): Watched {
    const known = this.#watched.get(name);
    const watched = {
      revision,
      sinceMs: known?.revision === revision ? known.sinceMs : nowMs,
      pausedMs: paused ? nowMs : known?.pausedMs ?? -Infinity,
    };
    this.#watched.set(name, watched);
    return watched;
  }
}

/** Whether the run goes on, began after the moment, or went on then. */
function isFor({ state, created_at, finished_at, trigger, triggered_by }: Run, dueMs: number): boolean {
  if (!isTerminal(state)) return true;
  const firedMs = trigger === "schedule" && triggered_by !== null ? Date.parse(triggered_by) : NaN;
  return firedMs >= dueMs || Date.parse(created_at) >= dueMs ||
    finished_at !== null && Date.parse(finished_at) >= dueMs;
}
