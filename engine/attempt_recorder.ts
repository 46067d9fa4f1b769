import { type AppError, type ErrorRecord, toAppError } from "../contract/errors.ts";
import type { LogLevel } from "../contract/log.ts";
import type { LogLine, PipelineStep, Step } from "../contract/run.ts";
import type { Clock } from "./clock.ts";
import type { RunEvents } from "./run_events.ts";
import type { Report } from "./run_process/protocol.ts";
import type { RunOutcome, Store } from "./store/store.ts";

/** Log lines beyond this are counted, not kept, so that a run cannot fill the store. */
const MAX_LOG_LINES = 20_000;
const LOG_FLUSH_LINES = 200;
const LOG_FLUSH_MS = 150;

export interface RecorderContext {
  readonly store: Store;
  readonly events: RunEvents;
  readonly clock: Clock;
  /** Removes secrets from a text. */
  readonly redact: (text: string) => string;
}

/** Keeps what an attempt reports: steps at once, log lines in batches. */
export class AttemptRecorder {
  readonly #context: RecorderContext;
  readonly #runId: string;
  readonly #steps = new Map<string, Step>();
  #seq: number;
  #kept = 0;
  #pending: LogLine[] = [];
  #flushing: Promise<void> = Promise.resolve();
  #flushError: AppError | undefined;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(context: RecorderContext, runId: string, lastSeq: number) {
    this.#context = context;
    this.#runId = runId;
    this.#seq = lastSeq;
  }

  /** Puts the planned steps up as pending; those of earlier attempts that ended well stay. */
  async begin(earlier: readonly Step[], planned: readonly PipelineStep[], attempt: number): Promise<void> {
    for (const step of earlier) {
      const done = step.state === "succeeded" || step.state === "warned";
      this.#steps.set(step.name, done ? step : pendingStep(step, attempt));
    }
    for (const step of planned) {
      if (!this.#steps.has(step.name)) this.#steps.set(step.name, pendingStep(step, attempt));
    }
    await this.#putSteps([...this.#steps.values()]);
  }

  async take(report: Report, pipeline: string): Promise<void> {
    switch (report.type) {
      case "step": {
        const error = redactError(this.#context.redact, report.step.error);
        await this.#putSteps([{ ...report.step, error }]);
        break;
      }
      case "log":
        this.log(report.level, report.step, report.message);
        break;
      case "progress":
        this.#context.events.publish(this.#runId, {
          type: "progress",
          step: report.step,
          rows: report.rows,
          size_bytes: report.sizeBytes,
        });
        break;
      case "columns":
        await this.#context.store.pipelines.putStreamColumns(pipeline, report.stream, report.columns);
        break;
      case "checked":
      case "finished":
        break;
    }
  }

  log(level: LogLevel, step: string | null, message: string): void {
    this.#kept += 1;
    if (this.#kept > MAX_LOG_LINES) return;
    const text = this.#kept === MAX_LOG_LINES
      ? `More than ${MAX_LOG_LINES} log lines: the rest of this attempt's are left out`
      : this.#context.redact(message);
    this.#seq += 1;
    const line: LogLine = {
      seq: this.#seq,
      at: new Date(this.#context.clock.now()).toISOString(),
      level,
      step,
      message: text,
    };
    this.#pending.push(line);
    this.#context.events.publish(this.#runId, { type: "log", line });
    if (this.#pending.length >= LOG_FLUSH_LINES) this.#flush();
    else this.#flushTimer ??= setTimeout(() => this.#flush(), LOG_FLUSH_MS);
  }

  runningStep(): string | null {
    return [...this.#steps.values()].find((step) => step.state === "running")?.name ?? null;
  }

  /** Closes what was left open by a death or a stop, and writes the last lines. */
  async end(error: ErrorRecord | null, isStop: boolean): Promise<void> {
    const at = new Date(this.#context.clock.now()).toISOString();
    const changed: Step[] = [];
    for (const step of this.#steps.values()) {
      if (step.state === "running") {
        changed.push({
          ...step,
          state: isStop ? "cancelled" : "failed",
          finished_at: at,
          error: step.error ?? error,
        });
      } else if (step.state === "pending") {
        changed.push({ ...step, state: isStop ? "cancelled" : "skipped" });
      }
    }
    if (changed.length > 0) await this.#putSteps(changed);
    if (error !== null) this.log("error", null, error.message);
    this.#flush();
    await this.#flushing;
    if (this.#flushError !== undefined) throw this.#flushError;
  }

  outcome(error: ErrorRecord | null, peakRssBytes: number | null): Omit<RunOutcome, "reason"> {
    const steps = [...this.#steps.values()];
    const rowsOf = (kind: Step["kind"]) =>
      steps.filter((step) => step.kind === kind && step.state === "succeeded")
        .reduce((sum, step) => sum + (step.rows ?? 0), 0);
    return {
      atMs: this.#context.clock.now(),
      error,
      rowsExtracted: rowsOf("extract"),
      rowsLoaded: rowsOf("load"),
      warnings: steps.filter((step) => step.state === "warned").length,
      peakRssBytes,
    };
  }

  async #putSteps(steps: readonly Step[]): Promise<void> {
    for (const step of steps) this.#steps.set(step.name, step);
    await this.#context.store.runs.putSteps(this.#runId, steps);
    for (const step of steps) this.#context.events.publish(this.#runId, { type: "step", step });
  }

  #flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    const lines = this.#pending;
    if (lines.length === 0) return;
    this.#pending = [];
    this.#flushing = this.#flushing
      .then(() => this.#context.store.logs.append(this.#runId, lines))
      .catch((error) => {
        this.#flushError ??= toAppError(error);
      });
  }
}

function pendingStep(step: PipelineStep | Step, attempt: number): Step {
  return {
    name: step.name,
    kind: step.kind,
    state: "pending",
    attempt,
    rows: null,
    size_bytes: null,
    started_at: null,
    finished_at: null,
    duration_ms: null,
    error: null,
    sql: "summary" in step ? null : step.sql,
    depends: step.depends,
  };
}

export function redactError(redact: (text: string) => string, error: ErrorRecord | null): ErrorRecord | null {
  if (error === null) return null;
  return {
    code: error.code,
    message: redact(error.message),
    ...(error.detail === undefined ? {} : { detail: redact(error.detail) }),
  };
}
