import {
  type ConnectorSummary,
  connectorSummarySchema,
  type ConnectorTest,
  connectorTestSchema,
  type SourceStream,
  sourceStreamSchema,
} from "../../../contract/discovery.ts";
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
import { type Table, type TablePreview, tablePreviewSchema, tableSchema } from "../../../contract/table.ts";
import {
  type LoadSummary,
  loadSummarySchema,
  type Verification,
  verificationSchema,
} from "../../../contract/loads/verification.ts";
import type {
  Engine,
  LogRange,
  RerunRequest,
  RunFilter,
  TriggerRequest,
} from "../../../engine/control/engine.ts";
import { isTerminal } from "../../../contract/run_state.ts";
import type { ApiClient } from "./api_client.ts";
import { RemoteAlerts } from "./remote_alerts.ts";
import { readServerSentEvents, type ServerSentEvent } from "./event_stream.ts";
import { pipelinePath } from "./paths.ts";
import { RemoteBackfills } from "./remote_backfills.ts";

const runEventSchemas = {
  run: v.object({ run: runSchema }),
  step: v.object({ step: stepSchema }),
  progress: v.object({
    step: v.string(),
    rows: v.number(),
    size_bytes: v.nullable(v.number()),
    traffic: v.exactOptional(trafficSchema),
  }),
  log: v.object({ line: logLineSchema }),
};

/** The engine of a server, asked over its HTTP API. */
export class RemoteEngine implements Engine {
  readonly alerts: RemoteAlerts;
  readonly #api: ApiClient;
  readonly backfills: RemoteBackfills;

  constructor(api: ApiClient) {
    this.#api = api;
    this.backfills = new RemoteBackfills(api);
    this.alerts = new RemoteAlerts(api);
  }

  listPipelines(): Promise<PipelineSummary[]> {
    return this.#api.read(v.array(pipelineSummarySchema), "/api/pipelines");
  }

  async pipelineNames(): Promise<string[]> {
    return (await this.listPipelines()).map(({ name }) => name);
  }

  getPipeline(name: string): Promise<PipelineDetail> {
    return this.#api.read(pipelineDetailSchema, pipelinePath(name));
  }

  putPipeline(name: string, source: PipelineSource): Promise<PipelineDetail> {
    return this.#api.read(pipelineDetailSchema, pipelinePath(name), { method: "PUT", body: source });
  }

  async deletePipeline(name: string): Promise<void> {
    await this.#api.send(pipelinePath(name), { method: "DELETE" });
  }

  setPaused(name: string, paused: boolean): Promise<PipelineSummary> {
    return this.#api.read(pipelineSummarySchema, pipelinePath(name), { method: "PATCH", body: { paused } });
  }

  applyProject(): Promise<ApplyResult> {
    return this.#api.read(applyResultSchema, "/api/apply", { method: "POST" });
  }

  listTables(pipeline: string): Promise<Table[]> {
    return this.#api.read(v.array(tableSchema), `${pipelinePath(pipeline)}/tables`);
  }

  previewTable(pipeline: string, table: string): Promise<TablePreview> {
    const path = `${pipelinePath(pipeline)}/tables/${encodeURIComponent(table)}`;
    return this.#api.read(tablePreviewSchema, path);
  }

  listStreams(pipeline: string): Promise<StreamView[]> {
    return this.#api.read(v.array(streamViewSchema), `${pipelinePath(pipeline)}/streams`);
  }

  listRejects(pipeline: string): Promise<RejectSummary[]> {
    return this.#api.read(v.array(rejectSummarySchema), `${pipelinePath(pipeline)}/rejects`);
  }

  getRejects(pipeline: string, stream: string): Promise<StreamRejects> {
    return this.#api.read(streamRejectsSchema, rejectsPath(pipeline, stream));
  }

  getStreamSchema(pipeline: string, stream: string): Promise<StreamSchema> {
    const path = `${pipelinePath(pipeline)}/schemas/${encodeURIComponent(stream)}`;
    return this.#api.read(streamSchemaSchema, path);
  }

  changeRejects(
    pipeline: string,
    stream: string,
    { action, positions }: RejectsChange,
  ): Promise<RejectChange> {
    const path = rejectsPath(pipeline, stream);
    const chosen = positions === undefined ? {} : { body: { positions } };
    return action === "replay"
      ? this.#api.read(rejectChangeSchema, `${path}/replay`, { method: "POST", ...chosen })
      : this.#api.read(rejectChangeSchema, path, { method: "DELETE", ...chosen });
  }

