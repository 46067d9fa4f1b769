import { join } from "node:path";
import type { CheckPlace, CheckReport, CheckSubject } from "../../../contract/jobs/check_job.ts";
import type { Report } from "../../../contract/jobs/reports.ts";
import type { ConnectorDefinition } from "../../../contract/connector/entry.ts";
import type { SnapshotInputs } from "../../../contract/snapshots/source.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import { answering } from "../../runs/attempt/answers.ts";
import { followReports, StderrLines } from "../../runs/attempt/follow_reports.ts";
import type { Log } from "../../../contract/log.ts";
import { type ProcessBudget, watchBudget } from "./process_budget.ts";
import type { Answers } from "../../grants/answer_questions.ts";
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
  /** See CheckJob. */
  readonly published?: SnapshotInputs;
  /** See CheckJob. */
  readonly scripts: readonly RevisionFile[];
  readonly wantsLineage: boolean;
  /** References not resolved; `answers` resolve them. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  readonly answers: Answers;
  readonly grant: Grant;
  readonly budget: ProcessBudget;
  /** See CheckJob. */
  readonly modelsAtOnce?: number;
  /** See CheckJob. */
  readonly runsTests?: boolean;
  /** See CheckJob. */
  readonly streamsOnly?: boolean;
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
  const stderr = new StderrLines();
  const { program, processes, projectDir, grant: { permissions, duckdb } } = options;
  const job = {
    kind: "check" as const,
    projectDir,
    connectors: options.connectors,
    duckdb: { memoryLimit: CHECK_MEMORY, ...duckdb },
    pipelines: options.subjects,
    ...(options.published === undefined ? {} : { published: options.published }),
    scripts: options.scripts,
    ...(options.modelsAtOnce === undefined ? {} : { modelsAtOnce: options.modelsAtOnce }),
    wantsLineage: options.wantsLineage,
    ...(options.runsTests === true ? { runsTests: true } : {}),
    ...(options.streamsOnly === true ? { streamsOnly: true } : {}),
  };
  try {
    const spawned = await processes?.startWaiting({ permissions, projectDir }, job, stderr.take) ??
      await spawnRunProcess(program, { ...job, tempDir: join(tempDir, "spill") }, permissions, stderr.take);
    await using process = answering(spawned, options.answers);
    const end = await follow(process, options, signal);
    if (!("stopped" in end) || end.stopped !== "died") return end;
    const { code, signal: killedBy } = await process.status;
    const how = killedBy === null ? `with exit code ${code}` : `by ${killedBy}`;
    return { ...end, detail: options.redact(`It ended ${how}.\n${stderr.text}`.trimEnd()) };
  } finally {
    await Deno.remove(tempDir, { recursive: true });
  }
}

async function follow(
  process: RunProcess,
  { budget, redact, log, onPlace }: CheckProcessOptions,
  signal: AbortSignal,
): Promise<CheckEnd> {
  using watch = watchBudget(process, budget);
  let reports: readonly CheckReport[] | undefined;
  let place: CheckPlace | undefined;
  const onReport = (report: Report) => {
    if (report.type === "checking") {
      place = report.place;
      onPlace?.(place);
    } else if (report.type === "checked") reports = report.reports;
  };
  await followReports(process, { redact, log, onReport }, signal);
  if (reports !== undefined) return { reports: reports.map((report) => redactReport(report, redact)) };
  return { stopped: watch.exceeded ?? "died", place, detail: "" };
}

function redactReport(report: CheckReport, redact: (text: string) => string): CheckReport {
  return { ...report, faults: report.faults.map((fault) => ({ ...fault, message: redact(fault.message) })) };
}
