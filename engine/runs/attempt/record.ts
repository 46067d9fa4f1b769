import { type AppError, type ErrorRecord, toAppError } from "../../../contract/errors.ts";
import type { Log, LogLevel } from "../../../contract/log.ts";
import type { PipelineStep, Run, RunEvent, Step } from "../../../contract/run.ts";
import type { Column } from "../../../contract/sql.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { RunEvents } from "../run_events.ts";
import type { Report } from "../../../contract/jobs/reports.ts";
import type { Lease, RunOutcome } from "../../store/ports/runs.ts";
import type { Store } from "../../store/store.ts";
import { StepProgressMeter } from "./step_progress.ts";
import { writeUntilDone } from "../write_until_done.ts";
import type { PublishedReport } from "./publish_reports.ts";
import { redactError } from "./redact_reports.ts";

/** Log lines beyond this are counted, not kept, so that a run cannot fill the store. */
const MAX_LOG_LINES = 20_000;
/** What is reported waits this long for more of it: each write of the store is a write to the disk. */
const FLUSH_MS = 100;
const FLUSH_EVENTS = 200;
/** What is kept beside the store; one may be some hundred kB. */
const FLUSH_PUBLISHED = 50;
/** How many of the last runs say how long a step takes. */
const LAST_RUNS = 10;
/** How often the requests of a step that is running are written. */
const KEEP_TRAFFIC_EVERY_MS = 2_000;

/** While the store cannot be written, progress is not kept beyond this many events: it is not stored anyway. */
const MAX_WAITING_EVENTS = 1_000;

export interface RecorderContext {
  readonly store: Store;
  readonly events: RunEvents;
  readonly clock: Clock;
  readonly log: Log;
  /** Guards everything that is written. */
  readonly lease: Lease;
  /** Aborted when this server stops: what cannot be written then is given up. */
  readonly leaving: AbortSignal;
  /** Removes secrets from a text. */
  readonly redact: (text: string) => string;
  /** Keeps what runs report beside the store; nobody's failure, and worth no second try. */
  readonly publish: (pipeline: string, reports: readonly PublishedReport[]) => Promise<void>;
}

/**
 * Keeps what an attempt reports, in batches, and informs followers. They hear of it when it is stored:
 * whoever reads the store and then follows misses nothing. What the store does not take it is offered
 * again, in order, until it does.
 */
export class AttemptRecorder {
  readonly #context: RecorderContext;
  readonly #run: Run;
  readonly #steps = new Map<string, Step>();
  readonly #trafficKeptMs = new Map<string, number>();
  readonly #meter: StepProgressMeter;
  #seq = 0;
  #logLines = 0;
  #pending: RunEvent[] = [];
  #published: PublishedReport[] = [];
  #flushing: Promise<void> = Promise.resolve();
  #flushError: AppError | undefined;
  #isLost = false;
  /** Events since the store last took some. */
  #waiting = 0;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #knownColumns: Record<string, readonly Column[]> = {};

  readonly #onLost: () => void;

