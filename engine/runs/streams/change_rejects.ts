import { AppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { RejectChange, StreamRejects } from "../../../contract/rejects.ts";
import { followReports } from "../attempt/follow_reports.ts";
import { withJobProcess } from "../attempt/job_process.ts";
import { hasWarehouse, warehousePath } from "../attempt/process_grant.ts";
import type { RunProcessProgram } from "../attempt/spawn.ts";
import type { PublishedFolder } from "./published.ts";

export interface ChangeRejectsContext {
  readonly projectDir: string;
  readonly dataDir: string;
  readonly runProcess: RunProcessProgram;
  readonly rejects: PublishedFolder<StreamRejects>;
  readonly log: Log;
}

export interface ChangeRejectsRequest {
  readonly pipeline: string;
  /** Or the step of a load. */
  readonly stream: string;
  /** Absent for a load. */
  readonly definition?: StreamDefinition | undefined;
  readonly action: "replay" | "drop";
}

/**
 * Replays or drops a stream's rejects in a process of its own, which may touch the pipeline's warehouse and nothing
 * else. No run of the pipeline may be under way. Throws `invalid` where nothing can be replayed, `unavailable` where
 * the warehouse is in use.
 */
export async function changeRejects(
  { projectDir, dataDir, runProcess, rejects, log }: ChangeRejectsContext,
  { pipeline, stream, definition, action }: ChangeRejectsRequest,
  signal: AbortSignal,
): Promise<RejectChange> {
  const subject = `Cannot ${action} the rejects of "${stream}"`;
  if (!await hasWarehouse(dataDir, pipeline)) {
    return { stream, replayed: 0, dropped: 0, left: 0, reason: null };
  }
  const job = {
    kind: "rejects",
    action,
    stream,
    ...(definition === undefined ? {} : { definition }),
    warehousePath: warehousePath(dataDir, pipeline),
    projectDir,
    connectors: {},
    duckdb: { directories: [], files: [] },
  } as const;
  const permissions = { hosts: [], read: [], write: [], deny: [] };
  return await withJobProcess(runProcess, { job, permissions }, async (process, stderr) => {
    let change: RejectChange | undefined;
    await followReports(process, {
      // It is handed no secret.
      redact: (text) => text,
      subject,
      log,
      onReport: async (report) => {
        if (report.type === "rejects") {
          await rejects.put(pipeline, stream, report.rejects.count === 0 ? undefined : report.rejects);
        } else if (report.type === "rejects_changed") change = report.change;
      },
    }, signal);
    if (change !== undefined) return change;
    throw new AppError("internal", `${subject}: the process that did it ended without a result`, {
      detail: stderr.text,
    });
  });
}
