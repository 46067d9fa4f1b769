import type { Clock } from "../../contract/clock.ts";
import { AppError, toAppError } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import { RETRY_WITHIN_DAYS, type Run, type RunDetail } from "../../contract/run.ts";
import { isTerminal } from "../../contract/run_state.ts";
import type { RunQueue } from "../runs/run_queue.ts";
import type { Firing } from "../runs/schedules/firing_plan.ts";
import type { PipelineRecord, RevisionHead } from "../store/ports/definitions.ts";
import type { Store } from "../store/store.ts";
import type { RerunRequest } from "./engine.ts";
import { ScheduleFirings } from "./requests/fire_schedules.ts";
import { rerunRequest } from "./requests/rerun.ts";
import type { LimitsContext } from "./requests/run_limits.ts";
import { runMaker, runnableRevision, type RunRequest } from "./requests/run_maker.ts";

const DAY_MS = 86_400_000;
/** Runs of a pipeline that a newer one cancels at a time. */
const MOST_BEFORE = 500;

export interface RunRequestsContext extends LimitsContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly queue: Pick<RunQueue, "cancel" | "cancelOrphan">;
  /** Throws not_found. */
  readonly pipeline: (name: string) => Promise<PipelineRecord>;
  /** A run was queued or changed: whoever works or watches should look. */
  readonly onChange: () => void;
}

/** What people, schedules and programs ask of runs: to start, to stop, to try again. */
export class RunRequests {
  readonly #context: RunRequestsContext;
  readonly #firings: ScheduleFirings;

  constructor(context: RunRequestsContext) {
    this.#context = context;
    this.#firings = new ScheduleFirings({ ...context, cancelBefore: (run) => this.#cancelBefore(run) });
  }

  /**
   * Throws not_found, invalid for what does not fit, or conflict for an idempotency key used otherwise. A window
   * that is not asked for ends now, or at `windowEndMs`.
   */
  async trigger(
    pipeline: string,
    request: RunRequest,
    windowEndMs: number = this.#context.clock.now(),
  ): Promise<Run> {
    const revision = await runnableRevision(this.#context.store, await this.#context.pipeline(pipeline));
    return await this.#enqueue(pipeline, revision, request, windowEndMs);
  }

  /**
   * The runs of schedules' firings, each as its pipeline's `overlap` lets it; none where the pipeline is paused, or
   * that leaves it out since a run is going on or waits. Runs of a backfill do not count: they would for as long as it
   * lasts. With `cancel_previous` the runs before it are cancelled once it is queued; those for a window that was asked
   * for are not. Firings that are made up for are queued whatever it says. Returns what kept firings from being queued,
   * errors as `trigger` throws them: one that fails holds up no other.
   */
  async fire(firings: readonly Firing[]): Promise<ReadonlyMap<Firing, AppError>> {
    return await this.#firings.fire(firings);
  }

  /** What ends by itself meanwhile has ended. */
  async #cancelBefore({ id, pipeline }: Run): Promise<void> {
    const { store, log } = this.#context;
    for (const state of ["queued", "running"] as const) {
      for (const run of await store.runs.list({ pipeline, state, before: id, limit: MOST_BEFORE })) {
        if (run.window_given) continue;
        try {
          await this.cancel(run.id, `run ${id}`);
        } catch (error) {
          if (!(error instanceof AppError && error.code === "conflict")) throw error;
          log("debug", "a run ended before the next one could cancel it", { run: run.id });
        }
      }
    }
  }

