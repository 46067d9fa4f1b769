import type { RunJob } from "../../contract/jobs/run_job.ts";
import { streamChecks } from "../../sql/language/checks/check.ts";
import { buildGraph } from "../../sql/language/graph/analyze_graph.ts";
import { requireModels } from "../../sql/language/files/read_models.ts";
import { setRunVariables } from "../../sql/build/variables.ts";
import { openDatabase } from "../duckdb/database.ts";
import { databaseLimits, scratchOf } from "./database_limits.ts";
import type { DuckSession } from "../duckdb/session.ts";
import { ThreadCount } from "../duckdb/thread_count.ts";
import { prepareWarehouse } from "../warehouse/warehouse.ts";
import { letGo } from "./changes/let_go.ts";
import { carryOut } from "./attempt/carry_out.ts";
import { openFunctions } from "./functions/script_functions.ts";
import { jobConnections, type JobContext } from "./job_context.ts";
import { childTablesOf } from "../../contract/pipeline/child_tables.ts";
import { streamsBefore } from "../../contract/pipeline/parents.ts";
import { readSeed } from "./models/seeds/read_seed.ts";
import { planRun } from "./plan.ts";
import { attachedOf } from "./promotion/built_there.ts";
import { takeTables } from "./promotion/take_tables.ts";
import { expandForRun } from "./wildcards/run_tables.ts";
import { SessionPool } from "./session_pool.ts";

/** How long to wait for a process of an earlier attempt to let go of the warehouse. */
const WAREHOUSE_WAIT_MS = 15_000;

/**
 * One attempt of a run: extracts, builds models with their checks, loads. What an earlier attempt
 * committed is not done again. Branches that do not depend on a failure go on; the first failure is
 * thrown at the end.
 */
export async function runJob(given: RunJob, context: JobContext): Promise<void> {
  const { resources } = given.definition;
  await using database = await openDatabase({
    path: given.warehousePath,
    key: given.warehouseKey,
    tempDirectory: given.tempDir,
    ...databaseLimits(given.duckdb, scratchOf(given.tempDir)),
    lockTimeoutMs: WAREHOUSE_WAIT_MS,
    signal: context.signal,
    ...(given.promotes === undefined ? {} : { attached: [attachedOf(given.promotes)] }),
    ...(resources.threads === undefined ? {} : { threads: resources.threads }),
  });
  const sessions = new SessionPool(database, context.signal, (session) => setVariables(session, given));
  const { models, disabled, macros } = requireModels(given.files, readSeed);
  await using connections = jobConnections(given, context, context.readThread);
  if (given.isRemoved === true) {
    const { reporter, signal } = context;
    return await withSession(sessions, async (session) => {
      await prepareWarehouse(session);
      await letGo(session, given, (name) => connections.sourceOf(name), reporter, signal);
    });
  }
  const { graph, job } = await withSession(sessions, async (session) => {
    await prepareWarehouse(session);
    const definition = await expandForRun(session, given, connections, context);
    const streams = Object.entries(definition.extract).map(([name, stream]) => ({
      name,
      tags: stream.tags,
      depends: streamsBefore(stream),
      tables: childTablesOf(name, stream).map((child) => child.table),
      checks: streamChecks(name, stream),
    }));
    return {
      graph: await buildGraph(session, { models, streams, disabled, macros }),
      job: { ...given, definition },
    };
  });
  await using _functions = await withSession(sessions, (session) => openFunctions(session, job, context));
  const plan = planRun(job.definition, models, graph);
  const { promotes } = job;
  const select = promotes === undefined
    ? job.select
    : await takeTables({ job, promotes, plan, graph, reporter: context.reporter, sessions });
  if (select === undefined) return;
  const threads = new ThreadCount(await database.session());
  const options = {
    job: { ...job, select },
    written: given.definition,
    context,
    sessions,
    connections,
    threads,
  };
  await carryOut(options, plan, graph);
}

async function withSession<T>(sessions: SessionPool, work: (session: DuckSession) => Promise<T>): Promise<T> {
  await using lease = await sessions.lease();
  return await work(lease.session);
}

async function setVariables(session: DuckSession, job: RunJob): Promise<void> {
  await setRunVariables(session, {
    runId: job.runId,
    pipeline: job.pipeline,
    runStart: new Date(job.windowEndMs),
    windowStart: job.windowStartMs === null ? null : new Date(job.windowStartMs),
    windowEnd: new Date(job.windowEndMs),
    params: job.params,
    definitions: job.definition.params,
  });
}
