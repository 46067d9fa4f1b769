import { systemClock } from "../../../contract/clock.ts";
import type { FollowProgress } from "../../../contract/connector/changes.ts";
import type { DiscoveredStream, FollowedStream, Source } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { DiscoveryJob, JobFollower } from "../../../contract/jobs/discovery_job.ts";
import type { Connections } from "../connections.ts";
import { openDatabase } from "../../duckdb/database.ts";
import { databaseLimits, scratchOf } from "../database_limits.ts";
import { testConnection } from "./test_connection.ts";
import { DiscoveredColumns } from "./discovered_columns.ts";
import { jobConnections, type JobContext } from "../job_context.ts";

/** Reported together: a database may have thousands. */
const STREAMS_AT_ONCE = 200;

/** Reports the streams that a connector has. Throws `invalid` where it cannot look for them, and what its `open` throws. */
export async function discoveryJob(job: DiscoveryJob, context: JobContext): Promise<void> {
  const { reporter, signal } = context;
  await using connections = jobConnections(job, context);
  if (job.look !== undefined) return await lookForFiles(connections, job.connector, job.look, context);
  await using database = await openDatabase({
    path: ":memory:",
    tempDirectory: job.tempDir,
    ...databaseLimits(job.duckdb, scratchOf(job.tempDir)),
    signal,
  });
  if (job.follower !== undefined) {
    const progress = await lookAtFollower(connections, job.follower, signal) ?? null;
    return reporter.send({ type: "kept", progress });
  }
  if (job.isTest === true) {
    const { connector } = job;
    const session = await database.session();
    reporter.send({
      type: "tested",
      checks: await testConnection({ session, connections, connector, signal }),
    });
    return;
  }
  const columns = new DiscoveredColumns({
    session: await database.session(),
    connections,
    connector: job.connector,
    signal,
    clock: systemClock,
    log: (level, message) => reporter.log(level, null, message),
  });
  let found: DiscoveredStream[] = [];
  for await (const stream of await connections.discover(job.connector, signal)) {
    found.push(await columns.complete(stream));
    if (found.length < STREAMS_AT_ONCE) continue;
    reporter.send({ type: "discovered", streams: found });
    found = [];
  }
  columns.end();
  reporter.send({ type: "discovered", streams: found });
}

/** Reported together, likewise. */
const FILES_AT_ONCE = 1_000;

async function lookForFiles(
  connections: Connections,
  connector: string,
  path: string,
  { reporter, signal }: JobContext,
): Promise<void> {
  const { source } = await connections.connection(connector);
  if (source?.look === undefined) {
    throw new AppError("invalid", `Cannot wait for files of "${connector}": it has none`);
  }
  const files = await source.look(path, signal);
  for (let first = 0; first < files.length; first += FILES_AT_ONCE) {
    reporter.send({ type: "seen", files: files.slice(first, first + FILES_AT_ONCE) });
  }
}

/** What the connector's system keeps for the pipeline; undefined for nothing, or where it cannot say. */
async function lookAtFollower(
  connections: Connections,
  { pipeline, token, position, streams }: JobFollower,
  signal: AbortSignal,
): Promise<FollowProgress | undefined> {
  const asked: FollowedStream[] = [];
  let found: Source | undefined;
  for (const [name, stream] of Object.entries(streams)) {
    const { source, request } = await connections.source(name, stream);
    found = source;
    asked.push(request);
  }
  return await found?.followed?.({ pipeline, token, position, streams: asked }, signal);
}
