import type { Access } from "../../../contract/access/access.ts";
import type { PipelinePermission } from "../../../contract/access/permissions.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import type { RunDetail } from "../../../contract/run.ts";
import type { Engine } from "../engine.ts";
import type { Webhooks } from "../webhooks/port.ts";
import type { ChangesOptions, VersionPage } from "../versions/port.ts";
import { Guard, type Places, type Refusal } from "./guard.ts";
import { GuardedAlerts } from "./guarded_alerts.ts";
import { GuardedBackfills } from "./guarded_backfills.ts";
import { guardedData } from "./guarded_data.ts";
import { guardedEnvironments } from "./guarded_environments.ts";
import { GuardedHistory } from "./guarded_history.ts";
import { GuardedPlans } from "./guarded_plans.ts";
import { GuardedQueries } from "./guarded_queries.ts";

/**
 * The engine as one principal may use it: the one place where what is asked meets what is granted. Each method says
 * what it takes; lists leave out what may not be looked at. A method that the engine gets does not compile before it is
 * decided here.
 */
export function guardedEngine(
  engine: Engine,
  access: Access,
  places: Places,
  onRefused?: (refusal: Refusal) => void,
): Engine {
  const guard = new Guard(access, places, onRefused);
  /** For what takes a pipeline's name first. */
  const forPipeline = <Rest extends readonly unknown[], Result>(
    permission: PipelinePermission,
    call: (pipeline: string, ...rest: Rest) => Promise<Result>,
  ) =>
  async (pipeline: string, ...rest: Rest): Promise<Result> => {
    await guard.requireFor(permission, pipeline);
    return await call(pipeline, ...rest);
  };
  const requireRun = async (
    permission: PipelinePermission,
    id: string,
    attempt?: number,
  ): Promise<RunDetail> => {
    const run = await engine.getRun(id, attempt);
    await guard.requireOf(
      permission,
      run.pipeline,
      () => new AppError("not_found", `There is no run ${quoteName(id)}`),
    );
    return run;
  };
  /** For what takes a run's id first. */
  const forRun = <Rest extends readonly unknown[], Result>(
    permission: PipelinePermission,
    call: (id: string, ...rest: Rest) => Promise<Result>,
  ) =>
  async (id: string, ...rest: Rest): Promise<Result> => {
    const run = await requireRun(permission, id);
    return await call(run.id, ...rest);
  };
  return {
    backfills: new GuardedBackfills(engine.backfills, guard),
    alerts: new GuardedAlerts(engine.alerts, guard),
    history: new GuardedHistory(engine.history, guard),
    versions: {
      list: forPipeline("pipeline:view", (name, page: VersionPage) => engine.versions.list(name, page)),
      changes: forPipeline(
        "pipeline:view",
        (name, revision: string, options?: ChangesOptions) =>
          engine.versions.changes(name, revision, options),
      ),
      rollBack: forPipeline(
        "pipeline:edit",
        (name, revision?: string) => engine.versions.rollBack(name, revision),
      ),
    },
    environments: guardedEnvironments(engine.environments, guard),
    plans: new GuardedPlans(engine.plans, guard),
    manifests: {
      get: forRun("pipeline:view", (id) => engine.manifests.get(id)),
      replay: forRun("pipeline:data", (id, signal: AbortSignal) => engine.manifests.replay(id, signal)),
    },
    queries: new GuardedQueries(engine.queries, guard),
    data: guardedData(engine.data, guard),
    webhooks: {
      list: forPipeline("pipeline:data", (name) => engine.webhooks.list(name)),
      posts: forPipeline(
        "pipeline:data",
        (name, ...rest: RestOf<Webhooks["posts"]>) => engine.webhooks.posts(name, ...rest),
      ),
      body: forPipeline(
        "pipeline:data",
        (name, ...rest: RestOf<Webhooks["body"]>) => engine.webhooks.body(name, ...rest),
      ),
      drop: forPipeline(
        "pipeline:run",
        (name, ...rest: RestOf<Webhooks["drop"]>) => engine.webhooks.drop(name, ...rest),
      ),
    },
    server: {
      status: () => engine.server.status(),
      drain(by) {
        guard.require("server:operate");
        return engine.server.drain(by);
      },
      undrain(by) {
        guard.require("server:operate");
        return engine.server.undrain(by);
      },
    },

    listPipelines: async () => await guard.visible(await engine.listPipelines(), ({ name }) => name),
    pipelineNames: async () => await guard.visible(await engine.pipelineNames(), (name) => name),
    getPipeline: forPipeline("pipeline:view", (name) => engine.getPipeline(name)),
    async putPipeline(name, source) {
      const isKnown = (await places.subjects()).some((subject) => subject.name === name);
      if (isKnown) await guard.requireFor("pipeline:edit", name);
      else guard.requireNew(name);
      return await engine.putPipeline(name, source, {
        requireConnectors(names) {
          for (const connector of names) guard.requireUse("connector:use", connector);
        },
        async requireData(pipelines) {
          for (const pipeline of pipelines) await guard.requireFor("pipeline:data", pipeline);
        },
      });
    },
    deletePipeline: forPipeline("pipeline:edit", (name) => engine.deletePipeline(name)),
    setPaused: forPipeline("pipeline:pause", (name, paused: boolean) => engine.setPaused(name, paused)),
    applyProject(request) {
      guard.require("project:apply");
      return engine.applyProject(request);
    },

    listTables: forPipeline("pipeline:view", (name) => engine.listTables(name)),
    previewTable: forPipeline("pipeline:data", (name, table: string) => engine.previewTable(name, table)),
    getLineage: forPipeline("pipeline:view", async (name) => {
      const names = await guard.only("pipeline:view");
      return await engine.getLineage(name, names && ((other) => names.includes(other)));
    }),
    listStreams: forPipeline("pipeline:view", (name) => engine.listStreams(name)),
    listRejects: forPipeline("pipeline:data", (name) => engine.listRejects(name)),
    getStreamSchema: forPipeline(
      "pipeline:view",
      (name, stream: string) => engine.getStreamSchema(name, stream),
    ),
    getRejects: forPipeline("pipeline:data", (name, stream: string) => engine.getRejects(name, stream)),
    changeRejects: forPipeline(
      "pipeline:run",
      (name, ...rest: RestOf<Engine["changeRejects"]>) => engine.changeRejects(name, ...rest),
    ),
    listLoads: forPipeline("pipeline:view", (name) => engine.listLoads(name)),
    startVerification: forPipeline(
      "pipeline:run",
      (name, ...rest: RestOf<Engine["startVerification"]>) => engine.startVerification(name, ...rest),
    ),
    getVerification: forPipeline("pipeline:data", (name) => engine.getVerification(name)),
    stopVerification: forPipeline("pipeline:run", (name, by: string) => engine.stopVerification(name, by)),

    listConnectors: async () =>
      (await engine.listConnectors()).filter(({ name }) => access.mayUse("connector:view", name)),
    discoverStreams(name, signal) {
      guard.requireUse("connector:use", name);
      return engine.discoverStreams(name, signal);
    },
    testConnector(name, signal) {
      guard.requireUse("connector:use", name);
      return engine.testConnector(name, signal);
    },

    triggerRun: forPipeline(
      "pipeline:run",
      (name, request: RestOf<Engine["triggerRun"]>[0]) => engine.triggerRun(name, request),
    ),
    async listRuns(filter) {
      const pipelines = await guard.only("pipeline:view");
      return await engine.listRuns(pipelines === undefined ? filter : { ...filter, pipelines });
    },
    getRun: (id, attempt) => requireRun("pipeline:view", id, attempt),
    getFailedRows: forRun("pipeline:data", (id, check: string) => engine.getFailedRows(id, check)),
    getRunLogs: forRun(
      "pipeline:view",
      (id, range: RestOf<Engine["getRunLogs"]>[0]) => engine.getRunLogs(id, range),
    ),
    async *watchRun(id, afterSeq, signal) {
      const run = await requireRun("pipeline:view", id);
      yield* engine.watchRun(run.id, afterSeq, signal);
    },
    cancelRun: forRun("pipeline:cancel", (id, by: string) => engine.cancelRun(id, by)),
    retryRun: forRun("pipeline:run", (id) => engine.retryRun(id)),
    rerunRun: forRun(
      "pipeline:run",
      (id, request: RestOf<Engine["rerunRun"]>[0]) => engine.rerunRun(id, request),
    ),
    annotateRun: forRun(
      "pipeline:run",
      (id, annotation: RestOf<Engine["annotateRun"]>[0]) => engine.annotateRun(id, annotation),
    ),
  };
}

/** The arguments after the first. */
type RestOf<Method> = Method extends (first: never, ...rest: infer Rest) => unknown ? Rest : never;
