import { type AppError, type ErrorRecord, toAppError, toErrorRecord } from "../contract/errors.ts";
import type { LogLevel } from "../contract/log.ts";
import { durationMs } from "../contract/pipeline.ts";
import type { LogLine, PipelineStep, Run, Step } from "../contract/run.ts";
import type { Clock } from "./clock.ts";
import type { RunEvents } from "./run_events.ts";
import type { Report, RunJob } from "./run_process/protocol.ts";
import type { RunProcess } from "./run_process/spawn.ts";
import type { RunOutcome, Store } from "./store/store.ts";

/** How long a process may take to stop by itself before it is killed. */
const STOP_GRACE_MS = 5_000;
/** Log lines beyond this are counted, not kept, so that a run cannot fill the store. */
const MAX_LOG_LINES = 20_000;
const LOG_FLUSH_LINES = 200;
const LOG_FLUSH_MS = 150;

export interface AttemptContext {
  readonly store: Store;
  readonly events: RunEvents;
  readonly clock: Clock;
  /** Removes secrets from a text. */
  readonly redact: (text: string) => string;
  /** Starts the process of this job. */
  readonly spawn: (job: RunJob, onStderr: (line: string) => void) => Promise<RunProcess>;
}

/** Why an attempt is being stopped from outside; `shutdown` leaves the run for the next server. */
export type StopReason = "cancel" | "shutdown";

/** How an attempt ended. `stopped` tells which stop took effect, where one did. */
export interface AttemptResult {
  readonly error: ErrorRecord | null;
  readonly stopped: StopReason | "timeout" | null;
  readonly outcome: Omit<RunOutcome, "reason">;
}

/**
 * Follows one attempt of a run from its process's start to its end: keeps its steps and log lines,
 * tells followers, and turns every way of ending (a report, a crash, a time-out, a stop) into one
 * result. Throws only what the store throws.
 */
export async function superviseAttempt(
  context: AttemptContext,
  run: Run,
  job: RunJob,
  plannedSteps: readonly PipelineStep[],
  stop: AbortSignal,
): Promise<AttemptResult> {
  const recorder = new AttemptRecorder(context, run.id, await context.store.logs.lastSeq(run.id));
  const earlier = (await context.store.runs.get(run.id))?.steps ?? [];
  await recorder.begin(earlier, plannedSteps, run.attempt);
  const end = await followProcess(context, job, recorder, stop);
  const error = redactError(context.redact, errorOf(end, job.definition.timeout));
  await recorder.end(error, end.stopped === "cancel" || end.stopped === "shutdown");
  return {
    error,
    stopped: error === null ? null : end.stopped,
    outcome: recorder.outcome(error, end.peakRssBytes),
  };
}

interface ProcessEnd {
  readonly stopped: AttemptResult["stopped"];
  /** The process's own last word: null for success, undefined where it had none. */
  readonly finished: ErrorRecord | null | undefined;
  /** What went wrong with the process itself. */
  readonly failure: ErrorRecord | null;
  readonly peakRssBytes: number | null;
}

async function followProcess(
  context: AttemptContext,
  job: RunJob,
  recorder: AttemptRecorder,
  stop: AbortSignal,
): Promise<ProcessEnd> {
  let finished: ErrorRecord | null | undefined;
  let failure: ErrorRecord | null = null;
  let peakRssBytes: number | null = null;
  let stopper: ProcessStopper | undefined;
  try {
    await using process = await context.spawn(job, (line) => recorder.log("warn", null, line));
    using armed = new ProcessStopper(context.clock, process, stop, job.definition.timeout);
    stopper = armed;
    for await (const report of process.reports) {
      if (report.type !== "finished") {
        await recorder.take(report, job.pipeline);
        continue;
      }
      finished = report.error;
      armed.disarm();
      peakRssBytes = await peakRssOf(process.pid);
      await process.close();
    }
    const status = await process.status;
    if (finished === undefined) failure = describeDeath(status, recorder.runningStep());
  } catch (error) {
    failure = toErrorRecord(error);
  }
  return { stopped: stopper?.stopped ?? null, finished, failure, peakRssBytes };
}

