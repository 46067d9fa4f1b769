import { join } from "node:path";
import type { Answer, CheckPlace, CheckReport, CheckSubject, Question } from "../../../contract/job.ts";
import type { ConnectorDefinition } from "../../../contract/connector/entry.ts";
import { answering } from "../../runs/attempt/answers.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import { type ProcessBudget, watchBudget } from "./process_budget.ts";
import type { Grant } from "../../grants/grant.ts";
import type { ProcessPool } from "../../runs/attempt/process_pool.ts";
import { type RunProcess, type RunProcessProgram, spawnRunProcess } from "../../runs/attempt/spawn.ts";

/** DuckDB's own limit in a check: no rows are read. */
const CHECK_MEMORY = "1GB";

export type CheckEnd =
  | { readonly reports: readonly CheckReport[] }
  /** It was stopped, or stopped by itself. */
  | {
    readonly stopped: "time" | "memory" | "died";
    readonly place: CheckPlace | undefined;
    readonly detail: string;
  };

export interface CheckProcessOptions {
  readonly program: RunProcessProgram;
  /** Where a process for it may wait. */
  readonly processes?: Pick<ProcessPool, "startWaiting"> | undefined;
  readonly projectDir: string;
  readonly subjects: readonly CheckSubject[];
  /** References not resolved; `answer` resolves them. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  readonly answer: (question: Question) => Promise<Answer>;
  readonly grant: Grant;
  readonly budget: ProcessBudget;
  readonly redact: (text: string) => string;
  readonly log: Log;
  /** Called when the process begins with something new. */
  readonly onPlace?: (place: CheckPlace) => void;
}

/**
 * Checks pipelines in a process of their own, which is killed where it goes over its budget. Throws
 * the error that the process reported, and the signal's reason.
 */
export async function runCheckProcess(options: CheckProcessOptions, signal: AbortSignal): Promise<CheckEnd> {
  signal.throwIfAborted();
  const tempDir = await Deno.makeTempDir({ prefix: "sluice-check-" });
  const stderr: string[] = [];
  const { program, processes, projectDir, grant: { permissions, duckdb } } = options;
  const job = {
    kind: "check" as const,
    projectDir,
    connectors: options.connectors,
    duckdb: { memoryLimit: CHECK_MEMORY, ...duckdb },
    pipelines: options.subjects,
  };
  const onStderr = (line: string) => void (stderr.length < 50 && stderr.push(line));
  try {
    const spawned = await processes?.startWaiting({ permissions, projectDir }, job, onStderr) ??
      await spawnRunProcess(program, { ...job, tempDir: join(tempDir, "spill") }, permissions, onStderr);
    await using process = answering(spawned, options.answer);
    const end = await follow(process, options, signal);
    if (!("stopped" in end) || end.stopped !== "died") return end;
    const { code, signal: killedBy } = await process.status;
    const how = killedBy === null ? `with exit code ${code}` : `by ${killedBy}`;
    return { ...end, detail: options.redact([`It ended ${how}.`, ...stderr].join("\n")) };
  } finally {
    await Deno.remove(tempDir, { recursive: true });
  }
}

async function follow(
  process: RunProcess,
  { budget, redact, log, onPlace }: CheckProcessOptions,
  signal: AbortSignal,
): Promise<CheckEnd> {
  using watch = watchBudget(process, budget, signal);
  let reports: readonly CheckReport[] | undefined;
  let place: CheckPlace | undefined;
  for await (const report of process.reports) {
    if (report.type === "checking") {
      place = report.place;
      onPlace?.(place);
    } else if (report.type === "checked") reports = report.reports;
    else if (report.type === "log") log(report.level, redact(report.message));
    else if (report.type === "finished") {
      await process.close();
      if (report.error === null) continue;
      const { code, message, detail } = report.error;
      throw new AppError(code, redact(message), detail === undefined ? {} : { detail: redact(detail) });
    }
  }
  signal.throwIfAborted();
  if (reports !== undefined) return { reports: reports.map((report) => redactReport(report, redact)) };
  return { stopped: watch.exceeded ?? "died", place, detail: "" };
}

function redactReport(report: CheckReport, redact: (text: string) => string): CheckReport {
  return { ...report, faults: report.faults.map((fault) => ({ ...fault, message: redact(fault.message) })) };
}
