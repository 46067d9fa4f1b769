import { AppError } from "../../contract/errors.ts";
import type { Engine } from "../../engine/control/engine.ts";

const RUNS_AT_ONCE = 500;

export interface QueuedFilter {
  readonly pipeline?: string;
  readonly group?: string;
}

/** Cancels every queued run that fits; one that has begun meanwhile goes on. Returns how many were cancelled. */
export async function cancelQueued(engine: Engine, filter: QueuedFilter, by: string): Promise<number> {
  let cancelled = 0;
  for (;;) {
    const runs = await engine.listRuns({ ...filter, state: "queued", limit: RUNS_AT_ONCE });
    const before = cancelled;
    for (const { id } of runs) {
      try {
        await engine.cancelRun(id, by);
        cancelled += 1;
      } catch (error) {
        if (!(error instanceof AppError && error.code === "conflict")) throw error;
      }
    }
    if (runs.length < RUNS_AT_ONCE || cancelled === before) return cancelled;
  }
}
