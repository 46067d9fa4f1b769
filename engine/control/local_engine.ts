import type { ConnectorSummary, ConnectorTest, SourceStream } from "../../contract/discovery.ts";
import type { RejectChange, RejectsChange, RejectSummary, StreamRejects } from "../../contract/rejects.ts";
import type { StreamView } from "../../contract/streams/stream_view.ts";
import type { StreamSchema } from "../../contract/stream_schema.ts";
import { AppError } from "../../contract/errors.ts";
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
import type { LoadSummary, Verification } from "../../contract/loads/verification.ts";
import type { Engine, LogRange, RerunRequest, RunFilter, TriggerRequest } from "./engine.ts";
import type { Backfills } from "./backfills/port.ts";
import type { PollLoop } from "../runs/poll_loop.ts";
import { followRemote } from "./versions/follow_remote.ts";
import type { Environments } from "./environments/port.ts";
import type { Versions } from "./versions/port.ts";
import type { ApplyRequest } from "./versions/project_source.ts";
import { LocalHistory } from "./history/local_history.ts";
import type { RunHistory } from "./history/port.ts";
import type { Alerts } from "./alerts/alerts.ts";
import type { Webhooks } from "./webhooks/port.ts";
import type { ProcessPool } from "../runs/attempt/process_pool.ts";
import { followFiles } from "./following/follow_files.ts";
import { pipelineRecord } from "./pipeline_record.ts";
import { createServerControl, type ServerControl } from "./services/server_control.ts";
import { runFailedRows } from "./checks/run_failed_rows.ts";
import { poolSlots } from "./requests/run_limits.ts";
import { createProcesses } from "./start_ahead.ts";
import type { LocalData } from "./data/published_data.ts";
import type { Manifests } from "./manifests/port.ts";
import type { Plans } from "./models/port.ts";
import type { LocalQueries } from "./queries/local_queries.ts";
import type { Warehouses } from "./warehouses/local_warehouses.ts";
import { NO_WAREHOUSE_KEYS } from "../runs/warehouses/warehouse_keys.ts";
import type { Metrics } from "../runs/seeing/metrics.ts";
import type { WebhookReceiver } from "../runs/webhooks/receive.ts";
import { createDataParts, type DataParts } from "./parts/data_parts.ts";
import type { EngineContext, StartOptions } from "./parts/engine_context.ts";
import { createProjectParts, type ProjectParts } from "./parts/project_parts.ts";
import { createRunParts, type RunParts } from "./parts/run_parts.ts";

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
  readonly webhooks: Webhooks;
  readonly plans: Plans;
  readonly manifests: Manifests;
  readonly queries: LocalQueries;
  readonly data: LocalData;
  readonly warehouses: Warehouses;
  /** What a scrape reads: of this server, and of the runs of all that work on its store. */
  readonly metrics: Metrics;
  /** Takes what others post. */
  readonly receiver: WebhookReceiver;
  readonly #context: EngineContext;
  readonly #stopping = new AbortController();
  readonly #processes: ProcessPool;
  readonly #project: ProjectParts;
  readonly #data: DataParts;
  readonly #work: RunParts;
  #isStarted = false;
  #watching: Promise<void> | undefined;
  #pulls: PollLoop | undefined;

  constructor(given: EngineContext) {
    const { warehouseKeys = NO_WAREHOUSE_KEYS } = given;
    const context = { ...given, warehouseKeys };
    this.#context = context;
    const { store, clock } = context;
    const { signal: stopping } = this.#stopping;
    const processes = this.#processes = context.ahead?.processes ?? createProcesses(context);
    const project = this.#project = createProjectParts(context, {
      processes,
      stopping,
      onChange: () => this.#work.scheduler.wake(),
    });
    const data = this.#data = createDataParts(context);
    const work = this.#work = createRunParts(context, { project, data, processes, stopping });
    ({ plans: this.plans, queries: this.queries, versions: this.versions } = project);
    ({ data: this.data, warehouses: this.warehouses } = data);
    ({ backfills: this.backfills, manifests: this.manifests, metrics: this.metrics } = work);
    this.environments = work.environments;
    ({ alerts: this.alerts, webhooks: this.webhooks, receiver: this.receiver } = work.background);
    this.history = new LocalHistory({ store, clock });
    this.server = createServerControl(work.admission, work.queue);
  }

  /** Takes up what a dead server left, then works the queue; by schedule and with changed files as asked. */
  async start(options: StartOptions): Promise<void> {
    this.#isStarted = true;
    this.#processes.keepReady(options.readyProcesses ?? 0);
    await this.#work.relay.start();
    await this.#work.background.telemetry.begin({ isServer: options.housekeeping });
    await this.#context.store.attempts.setSlots(poolSlots(this.#context.pools ?? {}));
    // Before the first run is claimed.
    if (options.housekeeping) this.#work.admission.start();
    this.#work.queue.start(options.pipelines);
    if (options.schedule) this.#work.scheduler.start();
    if (options.housekeeping) {
      this.#work.housekeeping.start();
      this.#work.followers.start();
      for (const service of this.#work.services) service.start();
    }
    if (options.watchSince !== undefined) {
      const { projectDir, log, remote, clock } = this.#context;
      const { apply = () => this.applyProject({ isAutomatic: true }) } = options;
      const { signal } = this.#stopping;
      if (remote !== undefined) {
        this.#pulls = followRemote({ remote, clock, log, apply, definitions: this.#project.definitions });
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
    this.#work.admission.leave();
    await this.#work.queue.idle(signal);
    return this.#work.queue.running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#pulls?.stop();
    await this.#data.loads[Symbol.asyncDispose]();
    await this.data[Symbol.asyncDispose]();
    await this.queries[Symbol.asyncDispose]();
    if (this.#isStarted) {
      await this.#work.scheduler.stop();
      await this.#work.housekeeping.stop();
      await this.#work.followers.stop();
      await this.#work.admission.stop();
      await Promise.all(this.#work.services.map((service) => service.stop()));
      await this.#work.queue.stop();
      await this.#work.background.telemetry.stop();
      await this.#work.relay.stop();
      await this.#watching;
    }
    // What was being checked is checked again at the next start.
    await this.#project.definitions[Symbol.asyncDispose]();
    await this.#processes[Symbol.asyncDispose]();
  }

  async listPipelines(): Promise<PipelineSummary[]> {
    return await this.#data.pipelines.list();
  }

  async pipelineNames(): Promise<string[]> {
    return await this.#context.store.pipelines.names();
  }

  async getPipeline(name: string): Promise<PipelineDetail> {
    return await this.#data.pipelines.get(name);
  }

  async putPipeline(
    name: string,
    source: PipelineSource,
    limits?: DefinitionLimits,
  ): Promise<PipelineDetail> {
    await this.#project.definitions.put(name, source, limits);
    return await this.getPipeline(name);
  }

  async deletePipeline(name: string): Promise<void> {
    await this.#project.definitions.remove(name);
  }

  async setPaused(name: string, paused: boolean): Promise<PipelineSummary> {
    await pipelineRecord(this.#context.store, name);
    await this.#context.store.pipelines.setPaused(name, paused);
    this.#work.scheduler.wake();
    for (const service of this.#work.services) service.wake?.();
    return await this.#data.pipelines.summary(name);
  }

  async applyProject(request?: ApplyRequest): Promise<ApplyResult> {
    return await this.#project.definitions.applyProject(request);
  }

  /** Returns when all is checked that does not wait for a source. */
  async checkedWhatAnswers(): Promise<void> {
    await this.#project.definitions.checks.idle();
  }

  /** Returns when what the pipeline's files say is in force or was found to be wrong, while others are still checked. */
  async checked(pipeline: string): Promise<void> {
    await this.#project.definitions.checks.settled(pipeline);
  }

  async listConnectors(): Promise<ConnectorSummary[]> {
    return await this.#project.connectors.list();
  }

  async discoverStreams(connector: string, signal: AbortSignal): Promise<SourceStream[]> {
    return await this.#project.connectors.discover(connector, this.#orStopped(signal));
  }

  async testConnector(connector: string, signal: AbortSignal): Promise<ConnectorTest> {
    return await this.#project.connectors.test(connector, this.#orStopped(signal));
  }

  async listStreams(pipeline: string): Promise<StreamView[]> {
    return await this.#data.pipelines.streamViews(pipeline);
  }

  async getLineage(pipeline: string, mayView?: (name: string) => boolean): Promise<PipelineLineage> {
    return await this.#project.lineageOf(pipeline, mayView);
  }

  async listTables(pipeline: string): Promise<Table[]> {
    return await this.#data.pipelines.tables(pipeline);
  }

  async previewTable(pipeline: string, name: string): Promise<TablePreview> {
    return await this.#data.pipelines.preview(pipeline, name);
  }

  async listRejects(pipeline: string): Promise<RejectSummary[]> {
    return await this.#data.rejects.list(pipeline);
  }

  async getStreamSchema(pipeline: string, stream: string): Promise<StreamSchema> {
    return await this.#data.rejects.schema(pipeline, stream);
  }

  async getRejects(pipeline: string, stream: string): Promise<StreamRejects> {
    return await this.#data.rejects.get(pipeline, stream);
  }

  async changeRejects(
    pipeline: string,
    stream: string,
    change: RejectsChange,
    signal: AbortSignal,
  ): Promise<RejectChange> {
    return await this.#data.rejects.change(pipeline, stream, change, this.#orStopped(signal));
  }

  async listLoads(pipeline: string): Promise<LoadSummary[]> {
    return await this.#data.loads.list(pipeline);
  }

  async startVerification(pipeline: string, load: string | null, by: string): Promise<Verification> {
    return await this.#data.loads.start(pipeline, load, by);
  }

  async getVerification(pipeline: string): Promise<Verification> {
    return await this.#data.loads.verification(pipeline);
  }

  async stopVerification(pipeline: string, by: string): Promise<Verification> {
    return await this.#data.loads.stop(pipeline, by);
  }

  async triggerRun(pipeline: string, request: TriggerRequest): Promise<Run> {
    const record = await this.#context.store.pipelines.get(pipeline);
    // One that has never been in force waits for its check; any other runs as it is in force.
    if ((record?.revision ?? null) === null) await this.checked(pipeline);
    return this.#work.runs.withReason(await this.#work.requests.trigger(pipeline, request));
  }

  async listRuns(filter: RunFilter): Promise<Run[]> {
    return await this.#work.runs.list(filter);
  }

  async getRun(id: string, attempt?: number): Promise<RunDetail> {
    return await this.#work.runs.get(id, attempt);
  }

  async getFailedRows(id: string, check: string): Promise<FailedRows> {
    return await runFailedRows(this.#data.folders.failedRows, await this.#work.runs.get(id), check);
  }

  async getRunLogs(id: string, range: LogRange): Promise<LogLine[]> {
    return await this.#work.runs.logs(id, range);
  }

  watchRun(id: string, afterSeq: number, signal: AbortSignal): AsyncIterable<RunEvent> {
    return this.#work.runs.watch(id, afterSeq, this.#orStopped(signal));
  }

  async cancelRun(id: string, by: string): Promise<Run> {
    return await this.#work.requests.cancel(await this.#work.runs.wholeId(id), by);
  }

  async retryRun(id: string): Promise<Run> {
    return await this.#work.requests.retry(await this.#work.runs.wholeId(id));
  }

  async rerunRun(id: string, request: RerunRequest): Promise<Run> {
    return await this.#work.requests.rerun(await this.#work.runs.wholeId(id), request);
  }

  async annotateRun(id: string, annotation: RunAnnotation): Promise<Run> {
    const run = await this.#context.store.runs.annotate(await this.#work.runs.wholeId(id), annotation);
    if (run === undefined) throw new AppError("not_found", `There is no run "${id}"`);
    return run;
  }

  /** Aborted with the signal, or when the engine ends. */
  #orStopped(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#stopping.signal]);
  }
}
