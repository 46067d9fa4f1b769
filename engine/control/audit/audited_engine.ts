import type { AuditActor, AuditEntry, AuditResult, AuditValue } from "../../../contract/audit/entry.ts";
import type { ApplyResult, Run } from "../../../contract/run.ts";
import type { BackfillDetail } from "../../../contract/backfills/backfill.ts";
import type { Engine } from "../engine.ts";
import { auditedEnvironments } from "../environments/audited_environments.ts";
import { auditedAlerts } from "./audited_alerts.ts";
import type { Definitions } from "./definition_facts.ts";
import type { AuditLog } from "./port.ts";

export interface AuditedOptions {
  readonly log: AuditLog;
  readonly actor: AuditActor;
  readonly definitions: Definitions;
  /** Whether the project is applied again and again, so that only what changes is told of. */
  readonly isOften?: boolean;
  /** What each line says beside, as who it is that a command works for. */
  readonly details?: Readonly<Record<string, AuditValue>>;
}

/** The beginning of a longer one is kept. */
const MAX_SQL_KEPT = 10_000;

/**
 * The engine as one actor uses it: what changes something, and what shows rows, is a line of the audit log. A method
 * that the engine gets does not compile before it is decided here whether it is one. What only shows definitions, runs
 * and logs is none; who may do what has been asked before.
 */
