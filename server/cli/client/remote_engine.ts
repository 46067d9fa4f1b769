import {
  type ConnectorSummary,
  connectorSummarySchema,
  type ConnectorTest,
  connectorTestSchema,
  type SourceStream,
  sourceStreamSchema,
} from "../../../contract/discovery.ts";
import { type PipelineLineage, pipelineLineageSchema } from "../../../contract/lineage/lineage.ts";
import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import {
  type RejectChange,
  rejectChangeSchema,
  type RejectsChange,
  type RejectSummary,
  rejectSummarySchema,
  type StreamRejects,
  streamRejectsSchema,
} from "../../../contract/rejects.ts";
import { stepProgressSchema } from "../../../contract/runs/progress.ts";
import { type StreamView, streamViewSchema } from "../../../contract/streams/stream_view.ts";
import { trafficSchema } from "../../../contract/streams/traffic.ts";
import { type StreamSchema, streamSchemaSchema } from "../../../contract/stream_schema.ts";
import type { PipelineSource } from "../../../contract/revision.ts";
import {
  type ApplyResult,
  applyResultSchema,
  type LogLine,
  logLineSchema,
  type PipelineDetail,
  pipelineDetailSchema,
  type PipelineSummary,
  pipelineSummarySchema,
  type Run,
  type RunDetail,
  runDetailSchema,
  type RunEvent,
  runSchema,
  stepSchema,
} from "../../../contract/run.ts";
import type { RunAnnotation } from "../../../contract/runs/annotation.ts";
import { type FailedRows, failedRowsSchema } from "../../../contract/checks/failed_rows.ts";
import { type Table, type TablePreview, tablePreviewSchema, tableSchema } from "../../../contract/table.ts";
import {
  type LoadSummary,
  loadSummarySchema,
  type Verification,
  verificationSchema,
} from "../../../contract/loads/verification.ts";
import type { Alerts } from "../../../engine/control/alerts/alerts.ts";
import type { Backfills } from "../../../engine/control/backfills/port.ts";
import type { RunHistory } from "../../../engine/control/history/port.ts";
import type {
  Engine,
  LogRange,
  RerunRequest,
  RunFilter,
  TriggerRequest,
} from "../../../engine/control/engine.ts";
import type { Plans } from "../../../engine/control/models/port.ts";
import type { ServerControl } from "../../../engine/control/services/server_control.ts";
import { isTerminal } from "../../../contract/run_state.ts";
import { type ApiClient, read } from "./api_client.ts";
import { createRemoteAlerts } from "./remote_alerts.ts";
import { readServerSentEvents, type ServerSentEvent } from "./event_stream.ts";
import { pipelineSegment, segment } from "./paths.ts";
import { createRemoteBackfills } from "./remote_backfills.ts";
import type { Environments } from "../../../engine/control/environments/port.ts";
import { createRemoteEnvironments } from "./remote_environments.ts";
import { createRemoteVersions } from "./remote_versions.ts";
import type { Versions } from "../../../engine/control/versions/port.ts";
import type { ApplyRequest } from "../../../engine/control/versions/project_source.ts";
import { createRemoteHistory } from "./remote_history.ts";
import type { PublishedData } from "../../../engine/control/data/port.ts";
import { createRemoteData } from "./remote_data.ts";
import type { Manifests } from "../../../engine/control/manifests/port.ts";
import { createRemoteManifests } from "./remote_manifests.ts";
import { createRemotePlans } from "./remote_plans.ts";
import type { Queries } from "../../../engine/control/queries/port.ts";
import { createRemoteQueries } from "./remote_queries.ts";
import { createRemoteServer } from "./remote_server.ts";
import { createRemoteWebhooks } from "./remote_webhooks.ts";
import type { Webhooks } from "../../../engine/control/webhooks/port.ts";

const runEventSchemas = {
  run: v.object({ run: runSchema }),
  step: v.object({ step: stepSchema }),
  progress: v.object({
    step: v.string(),
    traffic: v.exactOptional(trafficSchema),
    ...stepProgressSchema.entries,
  }),
  log: v.object({ line: logLineSchema }),
};

/** The engine of a server, asked over its HTTP API. Who asks is the token's owner: the server says so. */
export class RemoteEngine implements Engine {
  readonly alerts: Alerts;
  readonly backfills: Backfills;
  readonly versions: Versions;
  readonly environments: Environments;
  readonly history: RunHistory;
  readonly server: ServerControl;
  readonly webhooks: Webhooks;
  readonly plans: Plans;
  readonly manifests: Manifests;
  readonly queries: Queries;
  readonly data: PublishedData;
  readonly #url: string;
  readonly #routes: ApiClient["routes"];

