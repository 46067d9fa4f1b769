import { type AuditTrail, NO_AUDIT } from "../../contract/audit/entry.ts";
import { ulid } from "ulid";
import type { ConnectorSummary, ConnectorTest, SourceStream } from "../../contract/discovery.ts";
import type { RejectChange, RejectsChange, RejectSummary, StreamRejects } from "../../contract/rejects.ts";
import type { StreamView } from "../../contract/streams/stream_view.ts";
import type { StreamSchema } from "../../contract/stream_schema.ts";
import { AppError } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import type { RunAnnotation } from "../../contract/runs/annotation.ts";
import type { PipelineLineage } from "../../contract/lineage/lineage.ts";
import type { PipelineSource } from "../../contract/revision.ts";
import type {
  ApplyResult,
  LogLine,
  PipelineDetail,
  PipelineSummary,
  Run,
  RunDetail,
  RunEvent,
} from "../../contract/run.ts";
import type { FailedRows } from "../../contract/checks/failed_rows.ts";
import type { Table, TablePreview } from "../../contract/table.ts";
import type { DefinitionLimits } from "../definitions/apply.ts";
import { lookAtFollower, lookForFiles } from "../definitions/discover.ts";
import type { LoadSummary, Verification } from "../../contract/loads/verification.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Engine, LogRange, RerunRequest, RunFilter, TriggerRequest } from "./engine.ts";
import { BackfillRuns } from "./backfills/backfill_runs.ts";
import type { Backfills } from "./backfills/port.ts";
import type { RemoteSettings } from "../definitions/git/settings.ts";
import type { PollLoop } from "../runs/poll_loop.ts";
import { followRemote } from "./versions/follow_remote.ts";
import { createVersionPlans } from "./models/version_plans.ts";
import { createVersions } from "./versions/local_versions.ts";
import { createEnvironments } from "./environments/local_environments.ts";
import type { Environments } from "./environments/port.ts";
import type { Versions } from "./versions/port.ts";
import type { ApplyRequest } from "./versions/project_source.ts";
import { createLineages } from "./models/stored_lineage.ts";
import { LocalHistory } from "./history/local_history.ts";
import type { RunHistory } from "./history/port.ts";
import type { Alerts } from "./alerts/alerts.ts";
import type { Webhooks } from "./webhooks/port.ts";
import type { ProcessPool } from "../runs/attempt/process_pool.ts";
import { FollowerWatch } from "./follower_watch.ts";
import { followFiles } from "./follow_files.ts";
import { DefinitionChanges } from "./definition_changes.ts";
import { PipelineLoads } from "./loads/pipeline_loads.ts";
import { pipelineRecord } from "./pipeline_record.ts";
import { columnsByTable } from "./table_view.ts";
import { PipelineQueries } from "./pipeline_queries.ts";
import { type Background, type BackgroundContext, createBackground } from "./services/create_background.ts";
import { AskedConnectors } from "./connectors/asked_connectors.ts";
import { createPublishedFolders } from "./streams/published_folders.ts";
import { createServerControl, type ServerControl } from "./services/server_control.ts";
import { ScheduledPipelines } from "./schedules/scheduled_pipelines.ts";
import { runFailedRows } from "./checks/run_failed_rows.ts";
import { StreamRejectsPort } from "./streams/stream_rejects.ts";
import { RunQueries } from "./run_queries.ts";
import { poolSlots } from "./requests/run_limits.ts";
import { RunRequests } from "./run_requests.ts";
import { createProcesses, type StartedAhead, startForNext } from "./start_ahead.ts";
import type { GrantContext } from "../grants/provide.ts";
import type { ProjectLook } from "../definitions/watch.ts";
import { Admission } from "../runs/admission/admission.ts";
import { Housekeeping, type RetentionSettings } from "../runs/housekeeping.ts";
import { createLocalWorker } from "../runs/local_worker.ts";
import { forgetFailedRows } from "../runs/checks/failed_rows_folder.ts";
import { forgetSnapshots } from "../runs/snapshots/forget_snapshots.ts";
import { PublishedFolder } from "../runs/streams/published.ts";
import { LocalData } from "./data/published_data.ts";
import { createManifests } from "./manifests/local_manifests.ts";
import type { Manifests } from "./manifests/port.ts";
import { createPlans } from "./models/local_plans.ts";
import type { Plans } from "./models/port.ts";
import { LocalQueries } from "./queries/local_queries.ts";
import { createWarehouses, type Warehouses } from "./warehouses/local_warehouses.ts";
import { createRowCover } from "../runs/streams/row_cover.ts";
import { forgetKeptInputs } from "../runs/warehouses/kept_inputs.ts";
import { isEncrypted } from "../runs/warehouses/warehouse_file.ts";
import { NO_WAREHOUSE_KEYS, type WarehouseKeys } from "../runs/warehouses/warehouse_keys.ts";
import { OutboxRelay } from "../runs/outbox_relay.ts";
import { RunEvents } from "../runs/run_events.ts";
import { RunProcesses } from "../runs/attempt/run_processes.ts";
import type { RunProcessProgram } from "../runs/attempt/spawn.ts";
import { Metrics } from "../runs/seeing/metrics.ts";
import { DeliveryFigures } from "../runs/seeing/problem_figures.ts";
import { RunQueue } from "../runs/run_queue.ts";
import type { Service } from "../runs/service.ts";
import type { Telemetry } from "../runs/telemetry/telemetry.ts";
import type { WebhookReceiver } from "../runs/webhooks/receive.ts";
import { Scheduler } from "../runs/schedules/scheduler.ts";
import type { Store } from "../store/store.ts";

