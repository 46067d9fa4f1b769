import type {
  CheckJob,
  CheckPlace,
  CheckReport,
  CheckSubject,
  DefinitionFault,
} from "../../contract/jobs/check_job.ts";
import { childTablesBy } from "../../contract/pipeline/child_tables.ts";
import { mayCall } from "../../contract/pipeline/functions.ts";
import { columnsNamedBy, loadTargets } from "../../contract/pipeline/load.ts";
import { publishedModels } from "../../contract/pipeline/publish.ts";
import type { PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import type { Column } from "../../contract/sql.ts";
import { ephemeralsBehind } from "../../sql/build/ephemeral.ts";
import { historyColumns } from "../../sql/build/history.ts";
import type { Graph } from "../../sql/language/graph.ts";
import { compile } from "../../sql/compile/compile.ts";
import { streamChecks } from "../../sql/language/checks/check.ts";
import { unknownPii } from "../../sql/lineage/stream_lineage.ts";
import { pipelineLineage } from "../../sql/lineage/pipeline_lineage.ts";
import { readModels } from "../../sql/language/files/read_models.ts";
import type { Model } from "../../sql/language/model.ts";
import { placeAt } from "../../sql/language/position.ts";
import { firstWord } from "../../sql/language/scan_sql.ts";
import type { Fault } from "../../text/fault.ts";
import { openDatabase } from "../duckdb/database.ts";
import type { Connections } from "./connections.ts";
import { databaseLimits, scratchOf } from "./database_limits.ts";
import { declareFunctions } from "./functions/script_functions.ts";
import { DESCRIBE_TIMEOUT_MS, type DescribedStreams, describeStreams } from "./describe_streams.ts";
import { jobConnections, type JobContext } from "./job_context.ts";
import { seedFaults } from "./models/seeds/check_seeds.ts";
import { readSeed } from "./models/seeds/read_seed.ts";
import { expandForCheck } from "./wildcards/check_tables.ts";
import { straightLoad } from "./pass_through/straight_load.ts";
import { testFaults } from "./testing/plan_test.ts";
import { runTests } from "./testing/run_tests.ts";
import { type PlannedStep, planRun, stepsOf } from "./plan.ts";

/** Binds every model of every pipeline against the columns of its sources, without reading a row. */
export async function checkJob(job: CheckJob, context: JobContext): Promise<CheckReport[]> {
  await using connections = jobConnections(job, context);
  const reports: CheckReport[] = [];
  for (const given of job.pipelines) {
    context.signal.throwIfAborted();
    const { subject, faults } = await expandForCheck(given, connections, context.signal);
    const asking = askSources(job, subject, connections, context);
    const report = await checkModels(job, subject, asking, connections, context);
    reports.push({ ...report, faults: [...faults, ...report.faults] });
  }
  return reports;
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

async function checkModels(
  job: CheckJob,
  subject: CheckSubject,
  asking: Promise<DescribedStreams>,
  connections: Connections,
  { signal, reporter }: JobContext,
): Promise<CheckReport> {
  // Where the database does not open, that is the error.
  asking.catch(() => {});
  // DuckDB takes its time to open, and headers are many: both while the sources are asked.
  await using database = await openDatabase({
    path: ":memory:",
    tempDirectory: job.tempDir,
    ...databaseLimits({ ...job.duckdb, directories: [], files: [] }),
    signal,
  });
  const { models, disabled, unreadable, macros, faults: modelFaults } = readModels(subject.files, readSeed);
  const faults: (Fault | DefinitionFault)[] = [...modelFaults];
  const session = await database.session();
  using _interrupt = session.interruptOn(signal);
  const streams = await asking;
  faults.push(
    ...streams.faults,
    ...await declareFunctions(session, subject.definition.functions ?? {}),
  );
  const beside = await session.fork();
  using _beside = beside.interruptOn(signal);
  const compiled = await compile(session, {
    models,
    streams: streams.columns,
    madeBy: childTablesBy(subject.definition.extract),
    streamChecks: Object.fromEntries(
      Object.entries(subject.definition.extract).map(([name, stream]) => [name, streamChecks(name, stream)]),
    ),
    unreadable: [...subject.refusedModels, ...unreadable],
    disabled,
    macros,
    params: subject.definition.params,
    unknownParams: subject.mutedParams,
    beside,
    ...(job.modelsAtOnce === undefined ? {} : { modelsAtOnce: job.modelsAtOnce }),
    onBind: underWay((place) =>
      reporter.send({ type: "checking", place: { pipeline: subject.name, ...place } })
    ),
    loads: Object.entries(subject.definition.load).flatMap(([name, load]) =>
      loadTargets(load).map((target, index) => ({
        path: Array.isArray(load) ? ["load", name, index] : ["load", name],
        name,
        columns: columnsNamedBy(target),
      }))
    ),
    published: publishedModels(subject.definition.publish).map(({ model, path }) => ({ path, name: model })),
  });
  const lineage = () =>
    pipelineLineage(session, {
      definition: subject.definition,
      streamColumns: streams.columns,
      graph: compiled.graph,
      trees: compiled.trees,
      modelColumns: compiled.columns,
      columnsBeside: new Map(
        models.flatMap(({ name, history }) => history === undefined ? [] : [[name, historyColumns(history)]]),
      ),
      headers: models,
    });
  faults.push(
    ...compiled.faults,
    ...viewFaults(subject.definition.functions ?? {}, models, compiled.graph),
    ...await seedFaults(session, models),
    ...unknownPii(subject.definition, streams.columns),
  );
  const plan = planRun(subject.definition, models, compiled.graph);
  faults.push(...straightFaults(plan.steps, connections));
  const known = Object.entries(streams.columns).filter((entry): entry is [string, readonly Column[]] =>
    entry[1] !== undefined
  );
  const tests = subject.tests ?? [];
  const tested = {
    name: subject.name,
    models,
    params: subject.definition.params,
    compiled,
    streams: streams.columns,
  };
  if (job.runsTests !== true) faults.push(...testFaults(tested, tests));
  const outcomes = job.runsTests === true ? await runTests(session, tested, tests) : undefined;
  return {
    name: subject.name,
    faults,
    ...(outcomes === undefined ? {} : { tests: outcomes }),
    steps: stepsOf(planRun(asWritten(subject), models, compiled.graph)),
    streamColumns: Object.fromEntries(known),
    ...(job.wantsLineage === true ? { lineage: await lineage() } : {}),
    modelColumns: compiled.columns,
  };
}

/** Reports the models that DuckDB has had for the longest time, as often as they are others. */
function underWay(
  report: (place: Omit<CheckPlace, "pipeline">) => void,
): (models: readonly Model[]) => Disposable {
  const open = new Set<readonly Model[]>();
  let reported: readonly Model[] | undefined;
  const tell = () => {
    const [oldest] = open;
    if (oldest === undefined || oldest === reported) return;
    reported = oldest;
    const [first, ...others] = oldest;
    const subject = others.length === 0 ? `the model ${first?.name}` : `one of ${oldest.length} models`;
    report({ subject, file: first?.path ?? null, isOneOfMany: others.length > 0 });
  };
  return (models) => {
    open.add(models);
    tell();
    return {
      [Symbol.dispose]: () => {
        open.delete(models);
        tell();
      },
    };
  };
}

/** With the places of params, where a run's value is not known yet. */
function asWritten({ definition, written }: CheckSubject): PipelineDefinition {
  if (written === undefined) return definition;
  const given = <T>(entries: Readonly<Record<string, T>>, texts: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, texts[name] ?? entry]));
  return {
    ...definition,
    extract: given(definition.extract, written.extract),
    load: given(definition.load, written.load),
  };
}

