import type { Clock } from "../../../contract/clock.ts";
import type { Report } from "../../../contract/jobs/reports.ts";
import { type StepTrend, trendFigures } from "../../../contract/runs/history.ts";
import { NO_PROGRESS, type StepProgress } from "../../../contract/runs/progress.ts";

/** Speeds are of so much time: long enough to be calm, short enough to follow. */
const WINDOW_MS = 10_000;
/** Before that a speed is chance. */
const LEAST_MS = 1_000;
/** Of less than this nothing is said about the rest. */
const LEAST_SHARE = 0.01;
/** Shorter steps end before somebody has read when they do. */
const ASK_AFTER_MS = 2_000;
/** How many runs must have had a step for them to say how long it takes. */
const LEAST_RUNS = 3;

type Progress = Extract<Report, { type: "progress" }>;

interface Sample {
  readonly atMs: number;
  readonly rows: number;
  readonly bytes: number;
}

interface RunningStep {
  readonly startedMs: number;
  /** The last of them is the newest. */
  samples: Sample[];
  last: Pick<Progress, "rows" | "sizeBytes" | "total">;
  /** Aborted when it has ended. */
  readonly over: AbortController;
}

interface LastTimes {
  readonly medianMs: number;
  readonly slowestMs: number;
}

export interface StepProgressContext {
  readonly clock: Clock;
  /** The steps of the last runs; asked once, when a step has run for some time. */
  readonly lastSteps: () => Promise<readonly StepTrend[]>;
  /** Told of a step that reports nothing by itself, once there is something to say. */
  readonly onEstimate: (step: string, progress: StepProgress) => void;
}

/** Speeds and estimates of the steps of one attempt. Disposing of it ends its waits. */
export class StepProgressMeter implements Disposable {
  readonly #context: StepProgressContext;
  readonly #steps = new Map<string, RunningStep>();
  #lastTimes: ReadonlyMap<string, LastTimes> | undefined;
  #asking: Promise<void> | undefined;

  constructor(context: StepProgressContext) {
    this.#context = context;
  }

  /** The step runs from now on. */
  begin(step: string): void {
    this.end(step);
    const startedMs = this.#context.clock.now();
    const running = {
      startedMs,
      samples: [{ atMs: startedMs, rows: 0, bytes: 0 }],
      last: { rows: 0, sizeBytes: null },
      over: new AbortController(),
    };
    this.#steps.set(step, running);
    void this.#estimateLater(step, running);
  }

  end(step: string): void {
    this.#steps.get(step)?.over.abort();
    this.#steps.delete(step);
  }

  /** What can be said of the step now that it has reported how far it is. */
  take({ step: name, rows, sizeBytes, total }: Progress): StepProgress {
    if (!this.#steps.has(name)) this.begin(name);
    const step = this.#steps.get(name);
    const nowMs = this.#context.clock.now();
    if (step === undefined) return NO_PROGRESS;
    // What was begun anew, as a part that is read again, has no speed from before.
    const newest = step.samples.at(-1);
    if (newest !== undefined && rows < newest.rows) step.samples = [];
    step.samples.push({ atMs: nowMs, rows, bytes: sizeBytes ?? 0 });
    const first = step.samples.findIndex(({ atMs }) => atMs >= nowMs - WINDOW_MS);
    // One sample from before the window, so that slow steps have a speed as well.
    if (first > 1) step.samples = step.samples.slice(first - 1);
    step.last = { rows, sizeBytes, ...(total === undefined ? {} : { total }) };
    return this.#progressOf(name, step, nowMs);
  }

  [Symbol.dispose](): void {
    for (const name of [...this.#steps.keys()]) this.end(name);
  }

  async #estimateLater(name: string, step: RunningStep): Promise<void> {
    await this.#context.clock.sleep(ASK_AFTER_MS, step.over.signal);
    if (step.over.signal.aborted) return;
    await (this.#asking ??= this.#ask());
    if (step.over.signal.aborted) return;
    const progress = this.#progressOf(name, step, this.#context.clock.now());
    if (progress.ends_at !== null) this.#context.onEstimate(name, progress);
  }

  async #ask(): Promise<void> {
    // Where they cannot be read just now, nothing is said.
    const steps = await this.#context.lastSteps().catch(() => []);
    this.#lastTimes = new Map(steps.flatMap(({ name, runs }) => {
      const done = runs.filter(({ state }) => state === "succeeded" || state === "warned");
      const { medianMs, slowestMs } = trendFigures(done);
      if (done.length < LEAST_RUNS || medianMs === null || slowestMs === null) return [];
      return [[name, { medianMs, slowestMs }] as const];
    }));
  }

  #progressOf(name: string, step: RunningStep, nowMs: number): StepProgress {
    const { rows, sizeBytes, total } = step.last;
    const speed = speedOf(step.samples, nowMs);
    const bySource = leftBySource(step, speed);
    const leftMs = bySource ?? this.#leftByLastRuns(name, nowMs - step.startedMs);
    return {
      rows,
      size_bytes: sizeBytes,
      rows_per_second: speed === null || rows === 0 ? null : Math.round(speed.rows),
      bytes_per_second: speed === null || sizeBytes === null ? null : Math.round(speed.bytes),
      total_rows: total?.rows ?? null,
      total_bytes: total?.bytes ?? null,
      ends_at: leftMs === null ? null : new Date(nowMs + leftMs).toISOString(),
      ends_by: leftMs === null ? null : bySource === null ? "last_runs" : "source",
    };
  }

  /** Null for a step that takes longer than it mostly did: nobody knows then. */
  #leftByLastRuns(name: string, elapsedMs: number): number | null {
    const times = this.#lastTimes?.get(name);
    if (times === undefined) return null;
    if (elapsedMs < times.medianMs) return times.medianMs - elapsedMs;
    return elapsedMs < times.slowestMs ? times.slowestMs - elapsedMs : null;
  }
}

/** Per second. */
function speedOf(samples: readonly Sample[], nowMs: number): { rows: number; bytes: number } | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || nowMs - first.atMs < LEAST_MS) return null;
  const seconds = (nowMs - first.atMs) / 1_000;
  return {
    rows: Math.max(0, last.rows - first.rows) / seconds,
    bytes: Math.max(0, last.bytes - first.bytes) / seconds,
  };
}

function leftBySource(
  { last: { rows, sizeBytes, total } }: RunningStep,
  speed: { rows: number; bytes: number } | null,
): number | null {
  if (speed === null || total === undefined) return null;
  const byBytes = total.bytes !== undefined && sizeBytes !== null
    ? leftOf(sizeBytes, total.bytes, speed.bytes)
    : null;
  return byBytes ?? (total.rows === undefined ? null : leftOf(rows, total.rows, speed.rows));
}

function leftOf(done: number, total: number, perSecond: number): number | null {
  if (perSecond <= 0 || done > total || done < total * LEAST_SHARE) return null;
  return Math.round((total - done) / perSecond * 1_000);
}
