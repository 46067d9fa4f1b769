import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import type { HoldStore } from "../../store/holds/port.ts";
import type { RunStore } from "../../store/ports/runs.ts";

/** A hold that is not renewed ends by itself after so long. */
const HOLD_MS = 60_000;
const RENEW_MS = 15_000;
const POLL_MS = 200;
/** A change that is younger than the file system's clock ticks is not seen in a file's time. */
const TICK_MS = 50;
const MAX_COPIES = 10;

export interface HoldContext {
  readonly store: { readonly holds: HoldStore; readonly runs: Pick<RunStore, "list"> };
  readonly clock: Clock;
  /** How long it waits for a run to end. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Called once, with the pipeline, where a run of it keeps it waiting. */
  readonly onWait: (pipeline: string) => void;
  /** What it is held for, where not a backup: `encrypt the warehouse of orders`. */
  readonly purpose?: string;
}

/** A pipeline between two runs: none begins until it is disposed of. */
export class HeldPipeline implements AsyncDisposable {
  readonly pipeline: string;
  readonly #context: HoldContext;
  readonly #holder: string;
  readonly #over = new AbortController();
  #renewing: Promise<void> = Promise.resolve();

  private constructor(pipeline: string, context: HoldContext) {
    this.pipeline = pipeline;
    this.#context = context;
    this.#holder = `backup ${crypto.randomUUID()}`;
  }

  /** Waits for the run that is under way; those that are queued wait from now on. Throws `unavailable`. */
  static async take(pipeline: string, context: HoldContext): Promise<HeldPipeline> {
    const held = new HeldPipeline(pipeline, context);
    try {
      await held.#take();
    } catch (error) {
      await held[Symbol.asyncDispose]();
      throw error;
    }
    held.#renewing = held.#keep();
    return held;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#renewing;
    await this.#context.store.holds.release(this.#holder);
  }

  async #take(): Promise<void> {
    const { store, clock, waitMs, signal, onWait, purpose } = this.#context;
    const untilMs = clock.now() + waitMs;
    for (let round = 0;; round++) {
      signal.throwIfAborted();
      if (await this.#hold()) {
        const running = await store.runs.list({ pipeline: this.pipeline, state: "running", limit: 1 });
        if (running.length === 0) return;
      }
      if (clock.now() >= untilMs) {
        throw new AppError(
          "unavailable",
          `Cannot ${purpose ?? `back up the warehouse of ${this.pipeline}`}: a run of it has not ended; ` +
            "wait for it, cancel it, or give --wait more time",
        );
      }
      if (round === 5) onWait(this.pipeline);
      await clock.sleep(POLL_MS, signal);
    }
  }

  #hold(): Promise<boolean> {
    const { store, clock } = this.#context;
    const nowMs = clock.now();
    return store.holds.hold(this.pipeline, this.#holder, nowMs, nowMs + HOLD_MS);
  }

  async #keep(): Promise<void> {
    const { clock } = this.#context;
    for (;;) {
      await clock.sleep(RENEW_MS, this.#over.signal);
      if (this.#over.signal.aborted) return;
      // One that fails is tried again: what changed meanwhile is seen by the copy.
      await this.#hold().catch(() => {});
    }
  }
}

export interface CopiedFile {
  readonly name: string;
  readonly path: string;
  readonly copy: string;
}

/**
 * Copies files that nobody changes meanwhile: what else writes a warehouse, as a change of rejects, is seen, and all
 * are copied again. Returns the names of those that are there. Throws `unavailable`.
 */
export async function copyUnchanged(
  files: readonly CopiedFile[],
  { pipeline }: HeldPipeline,
  { clock, signal, purpose }: Pick<HoldContext, "clock" | "signal" | "purpose">,
): Promise<Set<string>> {
  for (let tries = 0; tries < MAX_COPIES; tries++) {
    signal.throwIfAborted();
    const before = await Promise.all(files.map(({ path }) => stateOf(path)));
    const isSettled = before.every((state) => state === undefined || clock.now() - state.changedMs > TICK_MS);
    const copied = isSettled ? await copyAll(files) : undefined;
    const after = await Promise.all(files.map(({ path }) => stateOf(path)));
    if (copied !== undefined && JSON.stringify(after) === JSON.stringify(before)) return copied;
    await clock.sleep(POLL_MS, signal);
  }
  throw new AppError(
    "unavailable",
    `Cannot ${purpose ?? `back up the warehouse of ${pipeline}`}: something keeps changing it; try again`,
  );
}

async function copyAll(files: readonly CopiedFile[]): Promise<Set<string>> {
  const copied = new Set<string>();
  for (const { name, path, copy } of files) {
    try {
      await Deno.copyFile(path, copy);
      copied.add(name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await Deno.remove(copy).catch(() => {});
    }
  }
  return copied;
}

/** Undefined where there is none. */
async function stateOf(path: string): Promise<{ bytes: number; changedMs: number } | undefined> {
  try {
    const { size, mtime } = await Deno.stat(path);
    return { bytes: size, changedMs: mtime?.getTime() ?? 0 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
