import type { FollowedView } from "../../contract/connector/followed.ts";
import type { PipelineDetail, PipelineSummary, Run } from "../../contract/run.ts";
import type { ScheduleDefinition } from "../../contract/pipeline/pipeline.ts";
import { type Revision, type RevisionFile, writtenFiles } from "../../contract/revision.ts";
import type { PipelineStep, ScheduleView } from "../../contract/run.ts";
import { cronWords } from "../../text/cron_words.ts";
import { formatInZone } from "../../text/zone_time.ts";
import { nextFirings } from "../runs/scheduler.ts";
import type { PipelineRecord, RevisionHead } from "../store/store.ts";

const NEXT_FIRINGS = 5;

/** Pipelines as the API and the pages show them, made of what the store holds. */

export function summaryOf(
  record: PipelineRecord,
  revision: RevisionHead | undefined,
  { lastRun, followed }: { readonly lastRun: Run | undefined; readonly followed: readonly FollowedView[] },
  nowMs: number,
): PipelineSummary {
  const definition = revision?.definition;
  const schedule = definition?.schedule;
  const firings = schedule === undefined || record.paused
    ? []
    : nextFirings(record.name, schedule, nowMs, NEXT_FIRINGS);
  const [nextMs] = firings;
  return {
    name: record.name,
    description: definition?.description ?? null,
    tags: definition?.tags ?? [],
    origin: record.origin,
    revision: record.revision,
    git_commit: revision?.gitCommit ?? null,
    schedule: schedule === undefined ? null : scheduleView(schedule, firings),
    paused: record.paused,
    next_run_at: nextMs === undefined ? null : new Date(nextMs).toISOString(),
    last_run: lastRun ?? null,
    faults: [...record.faults],
    warnings: followed.flatMap(({ warning }) => warning === null ? [] : [warning]),
  };
}

function scheduleView({ cron, timezone }: ScheduleDefinition, firings: readonly number[]): ScheduleView {
  return {
    cron,
    timezone,
    words: cronWords(cron),
    next: firings.map((atMs) => ({
      at: new Date(atMs).toISOString(),
      local: formatInZone(atMs, timezone),
    })),
  };
}

export function detailOf(
  summary: PipelineSummary,
  revision: Revision | undefined,
  steps: readonly PipelineStep[],
  source: RevisionFile | undefined,
  followed: readonly FollowedView[],
): PipelineDetail {
  return {
    ...summary,
    definition: revision === undefined ? null : { ...revision.definition },
    source: source === undefined || revision === undefined ? null : { ...source },
    files: writtenFiles(revision?.files ?? []).map(({ path, content }) => ({ path, content })),
    steps: [...steps],
    followed: [...followed],
  };
}
