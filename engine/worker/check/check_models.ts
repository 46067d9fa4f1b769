import type { CheckPlace, CheckSubject, DefinitionFault } from "../../../contract/jobs/check_job.ts";
import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import { childTablesBy } from "../../../contract/pipeline/child_tables.ts";
import { mayCall } from "../../../contract/pipeline/functions.ts";
import { columnsNamedBy, loadTargets } from "../../../contract/pipeline/load.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { publishedModels } from "../../../contract/pipeline/publish.ts";
import type { PipelineStep } from "../../../contract/run.ts";
import type { SnapshotInputs } from "../../../contract/snapshots/source.ts";
import type { Column } from "../../../contract/sql.ts";
import { ephemeralsBehind } from "../../../sql/build/ephemeral.ts";
import { historyColumns } from "../../../sql/build/history.ts";
import { compile } from "../../../sql/compile/compile.ts";
import type { CompileMemory } from "../../../sql/compile/compile_memory.ts";
import { streamChecks } from "../../../sql/language/checks/check.ts";
import { type ModelsMemory, readModels } from "../../../sql/language/files/read_models.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import type { Model } from "../../../sql/language/model.ts";
import { placeAt } from "../../../sql/language/position.ts";
import { firstWord } from "../../../sql/language/scan_sql.ts";
import { withPublishedPii } from "../../../sql/lineage/published_pii.ts";
import { pipelineLineage } from "../../../sql/lineage/pipeline_lineage.ts";
import { unknownPii } from "../../../sql/lineage/stream_lineage.ts";
import type { Fault } from "../../../text/fault.ts";
import type { Memo } from "../../../text/memo.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { Connections } from "../connections.ts";
import type { DescribedStreams } from "../describe_streams.ts";
import { seedFaults } from "../models/seeds/check_seeds.ts";
import { readSeed } from "../models/seeds/read_seed.ts";
import { straightLoad } from "../pass_through/straight_load.ts";
import { type PlannedStep, planRun, stepsOf } from "../plan.ts";
import type { Reporter } from "../reporter.ts";
import type { TestedPipeline } from "../testing/plan_test.ts";

export interface ModelsCheck {
  /** Of a database without rows, which may read no file and knows the pipeline's functions. */
  readonly session: DuckSession;
  /** Another one of the same. */
  readonly beside: DuckSession;
  readonly streams: Promise<DescribedStreams>;
  readonly connections: Pick<Connections, "stagesWhileReading" | "isScanned" | "isWrittenByDuckdb">;
  readonly reporter: Pick<Reporter, "send">;
  readonly modelsAtOnce?: number | undefined;
  /** Published models of other pipelines, which mark columns with personal data. */
  readonly published?: SnapshotInputs | undefined;
  /** Of earlier checks of the pipeline on these sessions. */
  readonly memory?: CheckMemory;
}

/** What a check leaves to the next one of its pipeline. */
export interface CheckMemory {
  readonly compiled: CompileMemory;
  readonly read: ModelsMemory;
  readonly seeds: Memo<readonly Fault[]>;
}

export interface CheckedModels {
  readonly faults: readonly (Fault | DefinitionFault)[];
  /** What the pipeline's tests are held against. */
  readonly tested: TestedPipeline;
  readonly steps: readonly PipelineStep[];
  /** Of each model that could be bound. */
  readonly columns: Readonly<Record<string, readonly Column[]>>;
  lineage(): Promise<PipelineLineage>;
}

/** Binds a pipeline's models and checks against the columns of its streams. */
export async function checkModels(subject: CheckSubject, check: ModelsCheck): Promise<CheckedModels> {
  const { session, beside, connections, reporter, modelsAtOnce, memory } = check;
  const { definition } = subject;
  const read = readModels(subject.files, readSeed, memory?.read);
  const { disabled, unreadable, macros, faults: modelFaults } = read;
  // With faults nothing of it is applied: what can be said of the others is said.
  const models = [...read.models, ...read.headless];
  const streams = await check.streams;
  const compiled = await compile(session, {
    models,
    streams: streams.columns,
    madeBy: childTablesBy(definition.extract),
    streamChecks: Object.fromEntries(
      Object.entries(definition.extract).map(([name, stream]) => [name, streamChecks(name, stream)]),
    ),
    unreadable: [...subject.refusedModels, ...unreadable],
    disabled,
    macros,
    params: definition.params,
    unknownParams: subject.mutedParams,
    beside,
    ...(modelsAtOnce === undefined ? {} : { modelsAtOnce }),
    ...(memory === undefined ? {} : { memory: memory.compiled }),
    onBind: underWay((place) =>
      reporter.send({ type: "checking", place: { pipeline: subject.name, ...place } })
    ),
    loads: Object.entries(definition.load).flatMap(([name, load]) =>
      loadTargets(load).map((target, index) => ({
        path: Array.isArray(load) ? ["load", name, index] : ["load", name],
        name,
        columns: columnsNamedBy(target),
      }))
    ),
    published: publishedModels(definition.publish).map(({ model, path }) => ({ path, name: model })),
  });
  const plan = planRun(definition, models, compiled.graph);
  return {
    faults: [
      ...modelFaults,
      ...streams.faults,
      ...compiled.faults,
      ...viewFaults(definition.functions ?? {}, models, compiled.graph),
      ...await seedFaults(session, models, memory?.seeds),
      ...unknownPii(definition, streams.columns),
      ...straightFaults(plan.steps, connections),
    ],
    tested: { name: subject.name, models, params: definition.params, compiled, streams: streams.columns },
    steps: stepsOf(planRun(asWritten(subject), models, compiled.graph)),
    columns: compiled.columns,
    lineage: () =>
      pipelineLineage(session, {
        definition: withPublishedPii(definition, check.published ?? {}, streams.columns),
        streamColumns: streams.columns,
        graph: compiled.graph,
        trees: compiled.trees,
        modelColumns: compiled.columns,
        columnsBeside: new Map(
          models.flatMap(({ name, history }) =>
            history === undefined ? [] : [[name, historyColumns(history)]]
          ),
        ),
        headers: models,
      }),
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
