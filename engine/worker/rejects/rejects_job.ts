import { AppError } from "../../../contract/errors.ts";
import type { LoadSentAgain, RejectsJob } from "../../../contract/jobs/rejects_job.ts";
import { openDatabase } from "../../duckdb/database.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { hasColumns } from "../../warehouse/raw_table.ts";
import { prepareWarehouse } from "../../warehouse/warehouse.ts";
import { databaseLimits, scratchOf } from "../database_limits.ts";
import { jobConnections, type JobContext } from "../job_context.ts";
import { pointsOf } from "../points.ts";
import { lookAtRejects } from "./look.ts";
import { dropRejects, type Replayed, replayRejects } from "./replay.ts";
import { sendRejectsAgain } from "./send_again.ts";

/** A run that is about to begin may hold the warehouse for a moment. */
const WAREHOUSE_WAIT_MS = 5_000;

/** Puts rejects of a stream back into its table, sends those of a load again, or removes them; reports what is left. */
export async function rejectsJob(job: RejectsJob, context: JobContext): Promise<void> {
  const { reporter, signal } = context;
  await using database = await openDatabase({
    path: job.warehousePath,
    key: job.warehouseKey,
    tempDirectory: job.tempDir,
    ...databaseLimits(job.duckdb, ...job.load === undefined ? [] : [scratchOf(job.tempDir)]),
    lockTimeoutMs: WAREHOUSE_WAIT_MS,
    signal,
  });
  await using session = await database.session();
  await prepareWarehouse(session);
  const { stream: name } = job;
  const report = async () => {
    const rejects = await lookAtRejects(session, name, null);
    reporter.send({ type: "rejects", rejects });
    return rejects.count;
  };
  const change = job.load !== undefined
    ? { ...await sendAgain(session, job, job.load, context, report), dropped: 0 }
    : job.action === "replay"
    ? { ...await replay(session, job), dropped: 0 }
    : { replayed: 0, reason: null, dropped: await dropRejects(session, name, job.positions) };
  reporter.send({ type: "rejects_changed", change: { stream: name, ...change, left: await report() } });
}

/** What some rows came to is reported where others cannot be sent, too. */
async function sendAgain(
  session: DuckSession,
  job: RejectsJob,
  load: LoadSentAgain,
  context: JobContext,
  report: () => Promise<unknown>,
): Promise<Replayed> {
  await Deno.mkdir(scratchOf(job.tempDir), { recursive: true });
  await using connections = jobConnections(job, context);
  try {
    return await sendRejectsAgain(session, job, load, { ...context, connections });
  } catch (error) {
    await report();
    throw error;
  }
}

async function replay(
  session: DuckSession,
  { stream: name, definition, dieAt }: RejectsJob,
): Promise<Replayed> {
  if (definition === undefined) throw new AppError("internal", `"${name}" is no stream to replay into`);
  if (!await hasColumns(session, name)) {
    throw new AppError("invalid", `Stream "${name}" has no table to replay its rejects into: run it first`);
  }
  if (definition.mode === "incremental" && definition.primary_key === undefined) {
    throw new AppError(
      "invalid",
      `Stream "${name}" has its key from its source: to replay its rejects, give the wildcard a primary_key`,
    );
  }
  if (definition.child_tables !== undefined) {
    throw new AppError(
      "invalid",
      `The rejects of "${name}" cannot be replayed, as it has child tables: correct the source, and read them again`,
    );
  }
  return await replayRejects(session, name, definition, pointsOf(dieAt));
}