  async cancel(id: string, by: string): Promise<Run> {
    const { store, clock, queue, onChange } = this.#context;
    for (;;) {
      const cancelled = await store.runs.cancelQueued(id, clock.now(), "cancelled", by);
      if (cancelled !== undefined) {
        onChange();
        return cancelled;
      }
      const run = await this.#run(id);
      if (isTerminal(run.state)) throw new AppError("conflict", `Run ${id} has ended: it is ${run.state}`);
      if (run.state === "running" && await queue.cancel(id, by)) {
        await this.#noteCancel(id, by);
        return run;
      }
      // Either its server died, or another one has it, or it went on meanwhile: from running to queued
      // for its next attempt, or the other way.
      const ended = run.state === "running" ? await queue.cancelOrphan(id, by) : undefined;
      if (ended !== undefined) return ended;
      if (await store.runs.askCancel(id, by)) return run;
    }
  }

  /** The run stops by itself: it is for the next server, where this one dies before that is written. */
  async #noteCancel(id: string, by: string): Promise<void> {
    const { store, log } = this.#context;
    try {
      await store.runs.askCancel(id, by);
    } catch (error) {
      log("warn", "a run is cancelled, but would go on if the server died now", {
        run: id,
        error: toAppError(error).message,
      });
    }
  }

  async retry(id: string): Promise<Run> {
    const { store, clock, onChange } = this.#context;
    const run = await this.#run(id);
    const refusal = await this.#retryRefusal(run);
    if (refusal !== undefined) throw refusal;
    const retried = await store.runs.retry(id, clock.now());
    if (retried === undefined) {
      throw new AppError(
        "conflict",
        `Run ${id} is ${run.state}: only a failed or cancelled run can be retried`,
      );
    }
    onChange();
    return retried;
  }

  /** See `Engine.rerunRun`. */
  async rerun(id: string, request: RerunRequest): Promise<Run> {
    const { store } = this.#context;
    const run = await this.#run(id);
    if (!isTerminal(run.state)) {
      throw new AppError(
        "conflict",
        `Run ${id} is ${run.state}: cancel it or wait for its end, then rerun it`,
      );
    }
    const record = await this.#context.pipeline(run.pipeline);
    const { id: revision } = await runnableRevision(store, record);
    const found = await store.revisions.get(revision);
    if (found === undefined) throw new AppError("internal", `The revision ${revision} is gone`);
    const whole = { definition: found.revision.definition, steps: found.steps };
    return await this.trigger(run.pipeline, rerunRequest(run, request, whole));
  }

  /** Whether a retry of the run would be taken now. */
  async canRetry(run: Run): Promise<boolean> {
    if (run.state !== "failed" && run.state !== "cancelled") return false;
    return await this.#retryRefusal(run) === undefined;
  }

  /** A run that was asked for a window does for that again what the tables of others need, so it may be older. */
  async #retryRefusal(run: Run): Promise<AppError | undefined> {
    const { store, clock } = this.#context;
    const { id, pipeline, created_at } = run;
    const isOfWindow = run.window_given && !run.full_refresh;
    const later = isOfWindow ? undefined : await store.runs.laterThan(id);
    if (later !== undefined) {
      return new AppError(
        "conflict",
        `Run ${id} is not the newest of "${pipeline}" (that is ${later}): its tables have moved on, start a new run`,
      );
    }
    if (clock.now() - Date.parse(created_at) <= RETRY_WITHIN_DAYS * DAY_MS) return undefined;
    return new AppError(
      "conflict",
      `Run ${id} is older than ${RETRY_WITHIN_DAYS} days: what it did is soon forgotten, start a new run`,
      { reason: "run_too_old" },
    );
  }

  async #run(id: string): Promise<Run> {
    const detail: RunDetail | undefined = await this.#context.store.runs.get(id);
    if (detail === undefined) throw new AppError("not_found", `There is no run "${id}"`);
    const { steps: _steps, attempts: _attempts, ...run } = detail;
    return run;
  }

  async #enqueue(
    pipeline: string,
    revision: RevisionHead,
    request: RunRequest,
    windowEndMs: number,
  ): Promise<Run> {
    const { store, onChange } = this.#context;
    const make = runMaker(this.#context, pipeline, revision, windowEndMs);
    const { run } = await store.runs.create(await make(request));
    onChange();
    return run;
  }
}
