import { join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { CompareJob } from "../../../contract/jobs/compare_job.ts";
import type { PromotionJob } from "../../../contract/jobs/environments/promotion_job.ts";
import type { PreviewJob } from "../../../contract/jobs/preview_job.ts";
import type { ReplayJob } from "../../../contract/jobs/replay_job.ts";
import type { WarehouseKey } from "../../../contract/keys/warehouse_key.ts";
import type { Report } from "../../../contract/jobs/reports.ts";
import type { Log } from "../../../contract/log.ts";
import type { Policy } from "../../grants/policy.ts";
import { Redactor } from "../../grants/redact.ts";
import { followReports, StderrLines } from "../attempt/follow_reports.ts";
import { type RunProcessProgram, spawnRunProcess } from "../attempt/spawn.ts";

export interface CopyProcessContext {
  readonly projectDir: string;
  readonly policy: Pick<Policy, "memoryMax" | "spillMax">;
  readonly runProcess: RunProcessProgram;
  readonly log: Log;
}

/** What such a process has from here. */
type Placed = "projectDir" | "tempDir" | "connectors" | "duckdb";
type Unplaced<J> = J extends unknown ? Omit<J, Placed> : never;

export interface CopyProcess {
  readonly job: Unplaced<CompareJob | PreviewJob | PromotionJob | ReplayJob>;
  readonly pipeline: string;
  /** What it is for, to be read: `compare the models of orders`. */
  readonly purpose: string;
  /** Its own folder, which goes with it. Absolute. */
  readonly folder: string;
  /** Other folders that it may read. Absolute. */
  readonly reads?: readonly string[];
  /** Those of the warehouses, which no message may have. */
  readonly keys: readonly (WarehouseKey | undefined)[];
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
  { projectDir, policy, runProcess, log }: CopyProcessContext,
  { job, pipeline, purpose, folder, reads = [], keys, timeoutMs, advice, onReport }: CopyProcess,
  signal: AbortSignal,
): Promise<void> {
  const { redact } = new Redactor(keys.flatMap((key) => key?.key ?? []));
  const timeout = AbortSignal.timeout(timeoutMs);
  const stderr = new StderrLines();
  await using process = await spawnRunProcess(
    runProcess,
    {
      ...job,
      projectDir,
      tempDir: join(folder, "spill"),
      connectors: {},
      duckdb: { directories: [], files: [], ...limitsOf(policy) },
    },
    { hosts: [], read: [...reads, folder], write: [folder], deny: [] },
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
function limitsOf({ memoryMax, spillMax }: Pick<Policy, "memoryMax" | "spillMax">) {
  return {
    ...(memoryMax === undefined ? {} : { memoryLimit: memoryMax.text }),
    ...(spillMax === undefined ? {} : { spillLimit: spillMax.text }),
  };
}
