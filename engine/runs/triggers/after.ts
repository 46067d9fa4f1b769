import type { Clock } from "../../../contract/clock.ts";
import { toAppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import { dependenciesOf } from "../../../contract/triggers/after.ts";
import type { OutboxEvent } from "../../store/ports/messages.ts";
import type { NewRun } from "../../store/ports/runs.ts";
import type { Store } from "../../store/store.ts";
import type { Dependant } from "../../store/triggers/dependencies.ts";
import { OutboxConsumer } from "../outbox_consumer.ts";
import type { Service } from "../service.ts";
import { type FollowingRun, followingRuns } from "./following_runs.ts";

/** Under it the outbox knows how far it is. */
const READER = "after";

export interface AfterContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Queues the run; the same one for a key that it has had. Throws as a request for a run does. */
  readonly start: (pipeline: string, run: RunAfter) => Promise<void>;
}

export interface RunAfter {
  /** The pipelines. */
  readonly triggeredBy: string;
  /** The newest of their runs. */
  readonly parent: string;
  readonly idempotencyKey: string;
  /** ISO 8601; from where the last window ended where there is none. */
  readonly window?: { readonly start: string | null; readonly end: string };
  /** Where that ends, epoch milliseconds. */
  readonly windowEndMs: number;
  /** The successes that it is for: they are used in the transaction that queues it. */
  readonly follows: NonNullable<NewRun["follows"]>;
}

/**
 * Starts the pipelines that run after others. Each success is noted once for each pipeline that runs after it, with
 * how far the outbox was read, and is used with the run that it starts, in one transaction: whatever dies in between, that
 * run is started once, and no other one is for its interval.
 */
export class AfterTriggers implements Service {
  readonly #context: AfterContext;
  readonly #consumer: OutboxConsumer;
  /** Whether what an earlier start left was looked at. */
  #hasLooked = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(context: AfterContext) {
    this.#context = context;
    const { store, clock, log } = context;
    this.#consumer = new OutboxConsumer({
      name: READER,
      outbox: store.outbox,
      clock,
      log,
      onEvents: (events) => this.#onEvents(events),
    });
  }

  start(): void {
    this.#looking = this.#lookAtAll().catch((error) =>
      this.#context.log("warn", "what runs after others could not be read; trying again", {
        error: toAppError(error).message,
      })
    );
    this.#consumer.start();
  }

  wake(): void {
    this.#consumer.wake();
  }

  async stop(): Promise<void> {
    await this.#looking;
    await this.#consumer.stop();
  }

  async #lookAtAll(): Promise<void> {
    const { store } = this.#context;
    const dependants = await store.dependencies.list();
    for (const name of await store.dependencies.waiting()) await this.#lookAt(name, dependants);
    this.#hasLooked = true;
  }

  async #onEvents(events: readonly OutboxEvent[]): Promise<void> {
    await this.#looking;
    if (!this.#hasLooked) await this.#lookAtAll();
    const { store } = this.#context;
    const dependants = await store.dependencies.list();
    const successes = events.flatMap(({ seq, run }) => {
      // A run of some steps has not made what others wait for.
      if (run.state !== "succeeded" || run.select !== null) return [];
      return dependants
        .filter(({ after, paused }) => !paused && dependenciesOf(after).pipelines.includes(run.pipeline))
        .map(({ pipeline }) => ({
          seq,
          pipeline,
          upstream: run.pipeline,
          run: run.id,
          startMs: run.window_start === null ? null : Date.parse(run.window_start),
          endMs: Date.parse(run.window_end),
          isGiven: run.window_given,
        }));
    });
    const uptoSeq = events.at(-1)?.seq ?? 0;
    if (successes.length > 0) await store.dependencies.note(READER, uptoSeq, successes);
    // One that has left the queue makes room for the next.
    const touched = new Set([...successes, ...events.map(({ run }) => run)].map(({ pipeline }) => pipeline));
    for (const name of await store.dependencies.waiting()) {
      if (touched.has(name)) await this.#lookAt(name, dependants);
    }
  }

  /** Starts what the pipeline has all for. */
  async #lookAt(name: string, dependants: readonly Dependant[]): Promise<void> {
    const { store, log } = this.#context;
    const found = dependants.find(({ pipeline }) => pipeline === name);
    if (found === undefined || found.paused) return await store.dependencies.forget(name);
    const { needs, pipelines } = dependenciesOf(found.after);
    const marks = (await store.dependencies.of(name)).filter(({ upstream }) => pipelines.includes(upstream));
    // Runs of a backfill are for other intervals, and wait for as long as it lasts.
    const isQueued = await store.runs.isQueued(name, "backfill");
    const { runs, unshared } = followingRuns({
      needs,
      pipelines,
      marks,
      oneByOne: found.overlap === "queue",
      mayWait: found.overlap === "queue" || !isQueued,
    });
    if (unshared) {
      log("info", "a pipeline is not started: those that it runs after share no interval yet", {
        pipeline: name,
        after: pipelines.join(", "),
      });
    }
    for (const run of runs) await this.#start(name, run);
  }

  async #start(pipeline: string, run: FollowingRun): Promise<void> {
    const { store, log, start } = this.#context;
    const { startMs, endMs, isGiven, keyRuns, upstreams } = run;
    // Where its own runs are further than the interval begins, it is to be gone through again.
    const lastEndMs = isGiven ? null : await store.runs.lastWindowEndMs(pipeline);
    const isAhead = lastEndMs !== null && (startMs === null || lastEndMs > startMs);
    try {
      await start(pipeline, {
        triggeredBy: upstreams.join(", "),
        parent: keyRuns.toSorted().at(-1) ?? "",
        idempotencyKey: `after ${keyRuns.toSorted().join(" ")}`,
        windowEndMs: endMs,
        follows: { runs: run.runs, untilMs: endMs },
        ...(isGiven || isAhead ? { window: { start: timeText(startMs), end: iso(endMs) } } : {}),
      });
    } catch (error) {
      const { code, reason, message } = toAppError(error);
      if (code !== "invalid" && code !== "not_found" && reason !== "idempotency_key_reused") throw error;
      // With a key that was used the run is there: it was queued just before the server died.
      if (reason !== "idempotency_key_reused") {
        log("error", "a run after others could not be queued", { pipeline, error: message });
      }
    }
    // Of a run that was refused, or was there already.
    await store.dependencies.use(pipeline, run.runs, endMs);
  }
}

const iso = (atMs: number): string => new Date(atMs).toISOString();
const timeText = (atMs: number | null): string | null => atMs === null ? null : iso(atMs);
