import { join } from "node:path";
import type { ConvertJob } from "../../../contract/jobs/convert_job.ts";
import type { DiscoveryJob } from "../../../contract/jobs/discovery_job.ts";
import type { EnvironmentJob } from "../../../contract/jobs/environments/environment_job.ts";
import type { FormatJob } from "../../../contract/jobs/format_job.ts";
import type { RejectsJob } from "../../../contract/jobs/rejects_job.ts";
import type { ScriptJob } from "../../../contract/jobs/script_job.ts";
import type { Answers } from "../../grants/answer_questions.ts";
import type { ProcessPermissions } from "../../grants/grant.ts";
import { answering } from "./answers.ts";
import { StderrLines } from "./follow_reports.ts";
import { type RunProcess, type RunProcessProgram, spawnRunProcess } from "./spawn.ts";

type Unplaced<Job> = Job extends unknown ? Omit<Job, "tempDir"> : never;

/** A job that somebody waits for, beside all runs, and what its process may do and ask; nothing by default. */
export interface AskedJob {
  readonly job: Unplaced<DiscoveryJob | RejectsJob | ScriptJob | ConvertJob | EnvironmentJob | FormatJob>;
  readonly permissions: ProcessPermissions;
  readonly answers?: Answers;
}

/**
 * Starts a process for the job in a temporary folder of its own, and does the work with it; both are gone when the work is
 * done. `stderr` has what it wrote there.
 */
export async function withJobProcess<T>(
  program: RunProcessProgram,
  { job, permissions, answers }: AskedJob,
  work: (process: RunProcess, stderr: StderrLines) => Promise<T>,
): Promise<T> {
  const tempDir = await Deno.makeTempDir({ prefix: `sluice-${job.kind}-` });
  try {
    const stderr = new StderrLines();
    const placed = { ...job, tempDir: join(tempDir, "spill") };
    const spawned = await spawnRunProcess(program, placed, permissions, stderr.take);
    await using process = answers === undefined ? spawned : answering(spawned, answers);
    return await work(process, stderr);
  } finally {
    await Deno.remove(tempDir, { recursive: true });
  }
}
