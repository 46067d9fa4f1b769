import { systemClock } from "../../contract/clock.ts";
import type { Connector } from "../../contract/connector.ts";
import { AppError, toAppError, toErrorRecord } from "../../contract/errors.ts";
import type { PipelineStep, Step } from "../../contract/run.ts";
import { buildGraph, type Graph } from "../../sql/language/graph.ts";
import { parseModel } from "../../sql/language/model.ts";
import { selectSteps } from "../../sql/language/selector.ts";
import { setRunVariables } from "../../sql/build/variables.ts";
import { openDatabase } from "../duckdb/database.ts";
import type { DuckSession } from "../duckdb/session.ts";
import { Connections } from "./connections.ts";
import { extractStream } from "./extract.ts";
import { loadRelation } from "./load.ts";
import { pointsOf } from "./points.ts";
import {
  type Plan,
  type PlannedCheck,
  type PlannedExtract,
  type PlannedLoad,
  type PlannedModel,
  planRun,
} from "./plan.ts";
import type { RunJob } from "../../contract/job.ts";
import { endStep, type Reporter, startStep } from "./reporter.ts";
import { buildModel, checkRows } from "./transform.ts";
import { committedSteps, forgetOldSteps, prepareWarehouse, recordStep } from "../warehouse/warehouse.ts";

export interface JobContext {
  readonly connectors: readonly Connector[];
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** How long to wait for a process of an earlier attempt to let go of the warehouse. */
const WAREHOUSE_WAIT_MS = 15_000;

/**
 * One attempt of a run: extracts, builds models with their checks, loads. What an earlier attempt
 * committed is not done again. Branches that do not hang on a failure go on; the first failure is
 * thrown at the end.
 */
export async function runJob(job: RunJob, context: JobContext): Promise<void> {
  const { resources } = job.definition;
  await using database = await openDatabase({
    path: job.warehousePath,
    tempDirectory: job.tempDir,
    allowedDirectories: [...job.allowedPaths],
    lockTimeoutMs: WAREHOUSE_WAIT_MS,
    signal: context.signal,
    ...(resources.memory === undefined ? {} : { memoryLimit: resources.memory }),
    ...(resources.threads === undefined ? {} : { threads: resources.threads }),
  });
  const session = await database.session();
  using _interrupt = session.interruptOn(context.signal);
  await prepareWarehouse(session);
  await forgetOldSteps(session);
  await setRunVariables(session, {
    runId: job.runId,
    pipeline: job.pipeline,
    runStart: new Date(job.windowEndMs),
    windowStart: job.windowStartMs === null ? null : new Date(job.windowStartMs),
    windowEnd: new Date(job.windowEndMs),
    params: job.params,
    definitions: job.definition.params,
  });
  const models = job.files.map(parseModel);
  const streams = Object.entries(job.definition.extract).map(([name, { tags }]) => ({ name, tags }));
  const graph = await buildGraph(session, { models, streams });
  await using connections = new Connections({
    connectors: context.connectors,
    resolved: job.connectors,
    projectDir: job.projectDir,
    signal: context.signal,
    clock: systemClock,
    log: (level, message) => context.reporter.log(level, null, message),
  });
  const execution = new Execution(job, context, session, connections);
  await execution.carryOut(planRun(job.definition, models, graph), graph);
}

/** The steps of one attempt, and what became of them. */
class Execution {
  readonly #job: RunJob;
  readonly #context: JobContext;
  readonly #session: DuckSession;
  readonly #connections: Connections;
  /** Steps whose dependants must not run. */
  readonly #broken = new Set<string>();
  #committed: ReadonlyMap<string, Step> = new Map();
  #failure: AppError | undefined;

  constructor(job: RunJob, context: JobContext, session: DuckSession, connections: Connections) {
    this.#job = job;
    this.#context = context;
    this.#session = session;
    this.#connections = connections;
  }

