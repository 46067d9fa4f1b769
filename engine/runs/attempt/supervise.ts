import { type ErrorRecord, toErrorRecord } from "../../../contract/errors.ts";
import type { PipelineStep, Run } from "../../../contract/run.ts";
import { AttemptRecorder, type RecorderContext } from "./record.ts";
import { redactError } from "./redact_reports.ts";
import { ProcessStopper, stopError, type StopReason } from "./stop.ts";
import type { UnplacedJob } from "./process_pool.ts";
import type { RunProcesses } from "./run_processes.ts";
import type { RunProcess } from "./spawn.ts";
import type { RunOutcome } from "../../store/ports/runs.ts";
import { formatCount, formatDuration, formatPlural } from "../../../text/format.ts";

export interface AttemptContext extends RecorderContext {
  /** Starts the process of this job. */
  readonly spawn: (job: UnplacedJob, onStderr: (line: string) => void) => Promise<RunProcess>;
  readonly underWay: RunProcesses;
}

/** How an attempt ended. `stopped` says which stop took effect, where one did. */
export interface AttemptResult {
  readonly error: ErrorRecord | null;
  readonly stopped: StopReason | "timeout" | null;
  readonly outcome: Omit<RunOutcome, "reason">;
}

/**
 * Follows one attempt of a run from its process's start to its end: keeps its steps and log lines,
 * informs followers, and turns every way of ending (a report, a crash, a time-out, a stop) into one
 * result. Throws only what the store throws.
 */
export async function superviseAttempt(
  context: AttemptContext,
  run: Run,
  job: UnplacedJob,
  plannedSteps: readonly PipelineStep[],
  stop: AbortSignal,
): Promise<AttemptResult> {
  const lost = new AbortController();
  const recorder = new AttemptRecorder(context, run, () => lost.abort("lost" satisfies StopReason));
  // The process starts while its record is opened.
  const begun = recorder.begin(plannedSteps).then(() =>
    recorder.log("info", null, beginLine(run, plannedSteps))
  );
  const end = await followProcess(context, job, recorder, begun, AbortSignal.any([stop, lost.signal]));
  await begun;
  const error = redactError(context.redact, errorOf(end, job.definition.timeout));
  const outcome = recorder.outcome(error, end.peakRssBytes);
  if (error === null) recorder.log("info", null, endLine(run, outcome));
  await recorder.end(error, end.stopped !== null && end.stopped !== "timeout");
  return {
    error,
    stopped: error === null ? null : end.stopped,
    outcome: recorder.outcome(error, end.peakRssBytes),
  };
}

/** The first line of an attempt, so that a log that is followed begins at once. */
function beginLine(run: Run, steps: readonly PipelineStep[]): string {
  const what = run.select === null ? formatPlural(steps.length, "step") : `the steps of "${run.select}"`;
  return `Attempt ${run.attempt} of revision ${run.revision.slice(0, 8)} begins: ${what}`;
}

function endLine(run: Run, { atMs, rowsExtracted, rowsLoaded }: AttemptResult["outcome"]): string {
  const took = run.started_at === null ? null : atMs - Date.parse(run.started_at);
  return `Succeeded in ${formatDuration(took)}: ${formatPlural(rowsExtracted, "row")} extracted, ${
    formatCount(rowsLoaded)
  } loaded`;
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
  job: UnplacedJob,
  recorder: AttemptRecorder,
  begun: Promise<void>,
  stop: AbortSignal,
): Promise<ProcessEnd> {
  let finished: ErrorRecord | null | undefined;
  let failure: ErrorRecord | null = null;
  let peakRssBytes: number | null = null;
  let stopper: ProcessStopper | undefined;
  try {
    await using process = await context.spawn(job, (line) => {
      begun.then(() => recorder.log("warn", null, line), () => {});
    });
    using _seen = context.underWay.add(process.pid, job.pipeline);
    using armed = new ProcessStopper(context.clock, process, stop, job.definition.timeout);
    stopper = armed;
    await begun;
    for await (const report of process.reports) {
      if (report.type !== "finished") {
        recorder.take(report);
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

/** A stop that came too late to matter leaves a success a success. */
function errorOf(end: ProcessEnd, timeout: string | undefined): ErrorRecord | null {
  if (end.failure === null && end.finished === null) return null;
  if (end.stopped !== null) return stopError(end.stopped, timeout);
  return end.failure ?? end.finished ??
    { code: "internal", message: "The run's process ended without a result" };
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
