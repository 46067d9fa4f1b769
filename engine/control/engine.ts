import type { ConnectorSummary, ConnectorTest, SourceStream } from "../../contract/discovery.ts";
import type { PipelineLineage } from "../../contract/lineage/lineage.ts";
import type { Range } from "../../contract/range.ts";
import type { RejectChange, RejectsChange, RejectSummary, StreamRejects } from "../../contract/rejects.ts";
import type { StreamView } from "../../contract/streams/stream_view.ts";
import type { StreamSchema } from "../../contract/stream_schema.ts";
import type { DefinitionLimits } from "../definitions/apply.ts";
import type { PipelineSource } from "../../contract/revision.ts";
import type {
  ApplyResult,
  LogLine,
  ParamValue,
  PipelineDetail,
  PipelineSummary,
  Run,
  RunDetail,
  RunEvent,
  RunState,
  Trigger,
} from "../../contract/run.ts";
import type { RunAnnotation } from "../../contract/runs/annotation.ts";
import type { FailedRows } from "../../contract/checks/failed_rows.ts";
import type { Table, TablePreview } from "../../contract/table.ts";
import type { Alerts } from "./alerts/alerts.ts";
import type { LoadSummary, Verification } from "../../contract/loads/verification.ts";
import type { Backfills } from "./backfills/port.ts";
import type { PublishedData } from "./data/port.ts";
import type { Manifests } from "./manifests/port.ts";
import type { Plans } from "./models/port.ts";
import type { Queries } from "./queries/port.ts";
import type { Environments } from "./environments/port.ts";
import type { LogConditions, RunHistory } from "./history/port.ts";
import type { ServerControl } from "./services/server_control.ts";
import type { Versions } from "./versions/port.ts";
import type { ApplyRequest } from "./versions/project_source.ts";
import type { Webhooks } from "./webhooks/port.ts";

/** What the server, the pages and the command line can ask of the engine. Every failure is an AppError. */
export interface Engine {
  readonly backfills: Backfills;
  /** What was in force when. */
  readonly versions: Versions;
  /** Where pipelines run apart from production. */
  readonly environments: Environments;
  /** Problems, who hears of what, and what was sent. */
  readonly alerts: Alerts;
  /** Logs of all runs, and what the runs of a pipeline have been like. */
  readonly history: RunHistory;
  /** The server itself. */
  readonly server: ServerControl;
  /** What other systems post to pipelines. */
  readonly webhooks: Webhooks;
  /** What a change of the project would do. */
  readonly plans: Plans;
  /** What runs were made of. */
  readonly manifests: Manifests;
  /** Rows of models as their SQL is now. */
  readonly queries: Queries;
  /** The models that pipelines publish. */
  readonly data: PublishedData;
  listPipelines(): Promise<PipelineSummary[]>;
  /** Their names alone, in order: what costs nothing beside all that is known of each. */
  pipelineNames(): Promise<string[]>;
  /** Throws not_found. */
  getPipeline(name: string): Promise<PipelineDetail>;
  /** Checks and puts a definition in force. Throws invalid (with faults), or conflict where it comes from files. */
  putPipeline(name: string, source: PipelineSource, limits?: DefinitionLimits): Promise<PipelineDetail>;
  /** Throws not_found, or conflict where it comes from files or has a run under way. Runs are kept. */
  deletePipeline(name: string): Promise<void>;
  /** A paused pipeline is not started by its schedule. */
  setPaused(name: string, paused: boolean): Promise<PipelineSummary>;
  /**
   * Reads the project's files again, or those of a commit of git, and puts in force what changed and is right. Throws
   * not_found for a ref that there is not, invalid for what cannot be read of git.
   */
  applyProject(request?: ApplyRequest): Promise<ApplyResult>;
  /**
   * Throws not_found, or invalid for params or a window that do not fit. With a known idempotencyKey:
   * that run, or conflict (reason idempotency_key_reused) where that asked for something else.
   */
  triggerRun(pipeline: string, request: TriggerRequest): Promise<Run>;
  /** The raw tables and models of the pipeline, as they were last written. Throws not_found. */
  listTables(pipeline: string): Promise<Table[]>;
  /**
   * A table with its first rows, as a run last wrote it: `raw.orders` of a stream, `daily` of a model. Throws
   * not_found.
   */
  previewTable(pipeline: string, table: string): Promise<TablePreview>;
  /** Where the columns of its tables come from, from its sources to its targets. Throws not_found. */
  getLineage(pipeline: string, mayView?: (pipeline: string) => boolean): Promise<PipelineLineage>;
  /** The streams of the definition in force: how their last read went, and how far they are. Throws not_found. */
  listStreams(pipeline: string): Promise<StreamView[]>;
  /** The streams and the steps of loads that have rejects, as their runs have last reported them. Throws not_found. */
  listRejects(pipeline: string): Promise<RejectSummary[]>;
  /** How the columns of a stream's table have changed, as runs have reported it. Throws not_found. */
  getStreamSchema(pipeline: string, stream: string): Promise<StreamSchema>;
  /** The newest rejects of one stream, or of a load by its step. Throws not_found. */
  getRejects(pipeline: string, stream: string): Promise<StreamRejects>;
  /**
   * replay: puts rejects through the stream's definition in force and into its raw table, as far as they fit now; those
   * of a load are sent again. drop: removes them. Throws not_found, conflict while a run of the pipeline is under way,
   * invalid where nothing can be replayed.
   */
  changeRejects(
    pipeline: string,
    stream: string,
    change: RejectsChange,
    signal: AbortSignal,
  ): Promise<RejectChange>;
  /** The loads of the definition in force, with what their last success left. Throws not_found. */
  listLoads(pipeline: string): Promise<LoadSummary[]>;
  /**
   * Begins to read the targets of all loads, or of one (by its step or its table), back; returns how it stands then.
   * Throws not_found, conflict while a run or another verification of the pipeline is under way, invalid where nothing
   * can have been loaded.
   */
  startVerification(pipeline: string, load: string | null, by: string): Promise<Verification>;
  /** The verification under way, or the last. Throws not_found. */
  getVerification(pipeline: string): Promise<Verification>;
  /** Stops the one under way. Throws not_found, or conflict where none is. */
  stopVerification(pipeline: string, by: string): Promise<Verification>;
  /** The connectors of the project's files as they are now, by name. */
  listConnectors(): Promise<ConnectorSummary[]>;
  /**
   * The streams that a connector has, asked of its system. Throws not_found, invalid where the connector
   * cannot look for streams, and what its system refuses.
   */
  discoverStreams(connector: string, signal: AbortSignal): Promise<SourceStream[]>;
  /** What works of a connector, and what is missing, as which grant. Changes nothing. Throws not_found. */
  testConnector(connector: string, signal: AbortSignal): Promise<ConnectorTest>;
  /** Newest first. Throws invalid (reason unknown_cursor) for a `before` that is no run. */
  listRuns(filter: RunFilter): Promise<Run[]>;
  /**
   * With an attempt (from 1): its steps as they were when that had ended, those of earlier ones that were done
   * already among them. Throws not_found, for an attempt that there was not as well.
   */
  getRun(id: string, attempt?: number): Promise<RunDetail>;
  /**
   * The rows that failed a check of the run, as far as they were kept: by its step, `daily.not_null_day` or its name alone.
   * Throws not_found.
   */
  getFailedRows(id: string, check: string): Promise<FailedRows>;
  /** In order; `limit` at most 10,000. Fewer than that only where there are no more. Throws not_found. */
  getRunLogs(id: string, range: LogRange): Promise<LogLine[]>;
  /** What has happened since log line `afterSeq`, then what happens, until the run has ended. */
  watchRun(id: string, afterSeq: number, signal: AbortSignal): AsyncIterable<RunEvent>;
  /** `by` says who. Throws not_found, or conflict where the run has ended. */
  cancelRun(id: string, by: string): Promise<Run>;
  /** Another attempt of a failed or cancelled run, with its revision, params and window. Throws conflict. */
  retryRun(id: string): Promise<Run>;
  /**
   * A new run of the revision in force for the window, range and params of an ended run, whose child it is: of a step
   * and what needs it, or of the steps that the run had. Throws not_found, conflict while the run goes on, invalid for
   * a step that the pipeline does not have.
   */
  rerunRun(id: string, request: RerunRequest): Promise<Run>;
  /** Tags and a note, at any time. Throws not_found. */
  annotateRun(id: string, annotation: RunAnnotation): Promise<Run>;
}

