import type { CheckJob, CheckReport, CheckSubject } from "../../../contract/jobs/check_job.ts";
import { openDatabase } from "../../duckdb/database.ts";
import type { Connections } from "../connections.ts";
import { databaseLimits, scratchOf } from "../database_limits.ts";
import { DESCRIBE_TIMEOUT_MS, type DescribedStreams, describeStreams } from "../describe_streams.ts";
import { jobConnections, type JobContext } from "../job_context.ts";
import { runTests } from "../testing/run_tests.ts";
import { testFaults } from "../testing/plan_test.ts";
import { expandForCheck } from "../wildcards/check_tables.ts";
import { checkModels } from "./check_models.ts";
import { openWorkbench, type Workbench, workbenchSetting } from "./workbench.ts";

/** Binds every model of every pipeline against the columns of its sources, without reading a row. */
export async function checkJob(job: CheckJob, context: JobContext): Promise<CheckReport[]> {
  await using connections = jobConnections(job, context);
  const reports: CheckReport[] = [];
  await using workbenches = new Workbenches(job, context.signal);
  for (const given of job.pipelines) {
    context.signal.throwIfAborted();
    await using own = given.published === undefined
      ? undefined
      : jobConnections({ ...job, published: given.published }, context);
    reports.push(await reportOf(job, given, own ?? connections, context, workbenches));
  }
  return reports;
}

async function reportOf(
  job: CheckJob,
  given: CheckSubject,
  connections: Connections,
  context: JobContext,
  workbenches: Workbenches,
): Promise<CheckReport> {
  const { subject, faults } = await expandForCheck(given, connections, context.signal);
  const asking = askSources(job, subject, connections, context);
  const report = job.streamsOnly === true
    ? streamsReport(subject, await asking)
    : await checkSubject(job, subject, asking, connections, context, workbenches);
  return { ...report, faults: [...faults, ...report.faults] };
}

/** In a database of its own, which may read the streams' files; the models' one may read none. */
async function askSources(
  job: CheckJob,
  subject: CheckSubject,
  connections: Connections,
  { signal, reporter }: JobContext,
): Promise<DescribedStreams> {
  if (Object.keys(subject.definition.extract).length + subject.mutedStreams.length === 0) {
    return { columns: {}, faults: [] };
  }
  await using database = await openDatabase({
    path: ":memory:",
    tempDirectory: job.tempDir,
    ...databaseLimits(job.duckdb, scratchOf(job.tempDir)),
    signal,
  });
  const session = await database.session();
  using _interrupt = session.interruptOn(signal);
  return await describeStreams({
    session,
    connections,
    signal,
    timeoutMs: DESCRIBE_TIMEOUT_MS,
    onStream: (name) =>
      reporter.send({
        type: "checking",
        place: { pipeline: subject.name, subject: `the stream ${name}`, file: null },
      }),
  }, subject);
}

function streamsReport({ name }: CheckSubject, { columns, faults }: DescribedStreams): CheckReport {
  return { name, faults, steps: [], streamColumns: knownOf(columns), modelColumns: {} };
}

/** One after the other: the next version of a pipeline finds what the last one has left. */
class Workbenches implements AsyncDisposable {
  readonly #job: CheckJob;
  readonly #signal: AbortSignal;
  #open: { readonly key: string; readonly workbench: Workbench } | undefined;

  constructor(job: CheckJob, signal: AbortSignal) {
    this.#job = job;
    this.#signal = signal;
  }

  async of(subject: CheckSubject): Promise<Workbench> {
    const key = JSON.stringify([subject.versionOf ?? null, workbenchSetting(subject)]);
    if (subject.versionOf !== undefined && this.#open?.key === key) return this.#open.workbench;
    await this[Symbol.asyncDispose]();
    const workbench = await openWorkbench(this.#job, subject, this.#signal);
    this.#open = { key, workbench };
    return workbench;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.workbench[Symbol.asyncDispose]();
    this.#open = undefined;
  }
}

async function checkSubject(
  job: CheckJob,
  subject: CheckSubject,
  asking: Promise<DescribedStreams>,
  connections: Connections,
  { reporter }: JobContext,
  workbenches: Workbenches,
): Promise<CheckReport> {
  // Where the database does not open, that is the error.
  asking.catch(() => {});
  // DuckDB takes its time to open, and headers are many: both while the sources are asked.
  const { session, beside, memory, functionFaults } = await workbenches.of(subject);
  const { faults, tested, steps, columns, lineage } = await checkModels(subject, {
    session,
    beside,
    streams: asking,
    connections,
    reporter,
    modelsAtOnce: job.modelsAtOnce,
    ...(subject.versionOf === undefined ? {} : { memory }),
    published: subject.published ?? job.published,
  });
  const tests = subject.tests ?? [];
  const outcomes = job.runsTests === true ? await runTests(session, tested, tests) : undefined;
  return {
    name: subject.name,
    faults: [...functionFaults, ...faults, ...(outcomes === undefined ? testFaults(tested, tests) : [])],
    ...(outcomes === undefined ? {} : { tests: outcomes }),
    steps,
    streamColumns: knownOf((await asking).columns),
    ...(job.wantsLineage === true ? { lineage: await lineage() } : {}),
    modelColumns: columns,
  };
}

function knownOf(columns: DescribedStreams["columns"]): CheckReport["streamColumns"] {
  return Object.fromEntries(
    Object.entries(columns).flatMap(([name, known]) => known === undefined ? [] : [[name, known]]),
  );
}
