import type { DefinitionLimits } from "../../engine/definitions/apply.ts";
import type { ConnectorSummary, ConnectorTest, SourceStream } from "../../contract/discovery.ts";
import { resolveParams } from "../../contract/params/values.ts";
import { definedParams } from "../../contract/params/definition.ts";
import { itemsBehind } from "../../contract/lists/page.ts";
import { AppError } from "../../contract/errors.ts";
import type { RejectChange, RejectsChange, RejectSummary, StreamRejects } from "../../contract/rejects.ts";
import type { PipelineSource } from "../../contract/revision.ts";
import type {
  ApplyResult,
  LogLine,
  PipelineDetail,
  PipelineSummary,
  Run,
  RunDetail,
  RunEvent,
  Step,
} from "../../contract/run.ts";
import type { FailedRows } from "../../contract/checks/failed_rows.ts";
import { runFailedRows } from "../../engine/control/checks/run_failed_rows.ts";
import { findTable, type Table, type TablePreview } from "../../contract/table.ts";
import { type LoadSummary, noVerification, type Verification } from "../../contract/loads/verification.ts";
import type {
  Engine,
  LogRange,
  RerunRequest,
  RunFilter,
  TriggerRequest,
} from "../../engine/control/engine.ts";
import type { StreamSchema } from "../../contract/stream_schema.ts";
import { NO_PROGRESS, type StepProgress } from "../../contract/runs/progress.ts";
import type { Traffic } from "../../contract/streams/traffic.ts";
import type { StreamView } from "../../contract/streams/stream_view.ts";
import { FakeAlerts } from "./fake_alerts.ts";
import { isTerminal, nextState, type RunStateEvent } from "../../contract/run_state.ts";
import type { RunAnnotation } from "../../contract/runs/annotation.ts";
import { logMatcher } from "../../contract/runs/log_search.ts";
import { logFilterOf } from "../../engine/control/history/log_conditions.ts";
import { FakeHistory } from "./fake_history.ts";
import { FakeBackfills } from "./fake_backfills.ts";
import type { PipelineLineage } from "../../contract/lineage/lineage.ts";
import { LINEAGE_SAMPLE } from "./lineage_sample.ts";
import type { RunReplay } from "../../contract/runs/replay.ts";
import type { Manifests } from "../../engine/control/manifests/port.ts";
import { runManifest } from "../../engine/control/manifests/run_manifest.ts";
import { FakeEnvironments } from "./fake_environments.ts";
import { FakeVersions } from "./fake_versions.ts";
import { FakeData } from "./fake_data.ts";
import { FakePlans } from "./fake_plans.ts";
import { FakeQueries } from "./fake_queries.ts";
import { FakeServerControl } from "./fake_server_control.ts";
import { FakeWebhooks } from "./fake_webhooks.ts";

/**
 * An engine in memory for tests of what stands on it: it keeps what it is given and runs nothing.
 * A test moves its runs on with `move`, `putStep` and `addLog`; those who watch are told.
 */
export class FakeEngine implements Engine {
  readonly backfills: FakeBackfills;
  readonly versions = new FakeVersions();
  readonly environments = new FakeEnvironments();
  readonly alerts: FakeAlerts;
  readonly history: FakeHistory;
  readonly server: FakeServerControl;
  readonly webhooks = new FakeWebhooks();
  readonly plans = new FakePlans();
  readonly queries = new FakeQueries();
  readonly data = new FakeData();
  /** The pipelines whose data a definition that is put reads. */
  readsFrom: readonly string[] = [];
  /** As the last one who asked for lineage had it. */
  mayViewOfLineage: ((pipeline: string) => boolean) | undefined;
  /** What a replay finds; without it no run says that it can be replayed. */
  replayed: Partial<RunReplay> | undefined;
  readonly manifests: Manifests = {
    get: async (id) =>
      runManifest(await this.getRun(id), {
        files: [{ path: "transforms/orders/daily.sql", content: "SELECT 1" }],
        functions: {},
        lacking: this.replayed === undefined ? "its inputs were not kept" : null,
      }),
    replay: async (id) => {
      const { id: run, pipeline } = await this.getRun(id);
      return { run, pipeline, outcome: "same", models: [], ...this.replayed };
    },
  };
  readonly #now: () => number;
  readonly #pipelines = new Map<string, PipelineDetail>();
  readonly #runs = new Map<string, RunDetail>();
  readonly #tables = new Map<string, readonly TablePreview[]>();
  readonly #rejects = new Map<string, readonly StreamRejects[]>();
  readonly #streams = new Map<string, readonly StreamView[]>();
  readonly #loads = new Map<string, readonly LoadSummary[]>();
  readonly #verifications = new Map<string, Verification>();
  readonly #logs = new Map<string, LogLine[]>();
  readonly #watchers = new Map<string, Set<(event: RunEvent) => void>>();

