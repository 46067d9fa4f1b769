import type { FollowProgress } from "../../../contract/connector/changes.ts";
import type { FollowedReport } from "../../../contract/connector/followed.ts";
import type { Clock } from "../../../contract/clock.ts";
import { toAppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import { followedConnectors, followedStreams } from "../../../contract/pipeline/followed_streams.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import { repeat } from "../../runs/repeat.ts";
import type { PublishedFolder } from "../../runs/streams/published.ts";
import type { Store } from "../../store/store.ts";

const FIRST_AFTER_MS = 60_000;
/** How long what a run or an earlier look has found is good for. */
const EVERY_MS = 600_000;

/** Whose log a system keeps. */
export interface Follower {
  readonly pipeline: string;
  readonly connector: string;
  readonly token: string;
  /** Where the last run was in the log. */
  readonly position: string | null;
  readonly streams: Readonly<Record<string, StreamDefinition>>;
}

export interface FollowerWatchOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly followed: PublishedFolder<FollowedReport>;
  /** Asks the connector's system what it keeps; undefined where that is nothing. */
  readonly look: (follower: Follower, signal: AbortSignal) => Promise<FollowProgress | undefined>;
}

/**
 * Looks every ten minutes at what systems keep for pipelines that follow their logs and do not run, since they are
 * paused, fail or are on demand: such a log grows until the system's disk is full. One system at a time.
 */
export class FollowerWatch {
  readonly #options: FollowerWatchOptions;
  readonly #stopping = new AbortController();
  /** What was warned of, until a look finds that it is over. */
  readonly #warned = new Set<string>();
  #loop: Promise<void> | undefined;

  constructor(options: FollowerWatchOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, log } = this.#options;
    this.#loop = repeat(() => this.lookAtAll(), {
      clock,
      signal: this.#stopping.signal,
      firstAfterMs: FIRST_AFTER_MS,
      everyMs: EVERY_MS,
      onError: (error) =>
        log("warn", "what is followed could not be looked at", { error: toAppError(error).message }),
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  /** Looks once at each that was not looked at for ten minutes and does not run. Throws what the store throws. */
  async lookAtAll(): Promise<void> {
    const { store, clock, followed } = this.#options;
    for (const { name, revision } of await store.pipelines.list()) {
      const head = revision === null ? undefined : await store.revisions.head(revision);
      if (head === undefined) continue;
      for (const connector of followedConnectors(head.definition)) {
        if (this.#stopping.signal.aborted) return;
        const report = await followed.get(name, connector);
        const isDue = report !== undefined && clock.now() - Date.parse(report.looked_at) >= EVERY_MS;
        if (!isDue || await store.runs.isActive(name)) continue;
        await this.#lookAt(name, head.definition, report);
      }
    }
  }

  /** Where the system cannot be asked, what is known stays, with the time of it. */
  async #lookAt(pipeline: string, definition: PipelineDefinition, report: FollowedReport): Promise<void> {
    const { clock, log, followed, store, look } = this.#options;
    const { connector, token, position } = report;
    const streams = Object.fromEntries(followedStreams(definition, connector));
    try {
      const found = await look({ pipeline, connector, token, position, streams }, this.#stopping.signal);
      // A run that has begun meanwhile knows better.
      if (await store.runs.isActive(pipeline)) return;
      const warning = found?.warning ?? null;
      await followed.put(pipeline, connector, {
        ...report,
        behind_bytes: found?.behindBytes ?? null,
        retained_bytes: found?.retainedBytes ?? null,
        warning,
        looked_at: new Date(clock.now()).toISOString(),
      });
      this.#warn(`${pipeline} ${connector}`, warning, { pipeline, connector });
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      log("debug", "a system that is followed could not be looked at", {
        pipeline,
        connector,
        error: toAppError(error).message,
      });
    }
  }

  /** Logs a warning when it begins, not at each look: sizes in it grow. */
  #warn(key: string, warning: string | null, subject: Readonly<Record<string, string>>): void {
    if (warning === null) this.#warned.delete(key);
    else if (!this.#warned.has(key)) {
      this.#warned.add(key);
      this.#options.log("warn", warning, subject);
    }
  }
}
