import { AppError } from "../../../contract/errors.ts";
import type { Job } from "../../../contract/jobs/job.ts";
import type { Report } from "../../../contract/jobs/reports.ts";
import type { Log } from "../../../contract/log.ts";
import type { Policy } from "../../grants/policy.ts";
import { Redactor } from "../../grants/redact.ts";
import { followReports, StderrLines } from "../attempt/follow_reports.ts";
import { type RunProcessProgram, spawnRunProcess } from "../attempt/spawn.ts";

export interface CopyProcessContext {
  readonly runProcess: RunProcessProgram;
  readonly log: Log;
}

export interface CopyProcess {
  readonly job: Job;
  readonly pipeline: string;
  /** What it is for, to be read: `compare the models of orders`. */
  readonly purpose: string;
  /** Folders that it may read, and those that are its own. Absolute. */
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** What no message may have: the warehouse's key. */
  readonly secrets: readonly string[];
  readonly timeoutMs: number;
  /** What to do where it takes longer. */
  readonly advice: string;
  readonly onReport: (report: Report) => void;
}

/**
 * Carries out a job over a copy of a warehouse, in a process that may touch nothing but its folders. Throws what it reports,
 * `timeout` where it takes too long, and the signal's reason.
 */
export async function processOnCopy(
  { runProcess, log }: CopyProcessContext,
  { job, pipeline, purpose, read, write, secrets, timeoutMs, advice, onReport }: CopyProcess,
  signal: AbortSignal,
): Promise<void> {
  const { redact } = new Redactor(secrets);
  const timeout = AbortSignal.timeout(timeoutMs);
  const stderr = new StderrLines();
  await using process = await spawnRunProcess(
    runProcess,
    job,
    { hosts: [], read: [...read], write: [...write], deny: [] },
    stderr.take,
  );
  let isWhole: boolean;
  try {
    isWhole = await followReports(process, {
      redact,
      log: (level, message) => log(level, message, { pipeline }),
      onReport,
    }, AbortSignal.any([signal, timeout]));
  } catch (error) {
    if (!timeout.aborted || signal.aborted) throw error;
    throw new AppError("timeout", `Cannot ${purpose}: it took longer than ${timeoutMs / 1_000} s. ${advice}`);
  }
  if (isWhole) return;
  throw new AppError("internal", `Cannot ${purpose}: the process that did it ended early`, {
    detail: redact(stderr.text),
  });
}

/** What DuckDB may take, as a run without limits of its own has it. */
export function limitsOf({ memoryMax, spillMax }: Pick<Policy, "memoryMax" | "spillMax">) {
  return {
    ...(memoryMax === undefined ? {} : { memoryLimit: memoryMax.text }),
    ...(spillMax === undefined ? {} : { spillLimit: spillMax.text }),
  };
}