  async carryOut(plan: Plan, graph: Graph): Promise<void> {
    const { select, runId } = this.#job;
    const selected = select === null ? undefined : selectSteps(select, graph);
    const isSelected = (node: string) => selected === undefined || selected.has(node);
    this.#committed = await committedSteps(this.#session, runId);
    for (const extract of plan.extracts) {
      if (isSelected(extract.step.name)) {
        await this.#step(extract.step, (step) => this.#extract(extract, step));
      }
    }
    for (const model of plan.models) {
      if (!isSelected(model.step.name)) continue;
      await this.#step(model.step, (step) => this.#build(model, step));
      for (const { step } of model.checks) this.#replay(step);
    }
    for (const check of plan.lateChecks) {
      if (isSelected(`model:${check.model.name}`)) await this.#step(check.step, () => this.#checkLate(check));
    }
    for (const load of plan.loads) {
      if (isSelected(load.node)) await this.#step(load.step, (step) => this.#load(load, step));
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Runs a step, unless it is done or hangs on a broken one, and tells how it went. */
  async #step(planned: PipelineStep, work: (step: Step) => Promise<Step>): Promise<void> {
    if (this.#replay(planned)) return;
    const { reporter, signal } = this.#context;
    signal.throwIfAborted();
    const step = startStep(planned, this.#job.attempt, Date.now());
    const broken = planned.depends.filter((name) => this.#broken.has(name));
    if (broken.length > 0) {
      this.#broken.add(planned.name);
      reporter.send({ type: "step", step: { ...step, state: "skipped", started_at: null } });
      reporter.log("warn", planned.name, `Skipped: ${broken.join(" and ")} did not succeed`);
      return;
    }
    reporter.send({ type: "step", step });
    try {
      reporter.send({ type: "step", step: await work(step) });
    } catch (error) {
      const failure = signal.aborted ? toAppError(signal.reason) : toAppError(error);
      this.#broken.add(planned.name);
      this.#failure ??= new AppError(failure.code, `${planned.name}: ${failure.message}`, {
        ...(failure.detail === undefined ? {} : { detail: failure.detail }),
        cause: failure,
      });
      const state = failure.code === "cancelled" ? "cancelled" : "failed";
      reporter.send({
        type: "step",
        step: endStep(step, { state, error: toErrorRecord(failure) }, Date.now()),
      });
      reporter.log("error", planned.name, [failure.message, failure.detail ?? ""].join("\n").trim());
      if (signal.aborted) throw failure;
    }
  }

  /** Tells again what an earlier attempt committed; false where it did not. */
  #replay(planned: PipelineStep): boolean {
    const done = this.#committed.get(planned.name);
    if (done !== undefined) this.#context.reporter.send({ type: "step", step: done });
    return done !== undefined;
  }

  async #extract(planned: PlannedExtract, step: Step): Promise<Step> {
    const { reporter, signal } = this.#context;
    const { source, request } = await this.#connections.source(planned.name, planned.stream);
    return await this.#session.transaction(async () => {
      const extracted = await extractStream(
        {
          session: this.#session,
          runId: this.#job.runId,
          fullRefresh: this.#job.fullRefresh,
          signal,
          onProgress: (rows, sizeBytes) => reporter.progress(step.name, rows, sizeBytes),
        },
        source,
        request,
        planned.stream,
      );
      reporter.send({ type: "columns", stream: planned.name, columns: extracted.columns });
      return await this.#record(step, { rows: extracted.rows, size_bytes: extracted.sizeBytes });
    });
  }

  async #build(planned: PlannedModel, step: Step): Promise<Step> {
    const { reporter } = this.#context;
    return await this.#session.transaction(async () => {
      const built = await buildModel(this.#session, planned, {
        fullRefresh: this.#job.fullRefresh,
        attempt: this.#job.attempt,
        reporter,
      });
      for (const check of built.checks) await recordStep(this.#session, this.#job.runId, check);
      return await this.#record(step, { rows: built.rows, sql: built.sql });
    });
  }

  async #checkLate(planned: PlannedCheck): Promise<Step> {
    const ended = await checkRows(this.#session, planned, {
      fullRefresh: this.#job.fullRefresh,
      attempt: this.#job.attempt,
      reporter: this.#context.reporter,
    });
    if (ended.state === "failed") {
      // The model is committed already; what hangs on it must not go on.
      this.#broken.add(`model:${planned.model.name}`);
      throw new AppError("invalid", ended.error?.message ?? "the check failed");
    }
    await recordStep(this.#session, this.#job.runId, ended);
    return ended;
  }

  async #load(planned: PlannedLoad, step: Step): Promise<Step> {
    const { reporter, signal } = this.#context;
    const { destination, target } = await this.#connections.destination(planned.target);
    const loaded = await loadRelation(
      {
        session: this.#session,
        runId: this.#job.runId,
        signal,
        points: pointsOf(this.#job.dieAt),
        onProgress: (rows) => reporter.progress(step.name, rows),
      },
      destination,
      target,
      step.name,
      planned.relation,
      planned.target,
    );
    if (loaded.repeated) {
      reporter.log("info", step.name, "The destination had this load from an earlier attempt");
    }
    const { rows, sizeBytes, inserted, updated, deleted, hash } = loaded;
    return await this.#record(step, {
      rows,
      size_bytes: sizeBytes,
      ...(inserted === null ? {} : { inserted }),
      ...(updated === null ? {} : { updated }),
      ...(deleted === null ? {} : { deleted }),
      ...(hash === null ? {} : { hash }),
    });
  }

  async #record(step: Step, change: Partial<Step>): Promise<Step> {
    const done = endStep(step, { state: "succeeded", ...change }, Date.now());
    await recordStep(this.#session, this.#job.runId, done);
    return done;
  }
}