/** `projectDir` and `dataDir` are absolute; the caller holds the data folder's lock. */
export interface EngineContext extends GrantContext {
  readonly store: Store;
  readonly runProcess: RunProcessProgram;
  /** What opens encrypted warehouses; all are plain by default. */
  readonly warehouseKeys?: WarehouseKeys;
  /** Takes what is done to warehouses; nothing is kept by default. */
  readonly audit?: AuditTrail;
  readonly clock: Clock;
  readonly log: Log;
  /** How many runs go on at the same time. */
  readonly maxRuns: number;
  /** Whether no other server can work on the store: what is under way elsewhere was left by a dead one. */
  readonly isAlone: boolean;
  readonly retention: RetentionSettings;
  /** Where people reach the server, for links in alerts; undefined where nobody has said so. */
  readonly publicUrl?: string | undefined;
  /** Where other systems hear of runs; nowhere by default. */
  readonly telemetry?: BackgroundContext["telemetry"];
  /** How many slots each pool has that pipelines name in `concurrency`; one that is not there has one. */
  readonly pools?: Readonly<Record<string, number>>;
  /** How many bytes of the data folder's disk a server keeps free; undefined: by its size, 0: none. */
  readonly diskReserveBytes?: number | undefined;
  /** The repository that definitions are pulled from; the project's folder is read without. */
  readonly remote?: RemoteSettings | undefined;
  /** What is wrong with the certificate that the server shows, for alerts. */
  readonly certificateProblem?: (() => string | undefined) | undefined;
  /** What was started while the store was opened. */
  readonly ahead?: StartedAhead | undefined;
}

export interface StartOptions {
  /** Whether pipelines start by their schedules. */
  readonly schedule: boolean;
  /** How the project's files looked before they were applied: what has changed since is applied, and goes on to be. */
  readonly watchSince?: ProjectLook;
  /** What applies them; `applyProject` by default. */
  readonly apply?: () => Promise<ApplyResult>;
  /** Whether what is old is forgotten. */
  readonly housekeeping: boolean;
  /** How many processes wait for the next runs of pipelines that ran or are due; none by default. */
  readonly readyProcesses?: number;
  /** Work on the runs of these pipelines only; all by default. */
  readonly pipelines?: readonly string[];
}

