import { type Run, RUN_STATES, type StepKind } from "../../../contract/run.ts";
import { isTerminal } from "../../../contract/run_state.ts";
import type { MetricSample } from "../../../text/exposition.ts";
import type { AttemptSteps, FiguresBegin } from "../../store/ports/figures.ts";
import type { OutboxEvent } from "../../store/ports/messages.ts";
import { Counter, Histogram } from "./histogram.ts";
import type { MetricSamples } from "./metric_table.ts";

/** Seconds. Not of each pipeline: a thousand of them would be ten thousand series. */
const DURATION_BOUNDS = [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 43_200];
const WAIT_BOUNDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];

const DIRECTIONS: Readonly<Record<StepKind, string | undefined>> = {
  extract: "extracted",
  model: "modelled",
  load: "loaded",
  snapshot: "published",
  check: undefined,
};

interface EndedAttempt {
  readonly run: string;
  readonly attempt: number;
}

/**
 * What has happened to runs, in memory: counters since it began, and how things stand now. Changes of runs are given to
 * it in their order, each once.
 */
export class RunFigures {
  /** Runs that have not ended, as they last were. */
  readonly #active: Map<string, Run>;
  readonly #lastEnded: Map<string, Run>;
  readonly #lastSucceeded: Map<string, Run>;
  readonly #ended = new Counter();
  readonly #attempts = new Counter();
  readonly #retries = new Counter();
  readonly #rows = new Counter();
  readonly #bytes = new Counter();
  readonly #steps = new Counter();
  readonly #durations = new Histogram(DURATION_BOUNDS);
  readonly #scheduleDelays = new Histogram(WAIT_BOUNDS);
  readonly #waits = new Histogram(WAIT_BOUNDS);
  readonly #pipelineDurations = new Histogram();
  readonly #stepDurations = new Histogram();

  constructor({ active, lastEnded, lastSucceeded }: Omit<FiguresBegin, "seq">) {
    this.#active = new Map(active.map((run) => [run.id, run]));
    this.#lastEnded = new Map(lastEnded.map((run) => [run.pipeline, run]));
    this.#lastSucceeded = new Map(lastSucceeded.map((run) => [run.pipeline, run]));
  }

  /** Returns the attempts that have ended with these changes. */
  take(events: readonly OutboxEvent[]): EndedAttempt[] {
    const ended: EndedAttempt[] = [];
    for (const { run } of events) {
      const before = this.#active.get(run.id);
      if (before?.state === "running" && (run.state !== "running" || run.attempt !== before.attempt)) {
        ended.push({ run: run.id, attempt: before.attempt });
        if (run.state === "queued" && run.not_before !== null) {
          this.#retries.add({ pipeline: run.pipeline }, 1);
        }
      }
      if (isTerminal(run.state)) {
        if (before !== undefined) this.#end(run);
        this.#active.delete(run.id);
        continue;
      }
      const hasBegun = run.state === "running" &&
        (before?.state !== "running" || before.attempt !== run.attempt);
      if (hasBegun) this.#beginAttempt(run);
      this.#active.set(run.id, run);
    }
    return ended;
  }

  takeSteps(steps: readonly AttemptSteps[]): void {
    for (const { pipeline, kind, state, count, rows, bytes, durationMs } of steps) {
      this.#steps.add({ kind, state }, count);
      if (state !== "succeeded" && state !== "warned") continue;
      this.#stepDurations.observe({ kind }, durationMs / 1_000, count);
      const direction = DIRECTIONS[kind];
      if (direction === undefined) continue;
      this.#rows.add({ pipeline, direction }, rows);
      this.#bytes.add({ pipeline, direction }, bytes);
    }
  }