export interface TriggerRequest {
  readonly params?: Readonly<Record<string, ParamValue>>;
  /** A dbt-like selection of steps, as `+daily tag:x`. */
  readonly select?: string;
  /** Rebuilds incremental streams and models from nothing. */
  readonly fullRefresh?: boolean;
  readonly trigger: Trigger;
  readonly triggeredBy?: string;
  /** The trace that the request came from, by W3C Trace Context; what is none of it counts as nothing. */
  readonly traceparent?: string;
  readonly idempotencyKey?: string;
  /** What the run is for; by default from where the last succeeded run's window ended until now. */
  readonly window?: WindowRequest;
  /** Rows to read again by update_key; where both ends are times, they are the run's window too. */
  readonly range?: Range;
  /** Names runs that belong together. */
  readonly group?: string;
  /** The run that caused it. */
  readonly parent?: string;
  /** The higher goes first; 0 by default. */
  readonly priority?: number;
  readonly tags?: readonly string[];
  readonly note?: string;
}

export interface RerunRequest {
  /** A step's name, as `model:daily`; by default the steps that the run had. */
  readonly from?: string;
  readonly triggeredBy?: string;
}

/** From `start` (null: from the beginning) until before `end`, ISO 8601. */
export interface WindowRequest {
  readonly start: string | null;
  readonly end: string;
}

export interface RunFilter {
  readonly pipeline?: string;
  /** Those of these alone. */
  readonly pipelines?: readonly string[];
  /** Those of its pipelines alone. */
  readonly environment?: string;
  readonly state?: RunState;
  readonly group?: string;
  readonly tag?: string;
  readonly trigger?: Trigger;
  /** Asked for since then: a date, a time, or how long ago, as `7d`. */
  readonly since?: string;
  /** Asked for before then, likewise. */
  readonly until?: string;
  /** 1 to 500, 50 by default. */
  readonly limit?: number;
  /** A run's id: only older ones. */
  readonly before?: string;
}

export interface LogRange extends LogConditions {
  readonly afterSeq?: number;
  readonly limit?: number;
}