export function createEngine(context: EngineContext): LocalEngine {
  return new LocalEngine(context);
}

/** The engine of this process. Disposing of it stops what it started; runs under way stay queued. */
export class LocalEngine implements Engine, AsyncDisposable {
  readonly backfills: Backfills;
  readonly versions: Versions;
  readonly environments: Environments;
  readonly alerts: Alerts;
  readonly history: RunHistory;
  readonly server: ServerControl;
  readonly #admission: Admission;
  readonly #context: EngineContext;
  readonly #events = new RunEvents();
  readonly #stopping = new AbortController();
  readonly #connectors: AskedConnectors;
  readonly #relay: OutboxRelay;
  readonly #queue: RunQueue;
  readonly #requests: RunRequests;
  readonly #housekeeping: Housekeeping;
  readonly #followers: FollowerWatch;
  readonly #scheduler: Scheduler;
  /** What a scrape reads: of this server, and of the runs of all that work on its store. */
  readonly metrics: Metrics;
  /** What else works in the background, while the server has housekeeping to do. */
  readonly #services: readonly Service[];
  readonly #telemetry: Telemetry;
  readonly #background: Background;
  readonly #processes: ProcessPool;
  readonly #pipelines: PipelineQueries;
  readonly #runs: RunQueries;
  readonly #rejects: StreamRejectsPort;
  readonly #failedRows: PublishedFolder<FailedRows>;
  readonly #loads: PipelineLoads;
  readonly #definitions: DefinitionChanges;
  readonly webhooks: Webhooks;
  readonly plans: Plans;
  readonly manifests: Manifests;
  readonly queries: LocalQueries;
  readonly #lineageOf: ReturnType<typeof createLineages>;
  readonly data: LocalData;
  readonly warehouses: Warehouses;
  /** Takes what others post. */
  readonly receiver: WebhookReceiver;
  #isStarted = false;
  #watching: Promise<void> | undefined;
  #pulls: PollLoop | undefined;

