import { environmentOf } from "../../contract/environments/pipeline_name.ts";
import type { FollowedView } from "../../contract/connector/followed.ts";
import type { PipelineDetail, PipelineSummary, Run } from "../../contract/run.ts";
import { nextOf, type ScheduleView } from "../../contract/pipeline/schedule_view.ts";
import { type ReadableRevision, type RevisionFile, writtenFiles } from "../../contract/revision.ts";
import type { PipelineStep } from "../../contract/run.ts";
import { type AfterDefinition, dependenciesOf } from "../../contract/triggers/after.ts";
import type { AfterView, SensorView } from "../../contract/triggers/trigger_view.ts";
import type { PipelineRecord, RevisionHead } from "../store/ports/definitions.ts";

/** Pipelines as the API and the pages show them, made of what the store holds. */

export function summaryOf(
  record: PipelineRecord,
  revision: RevisionHead | undefined,
  { lastRun, followed, schedules, sensors }: {
    readonly lastRun: Run | undefined;
    readonly followed: readonly FollowedView[];
    readonly schedules: readonly ScheduleView[];
    readonly sensors: readonly SensorView[];
  },
): PipelineSummary {
  const definition = revision?.definition;
  const shown = schedules.map((view) => record.paused ? { ...view, next: [] } : view);
  const [next] = nextOf(shown, 1);
  return {
    name: record.name,
    environment: environmentOf(record.name),
    description: definition?.description ?? null,
    tags: definition?.tags ?? [],
    owner: definition?.owner ?? null,
    origin: record.origin,
    revision: record.revision,
    git_commit: revision?.gitCommit ?? null,
    schedule: shown[0] ?? null,
    schedules: shown,
    after: definition?.after === undefined ? null : afterView(definition.after),
    sensors: [...sensors],
    paused: record.paused,
    next_run_at: next?.at ?? null,
    last_run: lastRun ?? null,
    faults: [...record.faults],
    warnings: [
      ...followed.flatMap(({ warning }) => warning === null ? [] : [warning]),
      ...sensors.flatMap(({ problem }) => problem === null ? [] : [problem]),
    ],
  };
}

function afterView(after: AfterDefinition): AfterView {
  const { needs, pipelines } = dependenciesOf(after);
  return { needs, pipelines: [...pipelines] };
}

export function detailOf(
  summary: PipelineSummary,
  revision: ReadableRevision | undefined,
  steps: readonly PipelineStep[],
  source: RevisionFile | undefined,
  { followed, followedBy }: {
    readonly followed: readonly FollowedView[];
    readonly followedBy: readonly string[];
  },
): PipelineDetail {
  return {
    ...summary,
    definition: revision === undefined ? null : { ...revision.definition },
    source: source === undefined || revision === undefined ? null : { ...source },
    files: writtenFiles(revision?.files ?? []).map(({ path, content }) => ({ path, content })),
    followed_by: [...followedBy],
    steps: [...steps],
    followed: [...followed],
  };
}
