import { ulid } from "ulid";
import { type Backfill, type BackfillDetail, MAX_WINDOWS } from "../../../contract/backfills/backfill.ts";
import { AppError } from "../../../contract/errors.ts";
import { boundedLimit } from "../../../contract/lists/page.ts";
import type { RunRequests, RunRequestsContext } from "../run_requests.ts";
import { runMaker, runnableRevision } from "../requests/run_maker.ts";
import { hasRange } from "../requests/run_window.ts";
import type { BackfillFilter, BackfillRequest, Backfills } from "./port.ts";
import { boundText, splitSpan } from "./windows.ts";

/** Runs of new data go first. */
const PRIORITY = -10;
const DEFAULT_LIMIT = 50;

export interface BackfillContext extends RunRequestsContext {
  readonly requests: Pick<RunRequests, "cancel" | "retry">;
}

/** Runs of a pipeline for windows side by side: one after the other, since a pipeline has one run at a time. */
export class BackfillRuns implements Backfills {
  readonly #context: BackfillContext;

  constructor(context: BackfillContext) {
    this.#context = context;
  }

  async start(pipeline: string, request: BackfillRequest): Promise<BackfillDetail> {
    const { store, clock, onChange } = this.#context;
    const spans = splitSpan(request.from, request.to, request.every);
    const record = await this.#context.pipeline(pipeline);
    const revision = await runnableRevision(store, record);
    const group = request.group ?? `backfill-${ulid(clock.now())}`;
    const known = await store.backfills.get(group);
    if (known !== undefined && known.pipeline !== pipeline) {
      throw new AppError(
        "conflict",
        `The group "${group}" is a backfill of "${known.pipeline}": take another`,
      );
    }
    const readsAgain = request.windowOnly !== true && hasRange(revision.definition);
    const make = runMaker(this.#context, pipeline, revision, clock.now());
    const runs = [];
    for (const { startMs, endMs } of spans) {
      const start = new Date(startMs).toISOString();
      runs.push(
        await make({
          trigger: "backfill",
          ...(request.triggeredBy === undefined ? {} : { triggeredBy: request.triggeredBy }),
          ...(request.params === undefined ? {} : { params: request.params }),
          ...(request.select === undefined ? {} : { select: request.select }),
          window: { start, end: new Date(endMs).toISOString() },
          ...(readsAgain ? { range: { from: boundText(startMs), to: boundText(endMs) } } : {}),
          group,
          priority: request.priority ?? PRIORITY,
          ...(request.tags === undefined ? {} : { tags: request.tags }),
          ...(request.note === undefined ? {} : { note: request.note }),
          idempotencyKey: `backfill ${group} ${start}`,
        }),
      );
    }
    await store.runs.createAll(runs);
    onChange();
    return await this.get(group);
  }

  async list({ limit = DEFAULT_LIMIT, ...filter }: BackfillFilter): Promise<Backfill[]> {
    return await this.#context.store.backfills.list({ ...filter, limit: boundedLimit(limit) });
  }

  async get(group: string): Promise<BackfillDetail> {
    const { store } = this.#context;
    const backfill = await store.backfills.get(group);
    if (backfill === undefined) throw new AppError("not_found", `There is no backfill "${group}"`);
    return { ...backfill, windows: await store.backfills.windows(group) };
  }

  async retry(group: string): Promise<BackfillDetail> {
    const { windows } = await this.get(group);
    const ended = windows.filter(({ state }) => state === "failed" || state === "cancelled");
    let refusal = new AppError("conflict", `No run of the backfill "${group}" has failed or was cancelled`);
    let retried = 0;
    for (const { run } of ended) {
      try {
        await this.#context.requests.retry(run);
        retried += 1;
      } catch (error) {
        if (!(error instanceof AppError && error.code === "conflict")) throw error;
        refusal = error;
      }
    }
    if (retried === 0) throw refusal;
    return await this.get(group);
  }

  async cancel(group: string, by: string): Promise<BackfillDetail> {
    await this.get(group);
    for (const state of ["queued", "running"] as const) {
      await this.#cancelAll(group, state, by);
    }
    return await this.get(group);
  }

  /** What has ended meanwhile is left. */
  async #cancelAll(group: string, state: "queued" | "running", by: string): Promise<void> {
    const { store, requests } = this.#context;
    for (const run of await store.runs.list({ group, state, limit: MAX_WINDOWS })) {
      if (run.trigger !== "backfill") continue;
      try {
        await requests.cancel(run.id, by);
      } catch (error) {
        if (!(error instanceof AppError && error.code === "conflict")) throw error;
      }
    }
  }
}