  constructor(given: EngineContext) {
    const { warehouseKeys = NO_WAREHOUSE_KEYS } = given;
    const context = { ...given, warehouseKeys };
    this.#context = context;
    const { store, clock, log, maxRuns, isAlone } = context;
    this.#relay = new OutboxRelay({ outbox: store.outbox, events: this.#events, clock, log });
    this.#processes = context.ahead?.processes ?? createProcesses(context);
    this.#definitions = new DefinitionChanges({
      ...context,
      processes: this.#processes,
      signal: this.#stopping.signal,
      onChange: () => this.#scheduler.wake(),
    });
    this.#connectors = new AskedConnectors(() => this.#definitions.checkContext);
    const { dataDir } = context;
    const cover = createRowCover(warehouseKeys, (pipeline) => isEncrypted(dataDir, pipeline));
    this.plans = createPlans({ ...context, checkContext: () => this.#definitions.checkContext });
    this.queries = new LocalQueries({ ...context, checkContext: () => this.#definitions.checkContext });
    this.#lineageOf = createLineages({
      store,
      checkContext: () => this.#definitions.checkContext,
      signal: this.#stopping.signal,
    });
    this.data = new LocalData(context);
    this.warehouses = createWarehouses({ ...context, cover, audit: context.audit ?? NO_AUDIT });
    const folders = createPublishedFolders(dataDir, cover);
    const { streams, followed, verifications } = folders;
    this.#failedRows = folders.failedRows;
    this.#pipelines = new PipelineQueries({ store, clock, ...folders });
    this.#rejects = new StreamRejectsPort({
      ...context,
      ...folders,
      streams: (pipeline) => this.#pipelines.streams(pipeline),
      loads: (pipeline) => this.#pipelines.loads(pipeline),
    });
    this.#loads = new PipelineLoads({ ...context, verifications });
    const underWay = new RunProcesses();
    const deliveries = new DeliveryFigures();
    this.metrics = new Metrics({
      ...context,
      processes: underWay,
      deliveries,
      status: () => this.#admission.status(this.#queue.running),
    });
    const worker = createLocalWorker({
      ...context,
      ...folders,
      events: this.#events,
      leaving: this.#stopping.signal,
      processes: this.#processes,
      underWay,
    });
    this.#admission = new Admission({
      ...context,
      onOpen: () => this.#queue.wake(),
      onDisk: () => this.#background.onServerProblem(),
    });
    this.#queue = new RunQueue({
      store,
      clock,
      log,
      worker,
      mayBegin: () => this.#admission.mayBegin(),
      maxRuns,
      isAlone,
      owner: ulid(clock.now()),
      onChange: () => {
        this.#onRunChange();
        this.#scheduler.onRunChange();
      },
    });
    this.server = createServerControl(this.#admission, this.#queue);
    const requests = {
      connectors: context.connectors,
      pools: context.pools ?? {},
      store,
      clock,
      log,
      queue: this.#queue,
      pipeline: (name: string) => pipelineRecord(store, name),
      onChange: () => {
        this.#queue.wake();
        this.#onRunChange();
      },
    };
    this.#requests = new RunRequests(requests);
    this.backfills = new BackfillRuns({ ...requests, requests: this.#requests });
    this.versions = createVersions({
      store,
      plan: createVersionPlans({
        store,
        checkContext: () => this.#definitions.checkContext,
        signal: this.#stopping.signal,
      }),
      rollBack: (pipeline, revision) => this.#definitions.rollBack(pipeline, revision),
    });
    this.environments = createEnvironments({ ...context, definitions: this.#definitions });
    this.history = new LocalHistory({ store, clock });
    this.#runs = new RunQueries({
      store,
      clock,
      relay: this.#relay,
      events: this.#events,
      requests: this.#requests,
      // Others of the store may take the run.
      held: () => isAlone ? this.#admission.held : undefined,
    });
    this.manifests = createManifests({ ...context, getRun: (id) => this.#runs.get(id) });
    this.#housekeeping = new Housekeeping({
      store,
      clock,
      log,
      settings: context.retention,
      dataDir,
      spillsInUse: () => new Set([...this.#processes.folders, ...this.#loads.folders, ...this.data.folders]),
      forgetFiles: [
        () => forgetFailedRows(dataDir, store),
        () => forgetSnapshots(context),
        () => forgetKeptInputs(dataDir, store),
      ],
    });
    this.#followers = new FollowerWatch({
      store,
      clock,
      log,
      followed,
      look: ({ connector, ...follower }, signal) =>
        lookAtFollower(this.#definitions.checkContext, connector, follower, signal),
    });
    const scheduled = new ScheduledPipelines(store);
    this.#scheduler = new Scheduler({
      clock,
      log,
      list: () => scheduled.list(),
      lastRun: (pipeline) => scheduled.lastRun(pipeline),
      fire: (firings) => this.#requests.fire(firings),
      prepare: (pipeline) => startForNext(context, this.#processes, pipeline),
      mark: (marks) => store.pipelines.putScheduleMarks(marks),
    });
    this.#background = createBackground({
      ...context,
      lowDisk: () => this.#admission.lowDisk,
      definitionsProblem: () => this.#definitions.sourceProblem,
      requests: this.#requests,
      deliveries,
      streams,
      columns: async (pipeline) => columnsByTable(await this.#pipelines.tables(pipeline)),
      lookForFiles: (connector, path, signal) =>
        lookForFiles(this.#definitions.checkContext, connector, path, signal),
    });
    this.alerts = this.#background.alerts;
    this.webhooks = this.#background.webhooks;
    this.receiver = this.#background.receiver;
    this.#telemetry = this.#background.telemetry;
    this.#services = [...this.#background.services, this.metrics];
  }

  /** Takes up what a dead server left, then works the queue; by schedule and with changed files as asked. */
  async start(options: StartOptions): Promise<void> {
    this.#isStarted = true;
    this.#processes.keepReady(options.readyProcesses ?? 0);
    await this.#relay.start();
    await this.#telemetry.begin({ isServer: options.housekeeping });
    await this.#context.store.attempts.setSlots(poolSlots(this.#context.pools ?? {}));
    // Before the first run is claimed.
    if (options.housekeeping) this.#admission.start();
    this.#queue.start(options.pipelines);
    if (options.schedule) this.#scheduler.start();
    if (options.housekeeping) {
      this.#housekeeping.start();
      this.#followers.start();
      for (const service of this.#services) service.start();
    }
    if (options.watchSince !== undefined) {
      const { projectDir, log, remote, clock } = this.#context;
      const { apply = () => this.applyProject({ isAutomatic: true }) } = options;
      const { signal } = this.#stopping;
      if (remote !== undefined) {
        this.#pulls = followRemote({ remote, clock, log, apply, definitions: this.#definitions });
        return;
      }
      this.#watching = followFiles({ projectDir, since: options.watchSince, apply, log, signal });
    }
  }

  /** Looks at the remote repository now, where definitions are pulled from one. */
  pull(): void {
    this.#pulls?.wake();
  }

  /**
   * Begins no run any more and returns when those under way have ended, or the signal fires. What is asked for
   * meanwhile is queued, and what is posted kept, for the next start. Returns how many are still under way.
   */
  async finishRuns(signal: AbortSignal): Promise<number> {
    this.#admission.leave();
    await this.#queue.idle(signal);
    return this.#queue.running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#pulls?.stop();
    await this.#loads[Symbol.asyncDispose]();
    await this.data[Symbol.asyncDispose]();
    await this.queries[Symbol.asyncDispose]();
    if (this.#isStarted) {
      await this.#scheduler.stop();
      await this.#housekeeping.stop();
      await this.#followers.stop();
      await this.#admission.stop();
      await Promise.all(this.#services.map((service) => service.stop()));
      await this.#queue.stop();
      await this.#telemetry.stop();
      await this.#relay.stop();
      await this.#watching;
    }
    // What was being checked is checked again at the next start.
    await this.#definitions[Symbol.asyncDispose]();
    await this.#processes[Symbol.asyncDispose]();
  }

  async listPipelines(): Promise<PipelineSummary[]> {
    return await this.#pipelines.list();
  }

  async pipelineNames(): Promise<string[]> {
    return await this.#context.store.pipelines.names();
  }

  async getPipeline(name: string): Promise<PipelineDetail> {
    return await this.#pipelines.get(name);
  }

  async putPipeline(
    name: string,
    source: PipelineSource,
    limits?: DefinitionLimits,
  ): Promise<PipelineDetail> {
    await this.#definitions.put(name, source, limits);
    return await this.getPipeline(name);
  }

  async deletePipeline(name: string): Promise<void> {
    await this.#definitions.remove(name);
  }

  async setPaused(name: string, paused: boolean): Promise<PipelineSummary> {
    await pipelineRecord(this.#context.store, name);
    await this.#context.store.pipelines.setPaused(name, paused);
    this.#scheduler.wake();
    for (const service of this.#services) service.wake?.();
    return await this.#pipelines.summary(name);
  }

  async applyProject(request?: ApplyRequest): Promise<ApplyResult> {
    return await this.#definitions.applyProject(request);
  }

  /** Returns when all is checked that does not wait for a source. */
  async checkedWhatAnswers(): Promise<void> {
    await this.#definitions.checks.idle();
  }

  /** Returns when what the pipeline's files say is in force or was found to be wrong, while others are still checked. */
  async checked(pipeline: string): Promise<void> {
    await this.#definitions.checks.settled(pipeline);
  }

  async listConnectors(): Promise<ConnectorSummary[]> {
    return await this.#connectors.list();
  }

  async discoverStreams(connector: string, signal: AbortSignal): Promise<SourceStream[]> {
    return await this.#connectors.discover(connector, this.#orStopped(signal));
  }

  async testConnector(connector: string, signal: AbortSignal): Promise<ConnectorTest> {
    return await this.#connectors.test(connector, this.#orStopped(signal));
  }

  async listStreams(pipeline: string): Promise<StreamView[]> {
    return await this.#pipelines.streamViews(pipeline);
  }

  async getLineage(pipeline: string, mayView?: (name: string) => boolean): Promise<PipelineLineage> {
    return await this.#lineageOf(pipeline, mayView);
  }

  async listTables(pipeline: string): Promise<Table[]> {
    return await this.#pipelines.tables(pipeline);
  }

  async previewTable(pipeline: string, name: string): Promise<TablePreview> {
    return await this.#pipelines.preview(pipeline, name);
  }

  async listRejects(pipeline: string): Promise<RejectSummary[]> {
    return await this.#rejects.list(pipeline);
  }

  async getStreamSchema(pipeline: string, stream: string): Promise<StreamSchema> {
    return await this.#rejects.schema(pipeline, stream);
  }

  async getRejects(pipeline: string, stream: string): Promise<StreamRejects> {
    return await this.#rejects.get(pipeline, stream);
  }

  async changeRejects(
    pipeline: string,
    stream: string,
    change: RejectsChange,
    signal: AbortSignal,
  ): Promise<RejectChange> {
    return await this.#rejects.change(pipeline, stream, change, this.#orStopped(signal));
  }

  async listLoads(pipeline: string): Promise<LoadSummary[]> {
    return await this.#loads.list(pipeline);
  }

  async startVerification(pipeline: string, load: string | null, by: string): Promise<Verification> {
    return await this.#loads.start(pipeline, load, by);
  }

  async getVerification(pipeline: string): Promise<Verification> {
    return await this.#loads.verification(pipeline);
  }

  async stopVerification(pipeline: string, by: string): Promise<Verification> {
    return await this.#loads.stop(pipeline, by);
  }

  async triggerRun(pipeline: string, request: TriggerRequest): Promise<Run> {
    const record = await this.#context.store.pipelines.get(pipeline);
    // One that has never been in force waits for its check; any other runs as it is in force.
    if ((record?.revision ?? null) === null) await this.checked(pipeline);
    return this.#runs.withReason(await this.#requests.trigger(pipeline, request));
  }

  async listRuns(filter: RunFilter): Promise<Run[]> {
    return await this.#runs.list(filter);
  }

  async getRun(id: string, attempt?: number): Promise<RunDetail> {
    return await this.#runs.get(id, attempt);
  }

  async getFailedRows(id: string, check: string): Promise<FailedRows> {
    return await runFailedRows(this.#failedRows, await this.#runs.get(id), check);
  }

  async getRunLogs(id: string, range: LogRange): Promise<LogLine[]> {
    return await this.#runs.logs(id, range);
  }

  watchRun(id: string, afterSeq: number, signal: AbortSignal): AsyncIterable<RunEvent> {
    return this.#runs.watch(id, afterSeq, this.#orStopped(signal));
  }

  async cancelRun(id: string, by: string): Promise<Run> {
    return await this.#requests.cancel(await this.#runs.wholeId(id), by);
  }

  async retryRun(id: string): Promise<Run> {
    return await this.#requests.retry(await this.#runs.wholeId(id));
  }

  async rerunRun(id: string, request: RerunRequest): Promise<Run> {
    return await this.#requests.rerun(await this.#runs.wholeId(id), request);
  }

  async annotateRun(id: string, annotation: RunAnnotation): Promise<Run> {
    const run = await this.#context.store.runs.annotate(await this.#runs.wholeId(id), annotation);
    if (run === undefined) throw new AppError("not_found", `There is no run "${id}"`);
    return run;
  }

  /** The outbox has something new. */
  #onRunChange(): void {
    this.#relay.wake();
    this.#telemetry.wake();
    for (const service of this.#services) service.wake?.();
  }

  /** Aborted with the signal, or when the engine ends. */
  #orStopped(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#stopping.signal]);
  }
}