/** A view outlives the run: whoever reads it later runs no script. */
function viewFaults(
  functions: Readonly<Record<string, unknown>>,
  models: readonly Model[],
  graph: Graph,
): Fault[] {
  const byNode = new Map(models.map((model) => [`model:${model.name}`, model]));
  return models.filter(({ materialized }) => materialized === "view").flatMap(({ name, path, sql }) => {
    const held = ephemeralsBehind(
      graph.nodes.get(`model:${name}`)?.depends ?? [],
      graph,
      (node) => byNode.get(node),
    );
    const macros = [name, ...held.map((model) => model.name)].flatMap((one) =>
      graph.macros.get(`model:${one}`) ?? []
    );
    const queries = [
      sql,
      ...held.map((model) => model.sql),
      ...macros.map(({ text, start, end }) => text.slice(start, end)),
    ];
    const called = Object.keys(functions).find((one) => queries.some((query) => mayCall(query, one)));
    if (called === undefined) return [];
    const message = `${name} is a view, and what reads it later cannot call ${called}: make it a table`;
    return [{ ...placeAt(sql, firstWord(sql)?.position ?? 0, path), message, severity: "error" as const }];
  });
}

/** Streams that cannot go straight to a load. */
function straightFaults(
  steps: readonly PlannedStep[],
  connections: Pick<Connections, "stagesWhileReading" | "isScanned" | "isWrittenByDuckdb">,
): DefinitionFault[] {
  return steps.flatMap((planned) => {
    if (planned.kind !== "extract" || planned.stream.store) return [];
    const { fault } = straightLoad(planned, steps, connections);
    if (fault === undefined) return [];
    return [{ path: ["extract", planned.name, "store"], message: fault, severity: "error" as const }];
  });
}