/** Stops a process when it is told to, or at its timeout: first by an order, then by force. */
class ProcessStopper implements Disposable {
  readonly #clock: Clock;
  readonly #process: RunProcess;
  readonly #stop: AbortSignal;
  readonly #done = new AbortController();
  #stopped: AttemptResult["stopped"] = null;

  constructor(clock: Clock, process: RunProcess, stop: AbortSignal, timeout: string | undefined) {
    this.#clock = clock;
    this.#process = process;
    this.#stop = stop;
    if (stop.aborted) this.#onStop();
    else stop.addEventListener("abort", this.#onStop, { once: true });
    if (timeout !== undefined) this.#after(durationMs(timeout), () => this.#request("timeout"));
  }

  get stopped(): AttemptResult["stopped"] {
    return this.#stopped;
  }

  /** From here on a stop comes too late. */
  disarm(): void {
    this.#done.abort();
    this.#stop.removeEventListener("abort", this.#onStop);
  }

  [Symbol.dispose](): void {
    this.disarm();
  }

  readonly #onStop = () => this.#request(this.#stop.reason === "shutdown" ? "shutdown" : "cancel");

  #request(reason: NonNullable<AttemptResult["stopped"]>): void {
    if (this.#stopped !== null || this.#done.signal.aborted) return;
    this.#stopped = reason;
    this.#process.send({ type: "cancel" });
    this.#after(STOP_GRACE_MS, () => this.#process.kill());
  }

  #after(waitMs: number, act: () => void): void {
    this.#clock.sleep(waitMs, this.#done.signal).then(() => {
      if (!this.#done.signal.aborted) act();
    });
  }
}

/** A stop that came too late to matter leaves a success a success. */
function errorOf(end: ProcessEnd, timeout: string | undefined): ErrorRecord | null {
  if (end.failure === null && end.finished === null) return null;
  switch (end.stopped) {
    case "timeout":
      return { code: "timeout", message: `The run took longer than its timeout of ${timeout}` };
    case "cancel":
      return { code: "cancelled", message: "The run was cancelled" };
    case "shutdown":
      return { code: "cancelled", message: "The server stopped during the run" };
    case null:
      return end.failure ?? end.finished ??
        { code: "internal", message: "The run's process ended without a result" };
  }
}

function describeDeath(status: Deno.CommandStatus, step: string | null): ErrorRecord {
  const where = step === null ? "" : ` during ${step}`;
  if (status.signal === "SIGKILL") {
    return {
      code: "internal",
      message:
        `The run's process was killed (SIGKILL)${where}: by someone, or by the system when memory ran out`,
    };
  }
  if (status.signal !== null) {
    return { code: "internal", message: `The run's process died of ${status.signal}${where}` };
  }
  return {
    code: "internal",
    message: `The run's process ended with exit code ${status.code}${where}, without a result`,
  };
}

function redactError(redact: (text: string) => string, error: ErrorRecord | null): ErrorRecord | null {
  if (error === null) return null;
  return {
    code: error.code,
    message: redact(error.message),
    ...(error.detail === undefined ? {} : { detail: redact(error.detail) }),
  };
}

/** Linux's own high-water mark; null elsewhere, or where the process is gone. */
async function peakRssOf(pid: number): Promise<number | null> {
  try {
    const text = await Deno.readTextFile(`/proc/${pid}/status`);
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}

/** Keeps what an attempt reports: steps at once, log lines in batches. */
class AttemptRecorder {
  readonly #context: AttemptContext;
  readonly #runId: string;
  readonly #steps = new Map<string, Step>();
  #seq: number;
  #kept = 0;
  #pending: LogLine[] = [];
  #flushing: Promise<void> = Promise.resolve();
  #flushError: AppError | undefined;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(context: AttemptContext, runId: string, lastSeq: number) {
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

/** The result of an attempt that failed before it had a process. */
export function failedBeforeStart(
  error: unknown,
  nowMs: number,
  redact: (text: string) => string,
): AttemptResult {
  const record = redactError(redact, toErrorRecord(error));
  return {
    error: record,
    stopped: null,
    outcome: { atMs: nowMs, error: record, rowsExtracted: 0, rowsLoaded: 0, warnings: 0, peakRssBytes: null },
  };
}
