import { basename } from "node:path";
import { systemClock } from "../../contract/clock.ts";
import { toAppError } from "../../contract/errors.ts";
import type { Fault } from "../../text/fault.ts";
import { loadTargets } from "../../contract/pipeline.ts";
import { type Column, findColumn, type SqlSession } from "../../contract/sql.ts";
import { compile } from "../../sql/compile/compile.ts";
import { type Model, parseModel } from "../../sql/language/model.ts";
import { openDatabase } from "../duckdb/database.ts";
import { Connections } from "./connections.ts";
import { planRun, stepsOf } from "./plan.ts";
import type { CheckJob, CheckReport, CheckSubject, DefinitionFault } from "../../contract/job.ts";
import type { JobContext } from "./job_context.ts";

/** A source that does not answer by then is treated as one that cannot be reached. */
const DESCRIBE_TIMEOUT_MS = 10_000;

/** Binds every model of every pipeline against the columns of its sources, without reading a row. */
export async function checkJob(job: CheckJob, context: JobContext): Promise<CheckReport[]> {
  await using connections = new Connections({
    connectors: context.connectors,
    resolved: job.connectors,
    projectDir: job.projectDir,
    signal: context.signal,
    clock: systemClock,
    log: (level, message) => context.reporter.log(level, null, message),
  });
  const reports: CheckReport[] = [];
  for (const subject of job.pipelines) {
    context.signal.throwIfAborted();
    await using database = await openDatabase({
      path: ":memory:",
      tempDirectory: job.tempDir,
      allowedDirectories: [...job.allowedPaths],
      signal: context.signal,
    });
    const session = await database.session();
    using _interrupt = session.interruptOn(context.signal);
    reports.push(await checkPipeline(session, subject, connections, context.signal));
  }
  return reports;
}

async function checkPipeline(
  session: SqlSession,
  subject: CheckSubject,
  connections: Connections,
  signal: AbortSignal,
): Promise<CheckReport> {
  const faults: (Fault | DefinitionFault)[] = [];
  const models: Model[] = [];
  const unreadable: string[] = [];
  for (const file of subject.files) {
    try {
      models.push(parseModel(file));
    } catch (error) {
      faults.push(...faultsOf(error, file.path));
      unreadable.push(basename(file.path, ".sql"));
    }
  }
  const known: Record<string, readonly Column[]> = {};
  const streams: Record<string, readonly Column[] | undefined> = {};
  for (const name of Object.keys(subject.definition.extract)) {
    const columns = await describeStream(session, subject, name, connections, signal, faults);
    streams[name] = columns;
    if (columns !== undefined) known[name] = columns;
  }
  const compiled = await compile(session, {
    models,
    streams,
    unreadable,
    params: subject.definition.params,
    loads: Object.entries(subject.definition.load).flatMap(([name, load]) =>
      loadTargets(load).map((target, index) => ({
        path: Array.isArray(load) ? ["load", name, index] : ["load", name],
        name,
        primaryKey: target.primary_key ?? [],
      }))
    ),
  });
  faults.push(...compiled.faults);
  const steps = stepsOf(planRun(subject.definition, models, compiled.graph));
  return { name: subject.name, faults, steps, streamColumns: known };
}

/** The stream's columns: asked of the source, or as they were last seen where it cannot be reached. */
async function describeStream(
  session: SqlSession,
  subject: CheckSubject,
  name: string,
  connections: Connections,
  signal: AbortSignal,
  faults: (Fault | DefinitionFault)[],
): Promise<readonly Column[] | undefined> {
  const stream = subject.definition.extract[name];
  if (stream === undefined) return undefined;
  const path = ["extract", name];
  try {
    const columns = await askSource(session, name, stream, connections, signal);
    for (
      const [field, keys] of [["primary_key", stream.primary_key], ["update_key", stream.update_key]] as const
    ) {
      const missing = [keys ?? []].flat().filter((key) => findColumn(columns, key) === undefined);
      if (missing.length === 0) continue;
      const message = `stream "${name}" has no column "${missing.join('", "')}" (it has ${
        columns.map((column) => column.name).join(", ")
      })`;
      faults.push({ path: [...path, field], message, severity: "error" });
    }
    return columns;
  } catch (error) {
    const failure = toAppError(error);
    signal.throwIfAborted();
    const isAway = failure.code === "unavailable" || failure.code === "timeout";
    const before = subject.knownColumns[name];
    const message = isAway && before !== undefined
      ? `${failure.message}; checked against its columns as they were last seen`
      : failure.message;
    faults.push({ path, message, severity: isAway ? "warning" : "error" });
    return before;
  }
}

async function askSource(
  session: SqlSession,
  name: string,
  stream: CheckSubject["definition"]["extract"][string],
  connections: Connections,
  signal: AbortSignal,
): Promise<readonly Column[]> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(DESCRIBE_TIMEOUT_MS)]);
  const { source, request } = await connections.source(name, stream);
  const scan = await source.scan?.(request, limited);
  if (scan === undefined) return session.columnsOf((await source.describe(request, limited)).schema);
  try {
    return await session.describe(`SELECT * FROM ${scan.relation}`);
  } catch (error) {
    throw await scan.explain(error);
  }
}

function faultsOf(error: unknown, file: string): Fault[] {
  const failure = toAppError(error);
  if (failure.faults.length > 0) return [...failure.faults];
  return [{ file, message: failure.message, severity: "error" }];
}
