import type { Clock } from "../../contract/clock.ts";
import { AppError } from "../../contract/errors.ts";
import { boundedLimit } from "../../contract/lists/page.ts";
import type { LogLine, Run, RunDetail, RunEvent, Step } from "../../contract/run.ts";
import { wantsAll } from "../../contract/runs/log_search.ts";
import type { Held } from "../runs/admission/admission.ts";
import type { OutboxRelay } from "../runs/outbox_relay.ts";
import type { RunEvents } from "../runs/run_events.ts";
import type { Store } from "../store/store.ts";
import type { LogRange, RunFilter } from "./engine.ts";
import { logFilterOf, momentOf } from "./history/log_conditions.ts";
import { followRun } from "./follow_run.ts";
import { wholeRunId } from "./run_id.ts";
import type { RunRequests } from "./run_requests.ts";

const DEFAULT_RUNS = 50;
const DEFAULT_LINES = 1_000;
const MAX_LINES = 10_000;

export interface RunQueriesContext {
  readonly store: Store;
  readonly clock: Pick<Clock, "now">;
  readonly relay: OutboxRelay;
  readonly events: RunEvents;
  readonly requests: Pick<RunRequests, "canRetry">;
  /** Why no run begins on this server. */
  readonly held: () => Held | undefined;
}

/** What can be asked of runs, each by its id or a part of it. */
export class RunQueries {
  readonly #context: RunQueriesContext;

  constructor(context: RunQueriesContext) {
    this.#context = context;
  }

  /** Newest first. Throws invalid for a time that is none. */
  async list(filter: RunFilter): Promise<Run[]> {
    const { store, clock } = this.#context;
    const { since, until, ...rest } = filter;
    const runs = await store.runs.list({
      ...rest,
      ...(since ? { sinceMs: momentOf(since, "since", clock.now()) } : {}),
      ...(until ? { untilMs: momentOf(until, "until", clock.now()) } : {}),
      limit: boundedLimit(filter.limit ?? DEFAULT_RUNS),
    });
    return runs.map((run) => this.withReason(run));
  }

  /** Throws not_found, also for an attempt that there was not, and conflict where several runs are meant. */
  async get(idOrPart: string, attempt?: number): Promise<RunDetail> {
    const { store, requests } = this.#context;
    const run = await store.runs.get(await this.wholeId(idOrPart), attempt);
    if (run === undefined) throw new AppError("not_found", `There is no run "${idOrPart}"`);
    if (attempt !== undefined && !run.attempts.some((known) => known.attempt === attempt)) {
      throw new AppError(
        "not_found",
        `Run ${idOrPart} has no attempt ${attempt}: it has had ${run.attempts.length}`,
      );
    }
    const steps = attempt === undefined ? this.#withProgress(run) : run.steps;
    return { ...this.withReason(run), steps, can_retry: await requests.canRetry(run) };
  }

  /** Throws as `get` does. */
  async logs(idOrPart: string, { afterSeq = 0, limit, ...conditions }: LogRange): Promise<LogLine[]> {
    const { store, clock } = this.#context;
    const { id: run } = await this.get(idOrPart);
    const filter = logFilterOf(conditions, clock.now());
    const range = { afterSeq, limit: boundedLimit(limit ?? DEFAULT_LINES, MAX_LINES) };
    if (wantsAll(filter)) return await store.logs.read(run, range);
    const { lines } = await store.logs.search({ filter, run, ...range });
    return lines.map(({ run: _, pipeline: __, ...line }) => line);
  }

  /** See `followRun`. Throws as `get` does. */
  async *watch(idOrPart: string, afterSeq: number, signal: AbortSignal): AsyncIterable<RunEvent> {
    const { store, relay, events } = this.#context;
    const id = await this.wholeId(idOrPart);
    const getRun = () => this.get(id);
    yield* followRun(id, afterSeq, { store, relay, events, getRun, linesAtOnce: MAX_LINES, signal });
  }

  /** With why it waits, where that is for the whole server: written down it would outlive its end. */
  withReason<R extends Run>(run: R): R {
    if (run.state !== "queued" || run.not_before !== null) return run;
    const held = this.#context.held();
    return held === undefined ? run : { ...run, reason: `waits: ${held.message}` };
  }

  #withProgress({ id, steps }: RunDetail): Step[] {
    const known = this.#context.events.progressOf(id);
    return steps.map((step) => {
      const progress = step.state === "running" ? known.get(step.name) : undefined;
      return progress === undefined ? step : { ...step, progress };
    });
  }

  /** The run's whole id; where no run is like it the text itself. Throws conflict where several are. */
  async wholeId(idOrPart: string): Promise<string> {
    return await wholeRunId(this.#context.store.runs, idOrPart);
  }
}