  /** `onLost`: the lease is not held any more, and nothing of this attempt is written from there on. */
  constructor(context: RecorderContext, run: Run, onLost: () => void) {
    this.#context = context;
    this.#run = run;
    this.#onLost = onLost;
    const { store, clock } = context;
    this.#meter = new StepProgressMeter({
      clock,
      lastSteps: async () => {
        const runs = await store.history.lastRuns(run.pipeline, LAST_RUNS);
        return await store.history.steps(runs.map(({ id }) => id));
      },
      onEstimate: (step, progress) => this.#keep({ type: "progress", step, ...progress }),
    });
  }

  /** Puts the planned steps up as pending; those of earlier attempts that ended well stay theirs. */
  async begin(planned: readonly PipelineStep[]): Promise<void> {
    const { store } = this.#context;
    this.#seq = await store.logs.lastSeq(this.#run.id);
    this.#knownColumns = await store.pipelines.streamColumns(this.#run.pipeline);
    for (const step of (await store.runs.get(this.#run.id))?.steps ?? []) {
      const done = step.state === "succeeded" || step.state === "warned";
      this.#steps.set(step.name, done ? step : pendingStep(step, this.#run.attempt));
    }
    for (const step of planned) {
      if (!this.#steps.has(step.name)) this.#steps.set(step.name, pendingStep(step, this.#run.attempt));
    }
    for (const step of this.#steps.values()) {
      if (step.attempt === this.#run.attempt) this.#keep({ type: "step", step });
    }
  }

  take(report: Report): void {
    switch (report.type) {
      case "step":
        this.#takeStep({ ...report.step, error: redactError(this.#context.redact, report.step.error) });
        break;
      case "log":
        this.log(report.level, report.step, report.message);
        break;
      case "progress":
        this.#takeProgress(report);
        break;
      case "columns":
        this.#putColumns(report.stream, report.columns);
        break;
      case "stream":
      case "table":
      case "rejects":
      case "failed_rows":
      case "schema":
      case "followed":
        this.#published.push(report);
        if (this.#published.length >= FLUSH_PUBLISHED) this.#flush();
        else this.#flushLater();
        break;
      case "rejects_changed":
      case "checked":
      case "tested":
      case "kept":
      case "seen":
      case "discovered":
      case "finished":
        break;
    }
  }

  log(level: LogLevel, step: string | null, message: string): void {
    this.#logLines += 1;
    if (this.#logLines > MAX_LOG_LINES) return;
    const text = this.#logLines === MAX_LOG_LINES
      ? `More than ${MAX_LOG_LINES} log lines: the rest of this attempt's are left out`
      : this.#context.redact(message);
    this.#seq += 1;
    const at = new Date(this.#context.clock.now()).toISOString();
    const { attempt } = this.#run;
    this.#keep({ type: "log", line: { seq: this.#seq, at, level, attempt, step, message: text } });
  }

  runningStep(): string | null {
    return [...this.#steps.values()].find((step) => step.state === "running")?.name ?? null;
  }

  /** Closes what was left open by a death or a stop, and writes the rest. Throws what the store threw. */
  async end(error: ErrorRecord | null, isStop: boolean): Promise<void> {
    this.#meter[Symbol.dispose]();
    const ended = endOpenSteps([...this.#steps.values()], error, isStop, this.#context.clock.now());
    for (const step of ended) this.#putStep(step);
    if (error !== null) this.log("error", null, error.message);
    this.#flush();
    await this.#flushing;
    if (this.#flushError !== undefined) throw this.#flushError;
  }

  outcome(error: ErrorRecord | null, peakRssBytes: number | null): Omit<RunOutcome, "reason"> {
    const steps = [...this.#steps.values()];
    const rowsOf = (kind: Step["kind"]) =>
      steps.filter((step) => step.kind === kind && (step.state === "succeeded" || step.state === "warned"))
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

  /** A step that an earlier attempt committed stays that attempt's, unless it died before it could say so. */
  #takeStep(step: Step): void {
    const known = this.#steps.get(step.name);
    const isKnown = known?.attempt === step.attempt && known.state === step.state;
    if (step.attempt !== this.#run.attempt && isKnown) return;
    this.#putStep({ ...step, attempt: this.#run.attempt });
  }

  #putStep(step: Step): void {
    const isNew = this.#steps.get(step.name)?.state !== "running";
    if (step.state !== "running") this.#meter.end(step.name);
    else if (isNew) this.#meter.begin(step.name);
    this.#steps.set(step.name, step);
    this.#keep({ type: "step", step });
  }

  /** Requests are kept with their step while it runs: not each time, but also where it never ends. */
  #takeProgress(report: Extract<Report, { type: "progress" }>): void {
    const { step: name, traffic } = report;
    const step = this.#steps.get(name);
    if (step?.state !== "running") return;
    const told = traffic === undefined ? {} : { traffic };
    this.#keep({ type: "progress", step: name, ...told, ...this.#meter.take(report) });
    if (traffic === undefined) return;
    const counted = { ...step, traffic };
    this.#steps.set(name, counted);
    const nowMs = this.#context.clock.now();
    if (nowMs - (this.#trafficKeptMs.get(name) ?? -Infinity) < KEEP_TRAFFIC_EVERY_MS) return;
    this.#trafficKeptMs.set(name, nowMs);
    this.#keep({ type: "step", step: counted });
  }

  #putColumns(stream: string, columns: readonly Column[]): void {
    if (JSON.stringify(this.#knownColumns[stream]) === JSON.stringify(columns)) return;
    this.#knownColumns[stream] = columns;
    const { store, lease } = this.#context;
    const write = () => store.pipelines.putStreamColumns(this.#run.pipeline, stream, columns, lease);
    this.#offer(`the columns of "${stream}"`, write);
  }

  #keep(event: RunEvent): void {
    this.#waiting += 1;
    if (event.type === "progress" && this.#waiting > MAX_WAITING_EVENTS) return;
    this.#pending.push(event);
    if (this.#pending.length >= FLUSH_EVENTS) this.#flush();
    else this.#flushLater();
  }

  #flushLater(): void {
    this.#flushTimer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  #flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    const [events, published] = [this.#pending, this.#published];
    this.#pending = [];
    this.#published = [];
    if (events.length > 0) {
      this.#offer(`what run ${this.#run.id} reports`, async () => {
        await this.#store(events);
        this.#waiting = this.#pending.length;
      });
    }
    if (published.length === 0) return;
    const { store, lease, log, publish } = this.#context;
    this.#flushing = this.#flushing.then(async () => {
      if (this.#isLost || !await store.attempts.putSteps(lease, [])) return;
      await publish(this.#run.pipeline, published);
    }).catch((error) => {
      log("warn", "what a run reported was not kept", { error: toAppError(error).message });
    });
  }

  #offer(what: string, write: () => Promise<void>): void {
    this.#flushing = this.#flushing.then(() => writeUntilDone(this.#context, what, write))
      .catch((error) => {
        this.#flushError ??= toAppError(error);
      });
  }

  async #store(events: readonly RunEvent[]): Promise<void> {
    const { store, lease } = this.#context;
    if (this.#isLost) return;
    // Of a step that changed several times, the last is what it is.
    const steps = new Map(
      events.flatMap((event) => event.type === "step" ? [[event.step.name, event.step]] : []),
    );
    const lines = events.flatMap((event) => event.type === "log" ? [event.line] : []);
    const isHeld = (steps.size === 0 || await store.attempts.putSteps(lease, [...steps.values()])) &&
      await store.logs.append(lease, lines);
    if (!isHeld) {
      this.#isLost = true;
      this.#onLost();
      return;
    }
    for (const event of events) this.#context.events.publish(this.#run.id, event);
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

/** The steps that were left open, as they end where nobody works on them any more. */
export function endOpenSteps(
  steps: readonly Step[],
  error: ErrorRecord | null,
  isStop: boolean,
  nowMs: number,
): Step[] {
  return steps.flatMap((step): Step[] => {
    if (step.state === "pending") return [{ ...step, state: isStop ? "cancelled" : "skipped" }];
    if (step.state !== "running") return [];
    const state = isStop ? "cancelled" : "failed";
    return [{ ...step, state, finished_at: new Date(nowMs).toISOString(), error: step.error ?? error }];
  });
}