  /** Begins the counters of these pipelines at zero, and forgets all others. */
  keepPipelines(names: ReadonlySet<string>): void {
    const isKept = ({ pipeline }: Readonly<Record<string, string>>) =>
      pipeline === undefined || names.has(pipeline);
    for (const kept of [this.#ended, this.#attempts, this.#retries, this.#rows, this.#bytes]) {
      kept.keep(isKept);
    }
    this.#pipelineDurations.keep(isKept);
    for (const last of [this.#lastEnded, this.#lastSucceeded]) {
      for (const pipeline of last.keys()) if (!names.has(pipeline)) last.delete(pipeline);
    }
    for (const pipeline of names) {
      for (const state of RUN_STATES.filter(isTerminal)) this.#ended.add({ pipeline, state }, 0);
      this.#attempts.add({ pipeline }, 0);
      this.#retries.add({ pipeline }, 0);
    }
  }

  samples(nowMs: number): MetricSamples {
    return {
      sluice_runs_total: this.#ended.samples(),
      sluice_run_attempts_total: this.#attempts.samples(),
      sluice_run_retries_total: this.#retries.samples(),
      sluice_run_duration_seconds: this.#durations.samples(),
      sluice_pipeline_run_duration_seconds: this.#pipelineDurations.samples(),
      sluice_schedule_delay_seconds: this.#scheduleDelays.samples(),
      sluice_queue_wait_seconds: this.#waits.samples(),
      sluice_rows_total: this.#rows.samples(),
      sluice_bytes_total: this.#bytes.samples(),
      sluice_steps_total: this.#steps.samples(),
      sluice_step_duration_seconds: this.#stepDurations.samples(),
      ...queueSamples([...this.#active.values()], nowMs),
      ...lastRunSamples([...this.#lastEnded.values()], [...this.#lastSucceeded.values()]),
    };
  }

  #beginAttempt(run: Run): void {
    this.#attempts.add({ pipeline: run.pipeline }, 1);
    if (run.attempt !== 1 || run.started_at === null) return;
    const startedMs = Date.parse(run.started_at);
    this.#waits.observe({}, secondsBetween(Date.parse(run.created_at), startedMs));
    // Of a schedule, it is the time of its firing that is told.
    const dueMs = run.trigger === "schedule" ? Date.parse(run.triggered_by ?? "") : NaN;
    if (!Number.isNaN(dueMs)) this.#scheduleDelays.observe({}, secondsBetween(dueMs, startedMs));
  }

  #end(run: Run): void {
    const { pipeline, state, duration_ms: durationMs } = run;
    this.#ended.add({ pipeline, state }, 1);
    this.#lastEnded.set(pipeline, run);
    if (state === "succeeded") this.#lastSucceeded.set(pipeline, run);
    // One that was cancelled in the queue has taken none.
    if (durationMs === null) return;
    this.#durations.observe({ state }, durationMs / 1_000);
    if (state === "succeeded") this.#pipelineDurations.observe({ pipeline }, durationMs / 1_000);
  }
}

type ActiveState = "running" | "queued" | "waiting";

function queueSamples(active: readonly Run[], nowMs: number): MetricSamples {
  const all: Record<ActiveState, number> = { running: 0, queued: 0, waiting: 0 };
  const byPipeline = new Counter();
  let oldestMs = nowMs;
  for (const run of active) {
    const dueMs = Date.parse(run.not_before ?? run.created_at);
    const state = run.state === "running" ? "running" : dueMs > nowMs ? "waiting" : "queued";
    all[state] += 1;
    byPipeline.add({ pipeline: run.pipeline, state }, 1);
    if (state === "queued") oldestMs = Math.min(oldestMs, dueMs);
  }
  return {
    sluice_queue_runs: Object.entries(all).map(([state, value]) => ({ labels: { state }, value })),
    sluice_queue_oldest_age_seconds: [{ labels: {}, value: secondsBetween(oldestMs, nowMs) }],
    sluice_pipeline_active_runs: byPipeline.samples(),
  };
}

function lastRunSamples(ended: readonly Run[], succeeded: readonly Run[]): MetricSamples {
  const of = (runs: readonly Run[], value: (run: Run) => number | null): MetricSample[] =>
    runs.flatMap((run) => {
      const found = value(run);
      return found === null || Number.isNaN(found)
        ? []
        : [{ labels: { pipeline: run.pipeline }, value: found }];
    });
  return {
    sluice_pipeline_last_run_timestamp_seconds: of(ended, (run) => epochSeconds(run.finished_at)),
    sluice_pipeline_last_run_success: of(ended, (run) => run.state === "succeeded" ? 1 : 0),
    sluice_pipeline_last_run_duration_seconds: of(
      ended,
      (run) => run.duration_ms === null ? null : run.duration_ms / 1_000,
    ),
    sluice_pipeline_last_run_peak_memory_bytes: of(ended, (run) => run.peak_rss_bytes),
    sluice_pipeline_last_success_timestamp_seconds: of(succeeded, (run) => epochSeconds(run.finished_at)),
    sluice_pipeline_data_until_timestamp_seconds: of(succeeded, (run) => epochSeconds(run.window_end)),
  };
}

const epochSeconds = (time: string | null): number | null => time === null ? null : Date.parse(time) / 1_000;

const secondsBetween = (fromMs: number, untilMs: number): number => Math.max(0, untilMs - fromMs) / 1_000;
