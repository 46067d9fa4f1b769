import { join } from "node:path";
import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import type { Store } from "../store/store.ts";
import { spillFolder } from "./attempt/process_grant.ts";
import { repeat } from "./repeat.ts";
import { clearCopies } from "./warehouses/copies_folder.ts";

const FIRST_AFTER_MS = 60_000;
const EVERY_MS = 3_600_000;
/** How long an idempotency key of a request is known. */
const KEY_DAYS = 7;
const DAY_MS = 86_400_000;
/** However old they are, a pipeline's last runs stay. */
const KEEP_NEWEST = 20;
/** Between two steps others come to write. */
const PAUSE_MS = 20;
/** A step that takes longer than this takes too much, one that takes less may take more. */
const STEP_MS = 30;
const FIRST_RUNS_A_STEP = 5;
const MAX_RUNS_A_STEP = 200;
/** Nobody follows a run any more that ended so long ago, and it is rarely retried. */
const PACK_AFTER_MS = 600_000;
/** What is still written to is younger. */
const SPILL_MIN_AGE_MS = DAY_MS;

/** What is kept of the history. */
export interface RetentionSettings {
  /** Days; 0 for all. */
  readonly keepDays: number;
  /** Runs a pipeline; 0 for all. */
  readonly keepRuns: number;
}

export interface HousekeepingContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: RetentionSettings;
  readonly dataDir: string;
  /** Names of the folders that runs spill to which are in use. */
  readonly spillsInUse: () => ReadonlySet<string>;
  /** Each removes files of the data folder that nobody needs any more; resolves to how many. */
  readonly forgetFiles?: readonly (() => Promise<number>)[];
}

/**
 * Forgets old runs (with attempts, steps and logs), old rows of the outbox and the inbox, old problems and alerts, revisions
 * that nothing uses, and what dead processes left of their spill, and compresses the logs of ended runs, once an hour,
 * in steps that hold up nobody.
 */
export class Housekeeping {
  readonly #context: HousekeepingContext;
  readonly #stopping = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(context: HousekeepingContext) {
    this.#context = context;
  }

  start(): void {
    const { clock, log } = this.#context;
    this.#loop = repeat(() => this.#forget(), {
      clock,
      signal: this.#stopping.signal,
      firstAfterMs: FIRST_AFTER_MS,
      everyMs: EVERY_MS,
      onError: (error) =>
        log("warn", "what is old could not be forgotten; trying again in an hour", { error: String(error) }),
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #forget(): Promise<void> {
    const runs = await this.#forgetRuns();
    for (const forget of this.#context.forgetFiles ?? []) await forget();
    const messages = await this.#forgetMessages();
    const keys = await this.#forgetKeys();
    const tokens = await this.#inSteps(() =>
      this.#context.store.retention.forgetIssuedTokens(this.#context.clock.now())
    );
    const revisions = await this.#forgetRevisions();
    const spills = await this.#removeSpills() + await clearCopies(this.#context.dataDir);
    const lines = await this.#packLogs();
    if (lines > 0) this.#context.log("info", "compressed the logs of ended runs", { lines });
    if (runs + messages + keys + tokens + revisions + spills > 0) {
      this.#context.log("info", "forgot what is old", { runs, messages, keys, tokens, revisions, spills });
    }
  }

  async #forgetRuns(): Promise<number> {
    const { store, clock, settings: { keepDays, keepRuns } } = this.#context;
    const what = {
      beforeMs: keepDays === 0 ? 0 : clock.now() - keepDays * DAY_MS,
      keepNewest: KEEP_NEWEST,
      keepAtMost: keepRuns === 0 ? Number.MAX_SAFE_INTEGER - 1 : Math.max(keepRuns, KEEP_NEWEST),
    };
    let count = 0;
    // The pipelines that have runs, those that were removed among them.
    for (const pipeline of (await store.runs.latest()).keys()) {
      let limit = FIRST_RUNS_A_STEP;
      count += await this.#inSteps(async () => {
        const startedMs = performance.now();
        const gone = await store.retention.forgetRuns({ ...what, pipeline, limit });
        const isQuick = performance.now() - startedMs < STEP_MS;
        limit = isQuick ? Math.min(limit * 2, MAX_RUNS_A_STEP) : Math.max(1, limit >> 1);
        return gone;
      });
    }
    return count;
  }

  /** What an earlier version kept as rows is compressed in the same way. */
  async #packLogs(): Promise<number> {
    const { store, clock } = this.#context;
    let count = 0;
    let after = "";
    for (let pauseAtMs = performance.now() + STEP_MS; !this.#stopping.signal.aborted;) {
      const packed = await store.logs.pack({ after, endedBeforeMs: clock.now() - PACK_AFTER_MS });
      if (packed === undefined) break;
      count += packed.lines;
      after = packed.after;
      if (performance.now() < pauseAtMs) continue;
      await clock.sleep(PAUSE_MS, this.#stopping.signal);
      pauseAtMs = performance.now() + STEP_MS;
    }
    return count;
  }

  async #forgetMessages(): Promise<number> {
    const { store, clock, settings: { keepDays } } = this.#context;
    if (keepDays === 0) return 0;
    return await this.#inSteps(() => store.retention.forgetMessages(clock.now() - keepDays * DAY_MS));
  }

  /** A request that is sent again after so long is another one. */
  async #forgetKeys(): Promise<number> {
    const { store, clock } = this.#context;
    return await this.#inSteps(() => store.retention.forgetKeys(clock.now() - KEY_DAYS * DAY_MS));
  }

  /** Those that nothing has used for a day: one may be about to be used. */
  async #forgetRevisions(): Promise<number> {
    const { store, clock, settings: { keepDays } } = this.#context;
    if (keepDays === 0) return 0;
    return await this.#inSteps(() => {
      const nowMs = clock.now();
      return store.retention.forgetRevisions({ nowMs, unusedBeforeMs: nowMs - DAY_MS });
    });
  }

  /** Repeats the step, with pauses, until it finds nothing more. */
  async #inSteps(step: () => Promise<number>): Promise<number> {
    for (let count = 0;;) {
      const gone = this.#stopping.signal.aborted ? 0 : await step();
      if (gone === 0) return count;
      count += gone;
      await this.#context.clock.sleep(PAUSE_MS, this.#stopping.signal);
    }
  }

  async #removeSpills(): Promise<number> {
    const { dataDir, clock, spillsInUse } = this.#context;
    const spillDir = spillFolder(dataDir);
    let count = 0;
    for (const name of await namesIn(spillDir)) {
      if (spillsInUse().has(name)) continue;
      const path = join(spillDir, name);
      const { mtime } = await Deno.stat(path);
      if (mtime !== null && clock.now() - mtime.getTime() < SPILL_MIN_AGE_MS) continue;
      await Deno.remove(path, { recursive: true });
      count += 1;
    }
    return count;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