export function auditedEngine(engine: Engine, options: AuditedOptions): Engine {
  const { log, actor, definitions } = options;
  const entryOf = (entry: Omit<AuditEntry, "actor">): AuditEntry => ({
    ...entry,
    actor,
    details: { ...options.details, ...entry.details },
  });
  const change = <T>(
    entry: Omit<AuditEntry, "actor">,
    act: () => Promise<T>,
    told?: (result: T) => AuditResult | Promise<AuditResult>,
  ) => log.around(entryOf(entry), act, told);
  /** What is looked at is looked at first: nothing is told of what was not shown. */
  const view = async <T>(entry: Omit<AuditEntry, "actor">, look: () => Promise<T>): Promise<T> => {
    const shown = await look();
    await log.record(entryOf(entry));
    return shown;
  };
  const ofPipeline = (name: string) => ({ target: { kind: "pipeline", name }, pipeline: name }) as const;
  const ofTable = (pipeline: string, table: string) =>
    ({ target: { kind: "table", name: `${pipeline}/${table}` }, pipeline }) as const;
  const ofRun = ({ id, pipeline }: Run) => ({ target: { kind: "run", name: id }, pipeline }) as const;
  const run = (id: string) => ({ kind: "run", name: id }) as const;
  const backfill = ({ group, pipeline, total, window_start: start, window_end: end }: BackfillDetail) => ({
    target: { kind: "backfill", name: group } as const,
    pipeline,
    details: { runs: total, window_start: start, window_end: end },
  });

  return {
    backfills: {
      start: (pipeline, request) =>
        change(
          { action: "backfill.start", ...ofPipeline(pipeline), details: { params: namesOf(request.params) } },
          () => engine.backfills.start(pipeline, request),
          backfill,
        ),
      list: (filter) => engine.backfills.list(filter),
      get: (group) => engine.backfills.get(group),
      retry: (group) =>
        change(
          { action: "backfill.retry", target: { kind: "backfill", name: group } },
          () => engine.backfills.retry(group),
          backfill,
        ),
      cancel: (group, by) =>
        change(
          { action: "backfill.cancel", target: { kind: "backfill", name: group } },
          () => engine.backfills.cancel(group, by),
          backfill,
        ),
    },
    alerts: auditedAlerts(engine.alerts, change),
    history: {
      searchLogs: (search) => engine.history.searchLogs(search),
      ofPipeline: (name, range) => engine.history.ofPipeline(name, range),
      recentOf: (pipelines, limit) => engine.history.recentOf(pipelines, limit),
    },
    versions: {
      list: (pipeline, page) => engine.versions.list(pipeline, page),
      changes: (pipeline, ...rest) => engine.versions.changes(pipeline, ...rest),
      async rollBack(pipeline, revision) {
        const was = (await definitions.inForce()).get(pipeline);
        return await change(
          { action: "pipeline.roll_back", ...ofPipeline(pipeline) },
          () => engine.versions.rollBack(pipeline, revision),
          async ({ to }) => ({ change: await definitions.difference(was, to) }),
        );
      },
    },
    manifests: {
      get: (id) => engine.manifests.get(id),
      replay: (id, signal) =>
        view(
          { action: "data.view", target: run(id), details: { what: "replay" } },
          () => engine.manifests.replay(id, signal),
        ),
    },
    plans: {
      // What only compares definitions is none: those whose rows were compared are told of.
      async plan(request, signal, limits) {
        const plan = await engine.plans.plan(request, signal, limits);
        for (const { pipeline, data } of plan.pipelines) {
          if (!data.compared) continue;
          await log.record(entryOf({
            action: "data.view",
            ...ofPipeline(pipeline),
            details: { what: "plan" },
          }));
        }
        return plan;
      },
    },
    queries: {
      preview: (request, signal) =>
        view(
          {
            action: "data.view",
            ...ofTable(request.pipeline, request.model),
            details: { what: "preview", ...(request.project === undefined ? {} : { sql: "sent" }) },
          },
          () => engine.queries.preview(request, signal),
        ),
      // One that fails may have said something of the rows all the same.
      query: (request, signal, limits) =>
        change(
          {
            action: "data.view",
            ...(request.pipeline === undefined ? {} : ofPipeline(request.pipeline)),
            details: { what: "query", sql: request.sql.slice(0, MAX_SQL_KEPT) },
          },
          () => engine.queries.query(request, signal, limits),
          ({ sources }) => ({ details: { pipelines: sources.map(({ pipeline }) => pipeline) } }),
        ),
      complete: (request, signal, limits) => engine.queries.complete(request, signal, limits),
    },
    data: {
      list: (pipeline) => engine.data.list(pipeline),
      find: (pipeline, ...rest) => engine.data.find(pipeline, ...rest),
      read: (snapshot, query, ...rest) =>
        view(
          {
            action: "data.view",
            ...ofTable(snapshot.pipeline, snapshot.model),
            details: { what: "snapshot", snapshot: snapshot.id, format: query.format },
          },
          () => engine.data.read(snapshot, query, ...rest),
        ),
    },
    environments: auditedEnvironments(engine.environments, change),
    webhooks: {
      list: (pipeline) => engine.webhooks.list(pipeline),
      posts: (pipeline, ...rest) => engine.webhooks.posts(pipeline, ...rest),
      body: (pipeline, webhook, post) =>
        view(
          {
            action: "data.view",
            target: { kind: "webhook", name: `${pipeline}/${webhook}` },
            pipeline,
            details: { post },
          },
          () => engine.webhooks.body(pipeline, webhook, post),
        ),
      drop: (pipeline, webhook, post, by) =>
        change(
          {
            action: "webhook.drop",
            target: { kind: "webhook", name: `${pipeline}/${webhook}` },
            pipeline,
            details: { post },
          },
          () => engine.webhooks.drop(pipeline, webhook, post, by),
        ),
    },
    server: {
      status: () => engine.server.status(),
      drain: (by) =>
        change(
          { action: "server.drain", target: { kind: "server", name: "sluice" } },
          () => engine.server.drain(by),
        ),
      undrain: (by) =>
        change(
          { action: "server.undrain", target: { kind: "server", name: "sluice" } },
          () => engine.server.undrain(by),
        ),
    },

    listPipelines: () => engine.listPipelines(),
    pipelineNames: () => engine.pipelineNames(),
    getPipeline: (name) => engine.getPipeline(name),
    async putPipeline(name, source, limits) {
      const was = (await definitions.inForce()).get(name);
      return await change(
        { action: "pipeline.put", ...ofPipeline(name) },
        () => engine.putPipeline(name, source, limits),
        async ({ revision }) => ({ change: await definitions.difference(was, revision) }),
      );
    },
    async deletePipeline(name) {
      const was = (await definitions.inForce()).get(name);
      return await change(
        { action: "pipeline.remove", ...ofPipeline(name) },
        () => engine.deletePipeline(name),
        async () => ({ change: await definitions.difference(was, null) }),
      );
    },
    setPaused: (name, paused) =>
      change(
        { action: paused ? "pipeline.pause" : "pipeline.resume", ...ofPipeline(name) },
        () => engine.setPaused(name, paused),
      ),
    async applyProject(request) {
      const before = definitions.inForce();
      const entry = { action: "project.apply", target: { kind: "project", name: "project" } } as const;
      const told = async ({ applied, removed, faults, source }: ApplyResult) => {
        const [was, is] = [await before, await definitions.inForce()];
        const changed = [...applied, ...removed].filter((name) => was.get(name) !== is.get(name));
        return {
          details: {
            changed,
            removed,
            faults: faults.length,
            ...(source === undefined ? {} : { ref: source.ref, git_commit: source.commit }),
          },
          ...(changed.length === 0 ? {} : { change: await definitions.differences(changed, was, is) }),
        };
      };
      if (options.isOften !== true) {
        await before;
        return await change(entry, () => engine.applyProject(request), told);
      }
      // It begins at once: whoever waits for a pipeline's check finds it begun. Nobody has asked for it, and files that
      // say what they said before are no news.
      const [result] = await Promise.all([engine.applyProject(request), before]);
      if (result.applied.length + result.removed.length > 0) {
        await log.record(entryOf({ ...entry, ...await told(result) }));
      }
      return result;
    },

    listTables: (pipeline) => engine.listTables(pipeline),
    previewTable: (pipeline, table) =>
      view(
        { action: "data.view", ...ofTable(pipeline, table) },
        () => engine.previewTable(pipeline, table),
      ),
    getLineage: (...request) => engine.getLineage(...request),
    listStreams: (pipeline) => engine.listStreams(pipeline),
    // Of each stream how many: the page of a pipeline shows that.
    listRejects: (pipeline) => engine.listRejects(pipeline),
    getStreamSchema: (pipeline, stream) => engine.getStreamSchema(pipeline, stream),
    getRejects: (pipeline, stream) =>
      view(
        { action: "data.view", ...ofTable(pipeline, stream), details: { what: "rejects" } },
        () => engine.getRejects(pipeline, stream),
      ),
    changeRejects: (pipeline, stream, wanted, signal) =>
      change(
        {
          action: wanted.action === "replay" ? "rejects.replay" : "rejects.drop",
          ...ofTable(pipeline, stream),
          details: { positions: wanted.positions?.length ?? "all" },
        },
        () => engine.changeRejects(pipeline, stream, wanted, signal),
        ({ replayed, dropped, left }) => ({ details: { replayed, dropped, left } }),
      ),
    listLoads: (pipeline) => engine.listLoads(pipeline),
    startVerification: (pipeline, load, by) =>
      change(
        { action: "load.verify", ...ofPipeline(pipeline), details: { load: load ?? "all" } },
        () => engine.startVerification(pipeline, load, by),
      ),
    getVerification: (pipeline) => engine.getVerification(pipeline),
    stopVerification: (pipeline, by) =>
      change(
        { action: "load.verify", ...ofPipeline(pipeline), details: { stopped: true } },
        () => engine.stopVerification(pipeline, by),
      ),

    listConnectors: () => engine.listConnectors(),
    discoverStreams: (connector, signal) =>
      view(
        { action: "connector.discover", target: { kind: "connector", name: connector } },
        () => engine.discoverStreams(connector, signal),
      ),
    testConnector: (connector, signal) =>
      view(
        { action: "connector.test", target: { kind: "connector", name: connector } },
        () => engine.testConnector(connector, signal),
      ),

    triggerRun: (pipeline, request) =>
      change(
        {
          action: "run.start",
          ...ofPipeline(pipeline),
          details: {
            trigger: request.trigger,
            // Their values may be anything, a person's name or a password among it.
            ...(request.params === undefined ? {} : { params: namesOf(request.params) }),
            ...(request.select === undefined ? {} : { select: request.select }),
            ...(request.fullRefresh === true ? { full_refresh: true } : {}),
          },
        },
        () => engine.triggerRun(pipeline, request),
        ofRun,
      ),
    listRuns: (filter) => engine.listRuns(filter),
    getRun: (id, attempt) => engine.getRun(id, attempt),
    getFailedRows: (id, check) =>
      view(
        { action: "data.view", target: run(id), details: { what: "failed rows", check } },
        () => engine.getFailedRows(id, check),
      ),
    getRunLogs: (id, range) => engine.getRunLogs(id, range),
    watchRun: (id, afterSeq, signal) => engine.watchRun(id, afterSeq, signal),
    cancelRun: (id, by) =>
      change({ action: "run.cancel", target: run(id) }, () => engine.cancelRun(id, by), ofRun),
    retryRun: (id) => change({ action: "run.retry", target: run(id) }, () => engine.retryRun(id), ofRun),
    rerunRun: (id, request) =>
      change(
        {
          action: "run.start",
          target: run(id),
          details: { rerun_of: id, ...(request.from === undefined ? {} : { from: request.from }) },
        },
        () => engine.rerunRun(id, request),
        ofRun,
      ),
    annotateRun: (id, annotation) =>
      change(
        { action: "run.annotate", target: run(id) },
        () => engine.annotateRun(id, annotation),
        (made) => ({
          ...ofRun(made),
          details: {
            ...(annotation.tags === undefined ? {} : { tags: annotation.tags }),
            ...(annotation.note === undefined ? {} : { note: annotation.note }),
          },
        }),
      ),
  };
}

/** Of params, without their values. */
const namesOf = (params: Readonly<Record<string, unknown>> = {}) => Object.keys(params).toSorted();
