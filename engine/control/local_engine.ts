import { join } from "node:path";
import { ulid } from "ulid";
import type { ConnectorSummary, ConnectorTest, SourceStream } from "../../contract/discovery.ts";
import { AppError, toAppError } from "../../contract/errors.ts";
import type { PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import type { Revision } from "../../contract/revision.ts";
import {
  type RejectChange,
  type RejectSummary,
  type StreamRejects,
  streamRejectsSchema,
} from "../../contract/rejects.ts";
import {
  type FollowedReport,
  followedReportSchema,
  type FollowedView,
} from "../../contract/connector/followed.ts";
import { followedViews } from "./followed.ts";
import { type StreamSchema, streamSchemaSchema } from "../../contract/stream_schema.ts";
import type { Log } from "../../contract/log.ts";
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
import { findTable, type Table, type TablePreview } from "../../contract/table.ts";
import { discoverStreams, lookAtFollower, readConnectors, testConnector } from "../definitions/discover.ts";
import {
  type LoadSummary,
  type Verification,
  verificationSchema,
} from "../../contract/loads/verification.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Engine, LogRange, RunFilter, TriggerRequest } from "./engine.ts";
import { grantOf, spillFolder } from "../runs/attempt/process_grant.ts";
import type { ProcessPool } from "../runs/attempt/process_pool.ts";
import { FollowerWatch } from "./follower_watch.ts";
import { followFiles } from "./follow_files.ts";
import { followRun } from "./follow_run.ts";
import { DefinitionChanges } from "./definition_changes.ts";
import { pipelineRecord } from "./pipeline_record.ts";
import { detailOf, summaryOf } from "./pipeline_view.ts";
import { isContinuous, listScheduled } from "./scheduled.ts";
import { PipelineLoads } from "./pipeline_loads.ts";
import { StreamRejectsPort } from "./stream_rejects.ts";
import { tablesOf, withStreams } from "./table_view.ts";
import { streamsSeen } from "./wildcard_streams.ts";
import { wholeRunId } from "./run_id.ts";
import { RunRequests } from "./run_requests.ts";
import { createProcesses, type StartedAhead } from "./start_ahead.ts";
import type { GrantContext } from "../grants/provide.ts";
import { provide } from "../grants/provide.ts";
import type { ProjectLook } from "../definitions/watch.ts";
import { Housekeeping, type RetentionSettings } from "../runs/housekeeping.ts";
import { createLocalWorker } from "../runs/local_worker.ts";
import { PreviewFolder } from "../runs/previews.ts";
import { PublishedFolder } from "../runs/streams/published.ts";
import { OutboxRelay } from "../runs/outbox_relay.ts";
import { RunEvents } from "../runs/run_events.ts";
import type { RunProcessProgram } from "../runs/attempt/spawn.ts";
import { RunQueue } from "../runs/run_queue.ts";
import { Scheduler } from "../runs/scheduler.ts";
import type { Store } from "../store/store.ts";

/** `projectDir` and `dataDir` are absolute; the caller holds the data folder's lock. */
export interface EngineContext extends GrantContext {
  readonly store: Store;
  readonly runProcess: RunProcessProgram;
  readonly clock: Clock;
  readonly log: Log;
  /** How many runs go on at the same time. */
  readonly maxRuns: number;
  /** Whether no other server can work on the store: what is under way elsewhere was left by a dead one. */
  readonly isAlone: boolean;
  readonly retention: RetentionSettings;
  /** What was started while the store was opened. */
  readonly ahead?: StartedAhead | undefined;
}

export interface StartOptions {
  /** Whether pipelines start by their schedules. */
  readonly schedule: boolean;
  /** How the project's files looked before they were applied: what has changed since is applied, and goes on to be. */
  readonly watchSince?: ProjectLook;
  /** Whether what is old is forgotten. */
  readonly housekeeping: boolean;
  /** How many processes wait for the next runs of pipelines that ran or are due; none by default. */
  readonly readyProcesses?: number;
  /** Work on the runs of these pipelines only; all by default. */
  readonly pipelines?: readonly string[];
}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const MAX_LOG_LIMIT = 10_000;

export function createEngine(context: EngineContext): LocalEngine {
  return new LocalEngine(context);
}

/** The engine of this process. Disposing of it stops what it started; runs under way stay queued. */
export class LocalEngine implements Engine, AsyncDisposable {
  readonly #context: EngineContext;
  readonly #events = new RunEvents();
  readonly #stopping = new AbortController();
  readonly #relay: OutboxRelay;
  readonly #queue: RunQueue;
  readonly #requests: RunRequests;
  readonly #housekeeping: Housekeeping;
  readonly #followers: FollowerWatch;
  readonly #scheduler: Scheduler;
  readonly #processes: ProcessPool;
  readonly #previews: PreviewFolder;
  readonly #rejects: StreamRejectsPort;
  readonly #followed: PublishedFolder<FollowedReport>;
  readonly #loads: PipelineLoads;
  readonly #definitions: DefinitionChanges;
  #isStarted = false;
  /** Whether the end of a run may be the beginning of the next. */
  #hasContinuous = false;
  #watching: Promise<void> | undefined;

  constructor(context: EngineContext) {
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
    this.#previews = new PreviewFolder(context.dataDir);
    const rejects = new PublishedFolder(join(context.dataDir, "rejects"), streamRejectsSchema);
    const schemas = new PublishedFolder(join(context.dataDir, "schemas"), streamSchemaSchema);
    this.#followed = new PublishedFolder(join(context.dataDir, "followed"), followedReportSchema);
    this.#rejects = new StreamRejectsPort({
      ...context,
      rejects,
      schemas,
      streams: async (pipeline) => {
        const { revision } = await pipelineRecord(this.#context.store, pipeline);
        const found = revision === null ? undefined : await store.revisions.head(revision);
        return await streamsSeen(store, pipeline, found?.definition.extract ?? {});
      },
    });
    this.#loads = new PipelineLoads({
      ...context,
      verifications: new PublishedFolder(join(context.dataDir, "verifications"), verificationSchema),
    });
    const worker = createLocalWorker({
      ...context,
      previews: this.#previews,
      rejects,
      schemas,
      followed: this.#followed,
      events: this.#events,
      leaving: this.#stopping.signal,
      processes: this.#processes,
    });
    this.#queue = new RunQueue({
      store,
      clock,
      log,
      worker,
      maxRuns,
      isAlone,
      owner: ulid(clock.now()),
      onChange: () => {
        this.#relay.wake();
        if (this.#hasContinuous) this.#scheduler.wake();
      },
    });
    this.#requests = new RunRequests({
      store,
      clock,
      log,
      queue: this.#queue,
      pipeline: (name) => pipelineRecord(this.#context.store, name),
      onChange: () => {
        this.#queue.wake();
        this.#relay.wake();
      },
    });
    this.#housekeeping = new Housekeeping({
      store,
      clock,
      log,
      settings: context.retention,
      spillDir: spillFolder(context.dataDir),
      spillsInUse: () => new Set([...this.#processes.folders, ...this.#loads.folders]),
    });
    this.#followers = new FollowerWatch({
      store,
      clock,
      log,
      followed: this.#followed,
      look: ({ connector, ...follower }, signal) =>
        lookAtFollower(this.#definitions.checkContext, connector, follower, signal),
    });
    this.#scheduler = new Scheduler({
      clock,
      log,
      list: async () => {
        const scheduled = await listScheduled(store);
        this.#hasContinuous = scheduled.some(isContinuous);
        return scheduled;
      },
      fire: (pipeline, atMs) => this.#requests.fire(pipeline, atMs),
      prepare: (pipeline) => this.#prepare(pipeline),
    });
  }

  /** Takes up what a dead server left, then works the queue; by schedule and with changed files as asked. */
  async start(options: StartOptions): Promise<void> {
    this.#isStarted = true;
    this.#processes.keepReady(options.readyProcesses ?? 0);
    await this.#relay.start();
    this.#queue.start(options.pipelines);
    if (options.schedule) this.#scheduler.start();
    if (options.housekeeping) {
      this.#housekeeping.start();
      this.#followers.start();
    }
    if (options.watchSince !== undefined) {
      const { projectDir, log } = this.#context;
      const apply = () => this.applyProject();
      const { signal } = this.#stopping;
      this.#watching = followFiles({ projectDir, since: options.watchSince, apply, log, signal });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#loads[Symbol.asyncDispose]();
    if (this.#isStarted) {
      await this.#scheduler.stop();
      await this.#housekeeping.stop();
      await this.#followers.stop();
      await this.#queue.stop();
      await this.#relay.stop();
      await this.#watching;
    }
    // What was being checked is checked again at the next start.
    await this.#definitions[Symbol.asyncDispose]();
    await this.#processes[Symbol.asyncDispose]();
  }

  async listPipelines(): Promise<PipelineSummary[]> {
    const { store, clock } = this.#context;
    const latest = await store.runs.latest();
    return await Promise.all((await store.pipelines.list()).map(async (record) => {
      const revision = record.revision === null ? undefined : await store.revisions.head(record.revision);
      const followed = await this.#followedBy(record.name, revision?.definition);
      return summaryOf(record, revision, { lastRun: latest.get(record.name), followed }, clock.now());
    }));
  }

  async getPipeline(name: string): Promise<PipelineDetail> {
    const { store, clock } = this.#context;
    const record = await pipelineRecord(this.#context.store, name);
    const found = record.revision === null ? undefined : await store.revisions.get(record.revision);
    const [lastRun] = await store.runs.list({ pipeline: name, limit: 1 });
    const followed = await this.#followedBy(name, found?.revision.definition);
    return detailOf(
      summaryOf(record, found?.revision, { lastRun, followed }, clock.now()),
      found?.revision,
      found?.steps ?? [],
      await store.pipelines.source(name),
      followed,
    );
  }

  async #followedBy(pipeline: string, definition: PipelineDefinition | undefined): Promise<FollowedView[]> {
    return await followedViews(this.#followed, pipeline, definition, this.#context.clock.now());
  }

  async putPipeline(name: string, source: PipelineSource): Promise<PipelineDetail> {
    await this.#definitions.put(name, source);
    return await this.getPipeline(name);
  }

  async deletePipeline(name: string): Promise<void> {
    await this.#definitions.remove(name);
  }

  async setPaused(name: string, paused: boolean): Promise<PipelineSummary> {
    await pipelineRecord(this.#context.store, name);
    await this.#context.store.pipelines.setPaused(name, paused);
    this.#scheduler.wake();
    const { definition: _, source: __, files: ___, steps: ____, followed: _____, ...summary } = await this
      .getPipeline(name);
    return summary;
  }

  async applyProject(): Promise<ApplyResult> {
    return await this.#definitions.applyProject();
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
    const types = new Map(this.#context.connectors.map((type) => [type.name, type]));
    return Object.entries(await readConnectors(this.#context)).map(([name, { type }]) => ({
      name,
      type,
      description: types.get(type)?.description ?? "",
    }));
  }

  async discoverStreams(connector: string, signal: AbortSignal): Promise<SourceStream[]> {
    const both = AbortSignal.any([signal, this.#stopping.signal]);
    return await discoverStreams(this.#definitions.checkContext, connector, both);
  }

  async testConnector(connector: string, signal: AbortSignal): Promise<ConnectorTest> {
    const both = AbortSignal.any([signal, this.#stopping.signal]);
    return await testConnector(this.#definitions.checkContext, connector, both);
  }

  async listTables(pipeline: string): Promise<Table[]> {
    const { store } = this.#context;
    const { revision } = await pipelineRecord(store, pipeline);
    const found = revision === null ? undefined : await store.revisions.get(revision);
    const columns = await store.pipelines.streamColumns(pipeline);
    const streams = Object.keys(await streamsSeen(store, pipeline, found?.revision.definition.extract ?? {}));
    return await tablesOf(
      withStreams(found?.steps ?? [], streams),
      columns,
      (table) => this.#previews.facts(pipeline, table),
    );
  }

  async previewTable(pipeline: string, name: string): Promise<TablePreview> {
    const table = findTable(await this.listTables(pipeline), pipeline, name);
    const note = "No run has written it yet";
    return await this.#previews.get(pipeline, table.name) ?? { ...table, rows: [], note };
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
    action: "replay" | "drop",
    signal: AbortSignal,
  ): Promise<RejectChange> {
    const both = AbortSignal.any([signal, this.#stopping.signal]);
    return await this.#rejects.change(pipeline, stream, action, both);
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
    return await this.#requests.trigger(pipeline, request);
  }

  async listRuns(filter: RunFilter): Promise<Run[]> {
    const limit = Math.min(Math.max(filter.limit ?? DEFAULT_LIMIT, 1), MAX_LIMIT);
    return await this.#context.store.runs.list({ ...filter, limit });
  }

  async getRun(id: string, attempt?: number): Promise<RunDetail> {
    const run = await this.#context.store.runs.get(await this.#runId(id), attempt);
    if (run === undefined) throw new AppError("not_found", `There is no run "${id}"`);
    if (attempt !== undefined && !run.attempts.some((known) => known.attempt === attempt)) {
      throw new AppError(
        "not_found",
        `Run ${id} has no attempt ${attempt}: it has had ${run.attempts.length}`,
      );
    }
    return { ...run, can_retry: await this.#requests.canRetry(run) };
  }

  async getRunLogs(idOrPart: string, range: LogRange): Promise<LogLine[]> {
    const { id } = await this.getRun(idOrPart);
    const limit = Math.min(Math.max(range.limit ?? 1_000, 1), MAX_LOG_LIMIT);
    return await this.#context.store.logs.read(id, { afterSeq: range.afterSeq ?? 0, limit });
  }

  async *watchRun(idOrPart: string, afterSeq: number, signal: AbortSignal): AsyncIterable<RunEvent> {
    const id = await this.#runId(idOrPart);
    yield* followRun(id, afterSeq, {
      store: this.#context.store,
      relay: this.#relay,
      events: this.#events,
      getRun: () => this.getRun(id),
      linesAtOnce: MAX_LOG_LIMIT,
      signal: AbortSignal.any([signal, this.#stopping.signal]),
    });
  }

  async cancelRun(id: string, by: string): Promise<Run> {
    return await this.#requests.cancel(await this.#runId(id), by);
  }

  async retryRun(id: string): Promise<Run> {
    return await this.#requests.retry(await this.#runId(id));
  }

  /** Has a process ready for the pipeline's next run, where it can be had. */
  async #prepare(pipeline: string): Promise<void> {
    const { store } = this.#context;
    const revision = (await store.pipelines.get(pipeline))?.revision;
    const found = typeof revision === "string" ? await store.revisions.head(revision) : undefined;
    if (found === undefined) return;
    await this.#warm(pipeline, found.definition, found.connectors);
  }

  /** What keeps a process from being started now is reported by the run itself. */
  async #warm(
    pipeline: string,
    definition: PipelineDefinition,
    connectors: Revision["connectors"],
  ): Promise<void> {
    try {
      const provision = await provide(this.#context, { definition, connectors, purpose: "run" });
      await this.#processes.warm(grantOf(this.#context, provision, pipeline));
    } catch (error) {
      this.#context.log("debug", "no process was started ahead", {
        pipeline,
        error: toAppError(error).message,
      });
    }
  }

  /** The run's whole id; where no run is like it the text itself. Throws conflict where several are. */
  #runId(text: string): Promise<string> {
    return wholeRunId(this.#context.store.runs, text);
  }
}