  listLoads(pipeline: string): Promise<LoadSummary[]> {
    return this.#api.read(v.array(loadSummarySchema), `${pipelinePath(pipeline)}/loads`);
  }

  /** Who starts it is the token's owner: the server says so. */
  startVerification(pipeline: string, load: string | null): Promise<Verification> {
    const body = load === null ? {} : { load };
    return this.#api.read(verificationSchema, verificationPath(pipeline), { method: "POST", body });
  }

  getVerification(pipeline: string): Promise<Verification> {
    return this.#api.read(verificationSchema, verificationPath(pipeline));
  }

  /** Who stops it is the token's owner: the server says so. */
  stopVerification(pipeline: string): Promise<Verification> {
    return this.#api.read(verificationSchema, verificationPath(pipeline), { method: "DELETE" });
  }

  listConnectors(): Promise<ConnectorSummary[]> {
    return this.#api.read(v.array(connectorSummarySchema), "/api/connectors");
  }

  testConnector(connector: string): Promise<ConnectorTest> {
    const path = `/api/connectors/${encodeURIComponent(connector)}/test`;
    return this.#api.read(connectorTestSchema, path, { method: "POST" });
  }

  discoverStreams(connector: string): Promise<SourceStream[]> {
    return this.#api.read(
      v.array(sourceStreamSchema),
      `/api/connectors/${encodeURIComponent(connector)}/streams`,
    );
  }

  /** Who triggers it is the token's owner: the server says so. */
  triggerRun(pipeline: string, request: TriggerRequest): Promise<Run> {
    const { params, select, fullRefresh, idempotencyKey, window, range, group, parent, priority } = request;
    const { tags, note } = request;
    return this.#api.read(runSchema, `${pipelinePath(pipeline)}/runs`, {
      method: "POST",
      body: {
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
      headers: idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey },
    });
  }

  listRuns(filter: RunFilter): Promise<Run[]> {
    return this.#api.read(v.array(runSchema), "/api/runs", { query: { ...filter } });
  }

  getRun(id: string, attempt?: number): Promise<RunDetail> {
    return this.#api.read(runDetailSchema, runPath(id), { query: { attempt } });
  }

  getRunLogs(id: string, range: LogRange): Promise<LogLine[]> {
    const query = { after: range.afterSeq, limit: range.limit };
    return this.#api.read(v.array(logLineSchema), `${runPath(id)}/logs`, { query });
  }

  /** Throws `unavailable` where the server goes away before the run has ended. */
  async *watchRun(id: string, afterSeq: number, signal: AbortSignal): AsyncIterable<RunEvent> {
    const response = await this.#api.send(`${runPath(id)}/events`, { query: { after: afterSeq }, signal });
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
        `The server at ${this.#api.url} went away while run ${id} was going on`,
        {
          cause: error,
        },
      );
    }
    if (!hasEnded && !signal.aborted) {
      throw new AppError(
        "unavailable",
        `The server at ${this.#api.url} stopped while run ${id} was going on; the run goes on at its next start`,
      );
    }
  }

  /** Who cancels it is the token's owner: the server says so. */
  cancelRun(id: string): Promise<Run> {
    return this.#api.read(runSchema, `${runPath(id)}/cancel`, { method: "POST" });
  }

  retryRun(id: string): Promise<Run> {
    return this.#api.read(runSchema, `${runPath(id)}/retry`, { method: "POST" });
  }

  /** Who asks for it is the token's owner: the server says so. */
  rerunRun(id: string, { from }: RerunRequest): Promise<Run> {
    return this.#api.read(runSchema, `${runPath(id)}/rerun`, { method: "POST", body: { from } });
  }

  annotateRun(id: string, annotation: RunAnnotation): Promise<Run> {
    return this.#api.read(runSchema, runPath(id), { method: "PATCH", body: annotation });
  }
}

function rejectsPath(pipeline: string, stream: string): string {
  return `${pipelinePath(pipeline)}/rejects/${encodeURIComponent(stream)}`;
}

const verificationPath = (pipeline: string) => `${pipelinePath(pipeline)}/verification`;

const runPath = (id: string) => `/api/runs/${encodeURIComponent(id)}`;

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
