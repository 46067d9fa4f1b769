import { ulid } from "ulid";
import { lookAtFollower, lookForFiles } from "../../definitions/discover.ts";
import { Admission } from "../../runs/admission/admission.ts";
import type { ProcessPool } from "../../runs/attempt/process_pool.ts";
import { RunProcesses } from "../../runs/attempt/run_processes.ts";
import { forgetFailedRows } from "../../runs/checks/failed_rows_folder.ts";
import { Housekeeping } from "../../runs/housekeeping.ts";
import { createLocalWorker } from "../../runs/local_worker.ts";
import { OutboxRelay } from "../../runs/outbox_relay.ts";
import { RunEvents } from "../../runs/run_events.ts";
import { RunQueue } from "../../runs/run_queue.ts";
import { Scheduler } from "../../runs/schedules/scheduler.ts";
import { Metrics } from "../../runs/seeing/metrics.ts";
import { DeliveryFigures } from "../../runs/seeing/problem_figures.ts";
import type { Service } from "../../runs/service.ts";
import { forgetSnapshots } from "../../runs/snapshots/forget_snapshots.ts";
import { forgetKeptInputs } from "../../runs/warehouses/kept_inputs.ts";
import { BackfillRuns } from "../backfills/backfill_runs.ts";
import { FollowerWatch } from "../following/follower_watch.ts";
import { createManifests } from "../manifests/local_manifests.ts";
import type { Manifests } from "../manifests/port.ts";
import { pipelineRecord } from "../pipeline_record.ts";
import { RunQueries } from "../run_queries.ts";
import { createEnvironments } from "../environments/local_environments.ts";
import type { Environments } from "../environments/port.ts";
import { RunRequests } from "../run_requests.ts";
import { ScheduledPipelines } from "../schedules/scheduled_pipelines.ts";
import { type Background, createBackground } from "../services/create_background.ts";
import { startForNext } from "../start_ahead.ts";
import { columnsByTable } from "../table_view.ts";
import type { DataParts } from "./data_parts.ts";
import type { PartsContext } from "./engine_context.ts";
import type { ProjectParts } from "./project_parts.ts";

/** What asks for runs, begins them, works on them, tells of them and forgets them. */
export interface RunParts {
  readonly admission: Admission;
  readonly relay: OutboxRelay;
  readonly queue: RunQueue;
  readonly requests: RunRequests;
  readonly environments: Environments;
  readonly backfills: BackfillRuns;
  readonly runs: RunQueries;
  readonly manifests: Manifests;
  readonly scheduler: Scheduler;
  readonly housekeeping: Housekeeping;
  readonly followers: FollowerWatch;
  readonly metrics: Metrics;
  readonly background: Background;
  /** What else works while the server has housekeeping to do. */
  readonly services: readonly Service[];
}

interface Surroundings {
  readonly project: ProjectParts;
  readonly data: DataParts;
  readonly processes: ProcessPool;
  /** Aborted when the engine ends. */
  readonly stopping: AbortSignal;
}

export function createRunParts(context: PartsContext, surroundings: Surroundings): RunParts {
  const { store, clock, log, maxRuns, isAlone, dataDir } = context;
  const { project: { definitions }, data, processes, stopping } = surroundings;
  const { folders, pipelines } = data;
  const events = new RunEvents();
  const relay = new OutboxRelay({ outbox: store.outbox, events, clock, log });
  const underWay = new RunProcesses();
  const deliveries = new DeliveryFigures();
  /** The outbox has something new. */
  const onRunChange = () => {
    relay.wake();
    background.telemetry.wake();
    for (const service of services) service.wake?.();
  };
  const metrics = new Metrics({
    ...context,
    processes: underWay,
    deliveries,
    status: () => admission.status(queue.running),
  });
  const admission: Admission = new Admission({
    ...context,
    onOpen: () => queue.wake(),
    onDisk: () => background.onServerProblem(),
  });
  const queue: RunQueue = new RunQueue({
    store,
    clock,
    log,
    worker: createLocalWorker({ ...context, ...folders, events, leaving: stopping, processes, underWay }),
    mayBegin: () => admission.mayBegin(),
    maxRuns,
    isAlone,
    owner: ulid(clock.now()),
    onChange: () => {
      onRunChange();
      scheduler.onRunChange();
    },
  });
  const asking = {
    connectors: context.connectors,
    pools: context.pools ?? {},
    store,
    clock,
    log,
    queue,
    pipeline: (name: string) => pipelineRecord(store, name),
    onChange: () => {
      queue.wake();
      onRunChange();
    },
  };
  const requests = new RunRequests(asking);
  const runs = new RunQueries({
    store,
    clock,
    relay,
    events,
    requests,
    // Others of the store may take the run.
    held: () => isAlone ? admission.held : undefined,
  });
  const scheduled = new ScheduledPipelines(store);
  const scheduler: Scheduler = new Scheduler({
    clock,
    log,
    list: () => scheduled.list(),
    lastRun: (pipeline) => scheduled.lastRun(pipeline),
    fire: (firings) => requests.fire(firings),
    prepare: (pipeline) => startForNext(context, processes, pipeline),
    mark: (marks) => store.pipelines.putScheduleMarks(marks),
  });
  const background: Background = createBackground({
    ...context,
    lowDisk: () => admission.lowDisk,
    definitionsProblem: () => definitions.sourceProblem,
    requests,
    deliveries,
    streams: folders.streams,
    columns: async (pipeline) => columnsByTable(await pipelines.tables(pipeline)),
    lookForFiles: (connector, path, signal) =>
      lookForFiles(definitions.checkContext, connector, path, signal),
  });
  const services: readonly Service[] = [...background.services, metrics];
  return {
    admission,
    relay,
    queue,
    requests,
    backfills: new BackfillRuns({ ...asking, requests }),
    environments: createEnvironments({ ...context, definitions, requests }),
    runs,
    manifests: createManifests({ ...context, getRun: (id) => runs.get(id) }),
    scheduler,
    housekeeping: new Housekeeping({
      store,
      clock,
      log,
      settings: context.retention,
      dataDir,
      spillsInUse: () => new Set([...processes.folders, ...data.loads.folders, ...data.data.folders]),
      forgetFiles: [
        () => forgetFailedRows(dataDir, store),
        () => forgetSnapshots(context),
        () => forgetKeptInputs(dataDir, store),
      ],
    }),
    followers: new FollowerWatch({
      store,
      clock,
      log,
      followed: folders.followed,
      look: ({ connector, ...follower }, signal) =>
        lookAtFollower(definitions.checkContext, connector, follower, signal),
    }),
    metrics,
    background,
    services,
  };
}
