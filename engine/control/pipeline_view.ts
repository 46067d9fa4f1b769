import type { PipelineDetail, PipelineSummary, Run } from "../../contract/run.ts";
import type { Revision } from "../../contract/pipeline.ts";
import type { PipelineStep } from "../../contract/run.ts";
import { nextFiringMs } from "../runs/scheduler.ts";
import type { PipelineRecord, RevisionHead } from "../store/store.ts";

/** Pipelines as the API and the pages show them, made of what the store holds. */

export function summaryOf(
  record: PipelineRecord,
  revision: RevisionHead | undefined,
  lastRun: Run | undefined,
  nowMs: number,
): PipelineSummary {
  const definition = revision?.definition;
  const schedule = definition?.schedule;
  const nextMs = schedule === undefined || record.paused
    ? undefined
    : nextFiringMs(record.name, schedule, nowMs);
  return {
    name: record.name,
    description: definition?.description ?? null,
    tags: definition?.tags ?? [],
    origin: record.origin,
    revision: record.revision,
    git_commit: revision?.gitCommit ?? null,
    schedule: schedule === undefined ? null : { cron: schedule.cron, timezone: schedule.timezone },
    paused: record.paused,
    next_run_at: nextMs === undefined ? null : new Date(nextMs).toISOString(),
    last_run: lastRun ?? null,
    faults: [...record.faults],
  };
}

export function detailOf(
  summary: PipelineSummary,
  revision: Revision | undefined,
  steps: readonly PipelineStep[],
): PipelineDetail {
  return {
    ...summary,
    definition: revision === undefined ? null : { ...revision.definition },
    files: (revision?.files ?? []).map(({ path, content }) => ({ path, content })),
    steps: [...steps],
  };
}
