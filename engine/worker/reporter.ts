import { type AppError, toErrorRecord } from "../../contract/errors.ts";
import type { LogLevel } from "../../contract/log.ts";
import type { PipelineStep, Step } from "../../contract/run.ts";
import type { Report, SourceTotal } from "../../contract/jobs/reports.ts";
import type { Traffic } from "../../contract/streams/traffic.ts";

/** Followers see numbers move this often, not faster. */
const PROGRESS_EVERY_MS = 200;

/** Writes a process's reports to its stdout, each a line of its own, in the order of the calls. */
export class Reporter {
  readonly #key: string;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #lastProgressMs = new Map<string, number>();
  readonly #traffic = new Map<string, Traffic>();

  /** `key` is the job's `reportKey`; `write` takes all of the bytes before it returns. */
  constructor(key: string, write: (bytes: Uint8Array) => void) {
    this.#key = key;
    this.#write = write;
  }

  send(report: Report): void {
    // The line break before it ends what native code may have left unfinished.
    this.#write(new TextEncoder().encode(`\n${this.#key} ${JSON.stringify(report)}\n`));
  }

  log(level: LogLevel, step: string | null, message: string): void {
    this.send({ type: "log", level, step, message });
  }

  /** Writes log lines of one step. */
  logger(step: string): (level: LogLevel, message: string) => void {
    return (level, message) => this.log(level, step, message);
  }

  /** `total` is what there is in all, as far as the step's source knows. */
  progress(step: string, rows: number, sizeBytes: number | null = null, total?: SourceTotal): void {
    const nowMs = performance.now();
    if (nowMs - (this.#lastProgressMs.get(step) ?? -Infinity) < PROGRESS_EVERY_MS) return;
    this.#lastProgressMs.set(step, nowMs);
    const known = total === undefined ? {} : { total };
    this.send({ type: "progress", step, rows, sizeBytes, ...known, ...this.trafficOf(step) });
  }

  /** What the step's requests have come to, which goes with its progress. */
  traffic(step: string, traffic: Traffic): void {
    this.#traffic.set(step, traffic);
  }

  /** As it was last told; nothing for a step that asks no API. */
  trafficOf(step: string): Pick<Step, "traffic"> {
    const traffic = this.#traffic.get(step);
    return traffic === undefined ? {} : { traffic };
  }
}

/** Reports the requests of a step that reads an API, and the records that have come. */
export function tellTraffic(
  reporter: Reporter,
  step: string,
): (traffic: Traffic, records: number) => void {
  return (traffic, records) => {
    reporter.traffic(step, traffic);
    reporter.progress(step, records);
  };
}

/** A step that has just begun. */
export function startStep(step: PipelineStep, attempt: number, startedAtMs: number): Step {
  return {
    name: step.name,
    kind: step.kind,
    state: "running",
    attempt,
    rows: null,
    size_bytes: null,
    started_at: new Date(startedAtMs).toISOString(),
    finished_at: null,
    duration_ms: null,
    error: null,
    sql: step.sql,
    depends: step.depends,
  };
}

/** The step as it ended by an error. */
export function failStep(step: Step, failure: AppError, nowMs: number): Step {
  const state = failure.code === "cancelled" ? "cancelled" : "failed";
  return endStep(step, { state, error: toErrorRecord(failure) }, nowMs);
}

/** The step with its end, `change` over it. */
export function endStep(step: Step, change: Partial<Step>, nowMs: number): Step {
  const startedMs = step.started_at === null ? nowMs : Date.parse(step.started_at);
  return {
    ...step,
    ...change,
    finished_at: new Date(nowMs).toISOString(),
    duration_ms: Math.max(0, nowMs - startedMs),
  };
}