  constructor(now: () => number) {
    this.#now = now;
    this.backfills = new FakeBackfills(now);
    this.alerts = new FakeAlerts(now);
    this.history = new FakeHistory(this, now);
    this.server = new FakeServerControl(now);
  }

  addPipeline(pipeline: PipelineDetail): void {
    this.#pipelines.set(pipeline.name, pipeline);
  }

  setTables(pipeline: string, tables: readonly TablePreview[]): void {
    this.#tables.set(pipeline, tables);
  }

  addRun(run: RunDetail, logs: readonly LogLine[] = []): void {
    this.#runs.set(run.id, run);
    this.#logs.set(run.id, [...logs]);
  }

  /** Changes a run's state as the engine's table allows it. */
  move(id: string, event: RunStateEvent, change: Partial<Run> = {}): Run {
    const run = this.#run(id);
    const state = nextState(run.state, event);
    if (state === null) throw new AppError("conflict", `Cannot ${event} run "${id}": it is ${run.state}`);
    const at = new Date(this.#now()).toISOString();
    const times: Partial<Run> = state === "running"
      ? { started_at: at, attempt: run.attempt + 1 }
      : isTerminal(state)
      ? {
        finished_at: at,
        duration_ms: run.started_at === null ? 0 : this.#now() - Date.parse(run.started_at),
      }
      : { started_at: null, finished_at: null, duration_ms: null, error: null, reason: null };
    return this.#put({ ...run, ...times, ...change, state });
  }

  putStep(id: string, step: Step): void {
    const run = this.#run(id);
    const index = run.steps.findIndex((other) => other.name === step.name);
    const steps = index < 0 ? [...run.steps, step] : run.steps.with(index, step);
    this.#runs.set(id, { ...run, steps });
    this.#tell(id, { type: "step", step });
  }

  addLog(id: string, line: Pick<LogLine, "message"> & Partial<LogLine>): void {
    const lines = this.#logs.get(id) ?? [];
    const whole: LogLine = {
      seq: (lines.at(-1)?.seq ?? 0) + 1,
      at: new Date(this.#now()).toISOString(),
      level: "info",
      attempt: 1,
      step: null,
      ...line,
    };
    this.#logs.set(id, [...lines, whole]);
    this.#tell(id, { type: "log", line: whole });
  }

  addProgress(
    id: string,
    step: string,
    rows: number,
    traffic?: Traffic,
    progress: Partial<StepProgress> = {},
  ): void {
    const told = traffic === undefined ? {} : { traffic };
    this.#tell(id, { type: "progress", ...NO_PROGRESS, ...progress, step, rows, ...told });
  }

  /** How many watch the run. */
  watchers(id: string): number {
    return this.#watchers.get(id)?.size ?? 0;
  }

  async pipelineNames(): Promise<string[]> {
    return await Promise.resolve([...this.#pipelines.keys()].sort());
  }

  async listPipelines(): Promise<PipelineSummary[]> {
    return await Promise.resolve(
      [...this.#pipelines.values()].map((pipeline) => this.#summary(pipeline))
        .sort((a, b) => a.name < b.name ? -1 : 1),
    );
  }

  async getPipeline(name: string): Promise<PipelineDetail> {
    const pipeline = await Promise.resolve(this.#pipelines.get(name));
    if (pipeline === undefined) throw new AppError("not_found", `There is no pipeline "${name}"`);
    return { ...pipeline, ...this.#summary(pipeline) };
  }

  async putPipeline(
    name: string,
    _source: PipelineSource,
    limits?: DefinitionLimits,
  ): Promise<PipelineDetail> {
    await limits?.requireData(this.readsFrom);
    return await this.getPipeline(name);
  }

  async deletePipeline(name: string): Promise<void> {
    await this.getPipeline(name);
    this.#pipelines.delete(name);
  }

  async setPaused(name: string, paused: boolean): Promise<PipelineSummary> {
    const pipeline = await this.getPipeline(name);
    this.#pipelines.set(name, { ...pipeline, paused });
    return this.#summary({ ...pipeline, paused });
  }

  async applyProject(): Promise<ApplyResult> {
    return await Promise.resolve({
      applied: [],
      unchanged: [...this.#pipelines.keys()],
      removed: [],
      faults: [],
    });
  }

  async listTables(pipeline: string): Promise<Table[]> {
    await this.getPipeline(pipeline);
    return (this.#tables.get(pipeline) ?? []).map(({ rows: _, note: __, ...table }) => table);
  }

  async getLineage(pipeline: string, mayView?: (pipeline: string) => boolean): Promise<PipelineLineage> {
    this.mayViewOfLineage = mayView;
    await this.getPipeline(pipeline);
    return LINEAGE_SAMPLE;
  }

  async previewTable(pipeline: string, name: string): Promise<TablePreview> {
    await this.getPipeline(pipeline);
    return findTable(this.#tables.get(pipeline) ?? [], pipeline, name);
  }

  listConnectors(): Promise<ConnectorSummary[]> {
    return Promise.resolve([{ name: "shop", type: "postgres", description: "PostgreSQL" }]);
  }

  setRejects(pipeline: string, rejects: readonly StreamRejects[]): void {
    this.#rejects.set(pipeline, rejects);
  }

  listRejects(pipeline: string): Promise<RejectSummary[]> {
    const found = this.#rejects.get(pipeline) ?? [];
    return Promise.resolve(found.map(({ rejects: _, ...summary }) => summary));
  }

  getStreamSchema(_pipeline: string, stream: string): Promise<StreamSchema> {
    const message = 'column "note" is new (VARCHAR)';
    const change = { kind: "added", column: "note", message } as const;
    const found = { run: "01K", changed_at: new Date(0).toISOString(), columns: [], missing: [] };
    return Promise.resolve({ stream, versions: [{ ...found, version: 2, changes: [change] }] });
  }

  getRejects(pipeline: string, stream: string): Promise<StreamRejects> {
    const found = this.#rejects.get(pipeline)?.find((one) => one.stream === stream);
    const none = {
      stream,
      count: 0,
      reason: "",
      run: null,
      changed_at: new Date(0).toISOString(),
      rejects: [],
    };
    return Promise.resolve(found ?? none);
  }

  async getFailedRows(id: string, check: string): Promise<FailedRows> {
    return await runFailedRows({ get: () => Promise.resolve(undefined) }, await this.getRun(id), check);
  }

  async changeRejects(pipeline: string, stream: string, { action }: RejectsChange): Promise<RejectChange> {
    const { count } = await this.getRejects(pipeline, stream);
    this.setRejects(pipeline, (this.#rejects.get(pipeline) ?? []).filter((one) => one.stream !== stream));
    const [replayed, dropped] = action === "replay" ? [count, 0] : [0, count];
    return { stream, replayed, dropped, left: 0, reason: null };
  }

  setStreams(pipeline: string, streams: readonly StreamView[]): void {
    this.#streams.set(pipeline, streams);
  }

  async listStreams(pipeline: string): Promise<StreamView[]> {
    await this.getPipeline(pipeline);
    return [...this.#streams.get(pipeline) ?? []];
  }

  setLoads(pipeline: string, loads: readonly LoadSummary[]): void {
    this.#loads.set(pipeline, loads);
  }

  /** Ends the one under way. */
  setVerification(verification: Verification): void {
    this.#verifications.set(verification.pipeline, verification);
  }

  async listLoads(pipeline: string): Promise<LoadSummary[]> {
    await this.getPipeline(pipeline);
    return [...this.#loads.get(pipeline) ?? []];
  }

  async startVerification(pipeline: string, load: string | null, by: string): Promise<Verification> {
    const before = await this.getVerification(pipeline);
    if (before.state === "running") throw new AppError("conflict", "They are being verified already");
    const started_at = new Date(this.#now()).toISOString();
    const begun = {
      ...noVerification(pipeline),
      load,
      state: "running" as const,
      started_at,
      started_by: by,
    };
    this.setVerification(begun);
    return begun;
  }

  async getVerification(pipeline: string): Promise<Verification> {
    await this.getPipeline(pipeline);
    return this.#verifications.get(pipeline) ?? noVerification(pipeline);
  }

  async stopVerification(pipeline: string): Promise<Verification> {
    const before = await this.getVerification(pipeline);
    if (before.state !== "running") throw new AppError("conflict", "They are not being verified");
    const error = { code: "cancelled" as const, message: "Stopped" };
    this.setVerification({ ...before, state: "failed", error });
    return await this.getVerification(pipeline);
  }

  testConnector(connector: string): Promise<ConnectorTest> {
    const checks = [{ name: "connect", state: "ok" as const, message: "it can be reached" }];
    return Promise.resolve({ connector, ok: true, checks });
  }

  discoverStreams(connector: string): Promise<SourceStream[]> {
    if (connector !== "shop") {
      return Promise.reject(new AppError("not_found", `There is no connector "${connector}"`));
    }
    return Promise.resolve([{
      name: "public.orders",
      kind: "table",
      address: { stream: "public.orders" },
      columns: [{ name: "id", type: "bigint", nullable: false }],
      primary_key: ["id"],
      rows: 3,
      size_bytes: 8_192,
    }]);
  }

  async triggerRun(name: string, request: TriggerRequest): Promise<Run> {
    const pipeline = await this.getPipeline(name);
    if (request.select?.includes("nothing")) {
      throw new AppError("invalid", `Cannot start "${name}": no step fits the selection "${request.select}"`);
    }
    const at = new Date(this.#now()).toISOString();
    const number = String(this.#runs.size + 1).padStart(12, "0");
    return this.#put({
      id: `01930000-0000-7000-8000-${number}`,
      pipeline: name,
      revision: pipeline.revision ?? "",
      git_commit: pipeline.git_commit,
      state: "queued",
      reason: null,
      trigger: request.trigger,
      triggered_by: request.triggeredBy ?? null,
      attempt: 0,
      params: resolveParams(definedParams(pipeline.definition), request.params ?? {}),
      select: request.select ?? null,
      full_refresh: request.fullRefresh ?? false,
      group: request.group ?? null,
      parent: request.parent ?? null,
      priority: request.priority ?? 0,
      ...(request.tags === undefined ? {} : { tags: [...request.tags] }),
      ...(request.note === undefined ? {} : { note: request.note }),
      cancelled_by: null,
      window_start: request.window?.start ?? null,
      window_end: request.window?.end ?? at,
      window_given: request.window !== undefined,
      created_at: at,
      not_before: null,
      started_at: null,
      finished_at: null,
      duration_ms: null,
      rows_extracted: 0,
      rows_loaded: 0,
      warnings: 0,
      peak_rss_bytes: null,
      error: null,
      steps: [],
      attempts: [],
    });
  }

  async listRuns(
    { pipeline, pipelines, state, group, tag, trigger, limit = 50, before }: RunFilter,
  ): Promise<Run[]> {
    const newestFirst = await Promise.resolve(
      [...this.#runs.values()].sort((a, b) => a.created_at < b.created_at ? 1 : -1),
    );
    return itemsBehind("runs", newestFirst, ({ id }) => id, before)
      .filter((run) =>
        (pipeline === undefined || run.pipeline === pipeline) &&
        (pipelines?.includes(run.pipeline) ?? true) &&
        (state === undefined || run.state === state) &&
        (group === undefined || run.group === group) &&
        (tag === undefined || run.tags?.includes(tag)) &&
        (trigger === undefined || run.trigger === trigger)
      )
      .slice(0, limit)
      .map(({ steps: _, attempts: __, ...run }) => run);
  }

  /** It keeps a step's newest state alone: of an earlier attempt are those that are not newer. */
  async getRun(id: string, attempt = Infinity): Promise<RunDetail> {
    const run = await Promise.resolve(this.#run(id));
    const isOver = run.state === "failed" || run.state === "cancelled";
    const isNewest = (await this.listRuns({ pipeline: run.pipeline, limit: 1 }))[0]?.id === id;
    return {
      ...run,
      can_retry: isOver && isNewest,
      steps: run.steps.filter((step) => step.attempt <= attempt),
    };
  }

  async getRunLogs(
    id: string,
    { afterSeq = 0, limit = 1_000, ...conditions }: LogRange,
  ): Promise<LogLine[]> {
    this.#run(id);
    const matches = logMatcher(logFilterOf(conditions, this.#now()));
    return await Promise.resolve(
      (this.#logs.get(id) ?? []).filter((line) => line.seq > afterSeq && matches(line)).slice(0, limit),
    );
  }

  async *watchRun(id: string, afterSeq: number, signal: AbortSignal): AsyncIterable<RunEvent> {
    const waiting: RunEvent[] = (await this.getRunLogs(id, { afterSeq }))
      .map((line) => ({ type: "log", line }));
    let wake = () => {};
    const hear = (event: RunEvent) => {
      waiting.push(event);
      wake();
    };
    const abort = () => wake();
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers.add(hear));
    signal.addEventListener("abort", abort);
    try {
      while (!signal.aborted) {
        for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) yield event;
        if (isTerminal(this.#run(id).state)) return;
        await new Promise<void>((resolve) => wake = resolve);
      }
    } finally {
      signal.removeEventListener("abort", abort);
      watchers.delete(hear);
    }
  }

  async cancelRun(id: string, by: string): Promise<Run> {
    const change = { reason: "cancelled on the page", cancelled_by: by };
    return await Promise.resolve(this.move(id, "cancel", change));
  }

  async retryRun(id: string): Promise<Run> {
    return await Promise.resolve(this.move(id, "retry"));
  }

  async rerunRun(id: string, { from, triggeredBy }: RerunRequest): Promise<Run> {
    const { pipeline, params, window_start: start, window_end: end, state } = this.#run(id);
    if (!isTerminal(state)) throw new AppError("conflict", `Run ${id} is ${state}`);
    return await this.triggerRun(pipeline, {
      trigger: "rerun",
      ...(triggeredBy === undefined ? {} : { triggeredBy }),
      ...(from === undefined ? {} : { select: `${from}+` }),
      params,
      window: { start, end },
      parent: id,
    });
  }

  async annotateRun(id: string, { tags, note }: RunAnnotation): Promise<Run> {
    const { tags: hadTags = [], note: hadNote = "", ...run } = await Promise.resolve(this.#run(id));
    const nowTags = [...tags ?? hadTags];
    const nowNote = note === undefined ? hadNote : note ?? "";
    return this.#put({
      ...run,
      ...(nowTags.length === 0 ? {} : { tags: nowTags }),
      ...(nowNote === "" ? {} : { note: nowNote }),
    });
  }

  #run(id: string): RunDetail {
    const run = this.#runs.get(id);
    if (run === undefined) throw new AppError("not_found", `There is no run "${id}"`);
    return run;
  }

  #put(run: RunDetail): Run {
    this.#runs.set(run.id, run);
    const { steps: _, attempts: __, ...plain } = run;
    this.#tell(run.id, { type: "run", run: plain });
    return plain;
  }

  #tell(id: string, event: RunEvent): void {
    for (const hear of this.#watchers.get(id) ?? []) hear(event);
  }

  #summary(pipeline: PipelineDetail): PipelineSummary {
    const {
      definition: _definition,
      source: _source,
      files: _files,
      steps: _steps,
      followed: _followed,
      followed_by: _followedBy,
      ...summary
    } = pipeline;
    const last = [...this.#runs.values()].filter((run) => run.pipeline === pipeline.name)
      .reduce<RunDetail | undefined>(
        (newest, run) => newest && newest.created_at > run.created_at ? newest : run,
        undefined,
      );
    if (last === undefined) return { ...summary, last_run: null };
    const { steps: _, attempts: __, ...run } = last;
    return { ...summary, last_run: run };
  }
}