  constructor(api: ApiClient) {
    this.#url = api.url;
    this.#routes = api.routes;
    this.backfills = createRemoteBackfills(api);
    this.versions = createRemoteVersions(api);
    this.environments = createRemoteEnvironments(api);
    this.alerts = createRemoteAlerts(api);
    this.history = createRemoteHistory(api);
    this.server = createRemoteServer(api);
    this.webhooks = createRemoteWebhooks(api);
    this.plans = createRemotePlans(api);
    this.manifests = createRemoteManifests(api);
    this.queries = createRemoteQueries(api);
    this.data = createRemoteData(api);
  }

  get #pipeline() {
    return this.#routes.pipelines[":name"];
  }

  get #run() {
    return this.#routes.runs[":id"];
  }

  listPipelines(): Promise<PipelineSummary[]> {
    return read(v.array(pipelineSummarySchema), this.#routes.pipelines.$get());
  }

  async pipelineNames(): Promise<string[]> {
    return (await this.listPipelines()).map(({ name }) => name);
  }

  getPipeline(name: string): Promise<PipelineDetail> {
    return read(pipelineDetailSchema, this.#pipeline.$get(pipelineOf(name)));
  }

  putPipeline(name: string, { definition, models }: PipelineSource): Promise<PipelineDetail> {
    const json = { definition, models };
    return read(pipelineDetailSchema, this.#pipeline.$put({ ...pipelineOf(name), json }));
  }

  async deletePipeline(name: string): Promise<void> {
    await this.#pipeline.$delete(pipelineOf(name));
  }

  setPaused(name: string, paused: boolean): Promise<PipelineSummary> {
    return read(pipelineSummarySchema, this.#pipeline.$patch({ ...pipelineOf(name), json: { paused } }));
  }

  applyProject({ ref, isAutomatic = false }: ApplyRequest = {}): Promise<ApplyResult> {
    const json = { ...(ref === undefined ? {} : { ref }), ...(isAutomatic ? { keep_ref: true } : {}) };
    return read(applyResultSchema, this.#routes.apply.$post({ json }));
  }

  listTables(pipeline: string): Promise<Table[]> {
    return read(v.array(tableSchema), this.#pipeline.tables.$get(pipelineOf(pipeline)));
  }

  previewTable(pipeline: string, table: string): Promise<TablePreview> {
    const param = { name: pipelineSegment(pipeline), table: segment("table", table) };
    return read(tablePreviewSchema, this.#pipeline.tables[":table"].$get({ param }));
  }

  getLineage(pipeline: string): Promise<PipelineLineage> {
    return read(pipelineLineageSchema, this.#pipeline.lineage.$get({ ...pipelineOf(pipeline), query: {} }));
  }

  listStreams(pipeline: string): Promise<StreamView[]> {
    return read(v.array(streamViewSchema), this.#pipeline.streams.$get(pipelineOf(pipeline)));
  }

  listRejects(pipeline: string): Promise<RejectSummary[]> {
    return read(v.array(rejectSummarySchema), this.#pipeline.rejects.$get(pipelineOf(pipeline)));
  }

  getRejects(pipeline: string, stream: string): Promise<StreamRejects> {
    return read(streamRejectsSchema, this.#pipeline.rejects[":stream"].$get(streamOf(pipeline, stream)));
  }

  getStreamSchema(pipeline: string, stream: string): Promise<StreamSchema> {
    return read(streamSchemaSchema, this.#pipeline.schemas[":stream"].$get(streamOf(pipeline, stream)));
  }

  changeRejects(
    pipeline: string,
    stream: string,
    { action, positions }: RejectsChange,
  ): Promise<RejectChange> {
    const rejects = this.#pipeline.rejects[":stream"];
    const chosen = {
      ...streamOf(pipeline, stream),
      json: positions === undefined ? undefined : { positions },
    };
    return read(
      rejectChangeSchema,
      action === "replay" ? rejects.replay.$post(chosen) : rejects.$delete(chosen),
    );
  }

  listLoads(pipeline: string): Promise<LoadSummary[]> {
    return read(v.array(loadSummarySchema), this.#pipeline.loads.$get(pipelineOf(pipeline)));
  }

  startVerification(pipeline: string, load: string | null): Promise<Verification> {
    const json = load === null ? {} : { load };
    return read(verificationSchema, this.#pipeline.verification.$post({ ...pipelineOf(pipeline), json }));
  }

  getVerification(pipeline: string): Promise<Verification> {
    return read(verificationSchema, this.#pipeline.verification.$get(pipelineOf(pipeline)));
  }

  stopVerification(pipeline: string): Promise<Verification> {
    return read(verificationSchema, this.#pipeline.verification.$delete(pipelineOf(pipeline)));
  }

  listConnectors(): Promise<ConnectorSummary[]> {
    return read(v.array(connectorSummarySchema), this.#routes.connectors.$get());
  }

  testConnector(connector: string): Promise<ConnectorTest> {
    const param = { name: segment("connector", connector) };
    return read(connectorTestSchema, this.#routes.connectors[":name"].test.$post({ param }));
  }

  discoverStreams(connector: string): Promise<SourceStream[]> {
    const param = { name: segment("connector", connector) };
    return read(v.array(sourceStreamSchema), this.#routes.connectors[":name"].streams.$get({ param }));
  }

  triggerRun(pipeline: string, request: TriggerRequest): Promise<Run> {
    const { params, select, fullRefresh, idempotencyKey, window, range, group, parent, priority } = request;
    const { tags, note, traceparent } = request;
    return read(
      runSchema,
      this.#pipeline.runs.$post({
        ...pipelineOf(pipeline),
        header: { "idempotency-key": idempotencyKey, traceparent },
        json: {
          params,
          select,
          full_refresh: fullRefresh,
          window_start: window?.start,
          window_end: window?.end,
          from: range?.from,
          to: range?.to,
          group,
          parent,
          priority,
          tags,
          note,
        },
      }),
    );
  }

  listRuns(filter: RunFilter): Promise<Run[]> {
    return read(v.array(runSchema), this.#routes.runs.$get({ query: filter }));
  }

  getRun(id: string, attempt?: number): Promise<RunDetail> {
    return read(runDetailSchema, this.#run.$get({ ...runOf(id), query: { attempt } }));
  }

  getFailedRows(id: string, check: string): Promise<FailedRows> {
    const param = { ...runOf(id).param, check: segment("check", check) };
    return read(failedRowsSchema, this.#run.checks[":check"].rows.$get({ param, query: {} }));
  }

  getRunLogs(id: string, { afterSeq, ...range }: LogRange): Promise<LogLine[]> {
    const query = { after: afterSeq, ...range };
    return read(v.array(logLineSchema), this.#run.logs.$get({ ...runOf(id), query }));
  }

  /** Throws `unavailable` where the server goes away before the run has ended. */
  async *watchRun(id: string, afterSeq: number, signal: AbortSignal): AsyncIterable<RunEvent> {
    const response = await this.#run.events.$get({ ...runOf(id), query: { after: afterSeq } }, {
      init: { signal },
    });
    if (response.body === null) return;
    let hasEnded = false;
    try {
      for await (const sent of readServerSentEvents(response.body)) {
        const event = parseEvent(sent);
        if (event === undefined) continue;
        if (event.type === "run") hasEnded = isTerminal(event.run.state);
        yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      throw new AppError(
        "unavailable",
        `The server at ${this.#url} went away while run ${id} was going on`,
        {
          cause: error,
        },
      );
    }
    if (!hasEnded && !signal.aborted) {
      throw new AppError(
        "unavailable",
        `The server at ${this.#url} stopped while run ${id} was going on; the run goes on at its next start`,
      );
    }
  }

  cancelRun(id: string): Promise<Run> {
    return read(runSchema, this.#run.cancel.$post(runOf(id)));
  }

  retryRun(id: string): Promise<Run> {
    return read(runSchema, this.#run.retry.$post(runOf(id)));
  }

  rerunRun(id: string, { from }: RerunRequest): Promise<Run> {
    return read(runSchema, this.#run.rerun.$post({ ...runOf(id), json: { from } }));
  }

  annotateRun(id: string, { tags, note }: RunAnnotation): Promise<Run> {
    return read(runSchema, this.#run.$patch({ ...runOf(id), json: { tags, note } }));
  }
}

const pipelineOf = (name: string) => ({ param: { name: pipelineSegment(name) } });

const streamOf = (pipeline: string, stream: string) => ({
  param: { name: pipelineSegment(pipeline), stream: segment("stream", stream) },
});

const runOf = (id: string) => ({ param: { id: segment("run", id) } });

/** Undefined for a type that a newer server knows and this program does not. */
function parseEvent({ type, data }: ServerSentEvent): RunEvent | undefined {
  const value: unknown = JSON.parse(data);
  switch (type) {
    case "run":
      return { type, ...v.parse(runEventSchemas.run, value) };
    case "step":
      return { type, ...v.parse(runEventSchemas.step, value) };
    case "progress":
      return { type, ...v.parse(runEventSchemas.progress, value) };
    case "log":
      return { type, ...v.parse(runEventSchemas.log, value) };
    default:
      return undefined;
  }
}
