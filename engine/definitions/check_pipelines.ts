import { filledDefinition, sampleParams } from "../../connectors/pipeline_params.ts";
import { paramTexts, unfilledParams } from "../../contract/params/places.ts";
import type { CheckReport, DefinitionFault } from "../../contract/jobs/check_job.ts";
import { toAppError } from "../../contract/errors.ts";
import type { PipelineLineage } from "../../contract/lineage/lineage.ts";
import { placedName, splitPlacedName } from "../../contract/environments/pipeline_name.ts";
import type { Log } from "../../contract/log.ts";
import { loadTargets } from "../../contract/pipeline/load.ts";
import type { PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import { splitFiles } from "../../contract/revision.ts";
import type { PipelineStep } from "../../contract/run.ts";
import type { TestOutcome } from "../../contract/testing/outcome.ts";
import type { UnitTest } from "../../contract/testing/unit_test.ts";
import type { Column } from "../../contract/sql.ts";
import { tablesMadeBy } from "../../sql/language/files/kinds.ts";
import { type Fault, formatFault } from "../../text/fault.ts";
import { parseSize } from "../../text/size.ts";
import type { DocumentPath } from "../../text/yaml_document.ts";
import { createFence, type Fence } from "../grants/fence.ts";
import { type GrantContext, provide, type Provision } from "../grants/provide.ts";
import type { ProcessPool } from "../runs/attempt/process_pool.ts";
import type { RunProcessProgram } from "../runs/attempt/spawn.ts";
import { type CheckEnd, runCheckProcess } from "./processes/check_process.ts";
import { DEFAULT_BUDGET, type ProcessBudget } from "./processes/process_budget.ts";
import { Lanes } from "./processes/lanes.ts";
import { askedOf, countMuted, type PipelineSketch, withMuted } from "./sketch.ts";
import { piiFaults } from "./project/pii_faults.ts";
import { type LoadedProject, loadProject } from "./load.ts";
import { missingOfNotifiers } from "./notifiers/missing_references.ts";
import { plainSecrets } from "./secrets/plain_secrets.ts";
import { withTriggerFaults } from "./check_triggers.ts";
import { withReadFaults } from "./published/check_reads.ts";
import { inputsOfChecks, inWaves, piiOf, type PublishedColumns } from "./published/read_columns.ts";
import { remoteColumns } from "./stream_schemas/remote_columns.ts";
import { schemaDifferences } from "./stream_schemas/schema_differences.ts";
import type { StreamColumns } from "./stream_schemas/schemas_file.ts";
import { writeStreamSchemas } from "./stream_schemas/write_schemas.ts";
import { ScriptBundles } from "./scripts/script_bundles.ts";
import type { LoadedPipeline } from "./parse_pipeline.ts";
import { readProjectTests } from "./testing/read_tests.ts";

export interface CheckContext extends GrantContext {
  readonly runProcess: RunProcessProgram;
  /** Where a process for a check may wait. */
  readonly processes?: Pick<ProcessPool, "startWaiting">;
  readonly log: Log;
  /** Columns of a pipeline's streams as they were last seen. */
  readonly knownColumns: (pipeline: string) => Promise<Readonly<Record<string, readonly Column[]>>>;
  /** Those of models that pipelines publish which are not checked with them; none by default. */
  readonly publishedColumns?: PublishedColumns;
  /** Called where the check of a pipeline waits for a source. */
  readonly onWaiting?: (pipeline: string) => void;
  /** No source over a network is asked, and a missing secret or variable is a warning. */
  readonly isOffline?: boolean;
  /** Where bundles of scripts are kept from one reading of the project to the next. */
  readonly scripts?: ScriptBundles;
  /** Whether schemas/<pipeline>.yaml are written by what the sources have. */
  readonly writesSchemas?: boolean;
  /** Of each process; DEFAULT_BUDGET where it is absent. */
  readonly checkBudget?: ProcessBudget;
  /** Whether where columns come from is to be told; it is left out by default. */
  readonly wantsLineage?: boolean;
  /** Tests of models, by pipeline. */
  readonly tests?: ReadonlyMap<string, readonly UnitTest[]>;
  /** Whether they are run, and not only looked at. */
  readonly runsTests?: boolean;
  /** Whether only sources are asked, for the columns of their streams: nothing is said of models then. */
  readonly streamsOnly?: boolean;
}

/** What a pipeline was found to be. Only one without an error among its faults may run. */
export interface CheckedPipeline {
  readonly pipeline: LoadedPipeline;
  /** Those of its files and those that DuckDB found. */
  readonly faults: readonly Fault[];
  readonly steps: readonly PipelineStep[];
  readonly streamColumns: Readonly<Record<string, readonly Column[]>>;
  /** Of each model that could be bound. */
  readonly modelColumns: Readonly<Record<string, readonly Column[]>>;
  /** Where it was wanted. */
  readonly lineage?: PipelineLineage;
  /** Of its tests, where they were run. */
  readonly tests: readonly TestOutcome[];
  /** Those of them that only the sources know; absent where they were not looked at. */
  readonly remoteColumns?: StreamColumns;
}

export const isRunnable = (faults: readonly Fault[]): boolean =>
  faults.every((fault) => fault.severity !== "error");

export interface CheckedProject {
  readonly faults: readonly Fault[];
  readonly pipelines: number;
  readonly models: number;
  /** Files of schemas that were written, relative to the project. */
  readonly written: readonly string[];
  /** By the pipeline, where it was wanted and is known. */
  readonly lineage?: Readonly<Record<string, PipelineLineage>>;
}

/**
 * Everything that is wrong with a project, for `sluice check`: as it is in production, or in the environment. Throws
 * not_found where there is no such folder or environment.
 */
export async function checkProject(
  { environment, ...context }: CheckContext & { readonly environment?: string | undefined },
  signal: AbortSignal,
): Promise<CheckedProject> {
  const read = await loadProject(context.projectDir, {
    connectorTypes: context.connectors,
    scripts: context.scripts ?? new ScriptBundles(),
    environment,
  });
  const pipelines = environment === undefined
    ? await withReadFaults(withTriggerFaults(read.pipelines))
    : read.pipelines;
  const project = { ...read, pipelines };
  const { tests: written, faults: testFaults } = await readProjectTests(
    context.projectDir,
    project.pipelines.map((pipeline) => ({ ...pipeline, name: splitPlacedName(pipeline.name).pipeline })),
  );
  const tests = new Map(
    [...written].map(([pipeline, of]) => [placedName({ pipeline, environment: read.environment }), of]),
  );
  const checked = new Map<LoadedPipeline, CheckedPipeline>();
  for await (const entry of checkPipelines({ ...context, tests }, project.pipelines, signal)) {
    checked.set(entry.pipeline, entry);
  }
  const faults = [
    ...await projectFaults(context, project),
    ...testFaults,
    ...project.pipelines.flatMap((pipeline) => checked.get(pipeline)?.faults ?? []),
  ];
  const remote = [...checked.values()].flatMap(({ pipeline: { name }, remoteColumns: columns }) =>
    columns === undefined ? [] : [{ name, columns }]
  );
  const lineage = Object.fromEntries(
    [...checked.values()].flatMap(({ pipeline: { name }, lineage: of }) =>
      of === undefined ? [] : [[name, of]]
    ),
  );
  return {
    ...(context.wantsLineage === true ? { lineage } : {}),
    written: context.writesSchemas === true ? await writeStreamSchemas(context.projectDir, remote) : [],
    // A script is a fault of each pipeline that uses it.
    faults: [...new Map(faults.map((fault) => [formatFault(fault), fault])).values()],
    pipelines: project.pipelines.length,
    models: project.pipelines.reduce((sum, pipeline) => sum + tablesMadeBy(pipeline.files).length, 0),
  };
}

/** What is wrong with a project beside its pipelines. */
export async function projectFaults(
  { references, isOffline = false }: Pick<CheckContext, "references" | "isOffline">,
  { faults, placeFaults, connectors, connectorPlace, notifiers }: LoadedProject,
): Promise<Fault[]> {
  return [
    ...faults,
    ...placeFaults,
    ...plainSecrets({ entries: connectors, place: connectorPlace }),
    ...plainSecrets({ entries: notifiers.notifiers, place: notifiers.place }),
    ...await missingOfNotifiers(notifiers, references, isOffline),
  ];
}

/** As many processes as two cores have use for; those that wait for a source are not counted. */
const BUSY_PROCESSES = 3;
const MOST_PROCESSES = 16;
/** Who is at a source for so long waits for it. */
const WAITS_AFTER_MS = 3_000;
/** A process takes so many pipelines at most, where they may do the same and have no source to wait for. */
const PIPELINES_A_PROCESS = 20;

/**
 * Checks pipelines against DuckDB and their sources, without reading rows; yields each as soon as it
 * is checked. Each has a process with its own grant, time and memory, so that a source that never
 * answers, or SQL that never ends, holds up no other pipeline. Only pipelines without a network whose
 * grants are the same share one; where that does not end well, each of them gets its own.
 */
export async function* checkPipelines(
  context: CheckContext,
  pipelines: readonly LoadedPipeline[],
  signal: AbortSignal,
): AsyncIterable<CheckedPipeline> {
  const fence = await createFence(context);
  const outcomes = await Promise.all(pipelines.map((pipeline) => provideFor(context, pipeline, fence)));
  const provided: Provided[] = [];
  for (const outcome of outcomes) {
    if ("provision" in outcome) provided.push(outcome);
    else yield outcome;
  }
  const compiled = new Map<string, CheckedPipeline>();
  const publishedColumns: PublishedColumns = async (read) => {
    const checked = compiled.get(read.pipeline);
    const columns = checked?.modelColumns[read.model];
    return columns === undefined
      ? await context.publishedColumns?.(read)
      : { columns, pii: piiOf(checked?.lineage, read.model) };
  };
  const waves = inWaves(provided, ({ pipeline }) => pipeline.name, ({ sketch }) => sketch);
  for (const wave of waves) {
    const lanes = new Lanes<CheckedPipeline[]>({ limit: BUSY_PROCESSES, most: MOST_PROCESSES });
    for (const group of groupsOf(wave)) {
      lanes.start((release) => checkGroup({ ...context, publishedColumns }, group, release, signal));
    }
    for await (const checked of lanes.results()) {
      for (const one of checked) compiled.set(one.pipeline.name, one);
      yield* checked;
    }
  }
}

interface Provided {
  readonly pipeline: LoadedPipeline;
  readonly sketch: PipelineSketch;
  readonly provision: Provision;
  /** What was found before its process. */
  readonly faults: readonly Fault[];
}

/**
 * The pipeline with what its process needs, or as it is where it cannot have a process. Streams whose
 * connector cannot be asked are left out of what the process asks for.
 */
async function provideFor(
  context: CheckContext,
  pipeline: LoadedPipeline,
  fence: Fence,
): Promise<Provided | CheckedPipeline> {
  const { connectors } = pipeline;
  if (pipeline.sketch === undefined) return checkedAs(pipeline, []);
  const filled = filledSketch(context, pipeline, pipeline.sketch);
  const faults: Fault[] = [...filled.faults];
  let { sketch } = filled;
  try {
    for (;;) {
      const definition = askedOf(sketch);
      const provision = await provide(context, { definition, connectors, purpose: "check" }, fence);
      const { found, muted } = problemsOf(context, pipeline, definition, provision);
      faults.push(...found);
      if (muted.length === 0) return { pipeline, sketch, provision, faults };
      const next = withMuted(sketch, muted);
      // What is refused to the pipeline as a whole cannot be left out.
      if (countMuted(next) === countMuted(sketch)) return checkedAs(pipeline, faults);
      sketch = next;
    }
  } catch (error) {
    return checkedAs(pipeline, [...faults, faultOf(pipeline, toAppError(error).message)]);
  }
}

/**
 * The sketch with the values of params that are known before a run; streams and loads that need another one are left alone, as
 * those are that have a fault.
 */
export function filledSketch(
  { connectors: types }: Pick<CheckContext, "connectors">,
  pipeline: LoadedPipeline,
  sketch: PipelineSketch,
): { readonly sketch: PipelineSketch; readonly faults: readonly Fault[] } {
  const values = sampleParams(sketch.definition.params);
  const open = paramTexts(sketch.definition).flatMap((text) => {
    const [name] = text.kind === undefined ? [] : unfilledParams(text, values);
    return name === undefined || !Object.hasOwn(sketch.definition.params, name) ? [] : [{ text, name }];
  });
  const faults = open.filter(({ text: { path } }) =>
    !(path[0] === "extract" ? sketch.mutedStreams : sketch.mutedLoads).has(String(path[1]))
  ).map(({ text, name }): Fault => ({
    ...pipeline.place(text.path),
    message: `the param ${name} has no default: what this names is not looked at before a run`,
    severity: "warning",
  }));
  const muted = withMuted(sketch, open.map(({ text }) => text.path));
  const { connectors } = pipeline;
  const { definition } = sketch;
  const { extract, load } = filledDefinition(types, { definition: askedOf(muted), connectors }, values);
  const filled = {
    ...definition,
    extract: { ...definition.extract, ...extract },
    load: { ...definition.load, ...load },
  };
  return { sketch: { ...muted, definition: filled }, faults };
}

/** What is wrong with the connectors, and the streams and loads that are to be left alone for it. */
function problemsOf(
  { isOffline = false }: CheckContext,
  pipeline: LoadedPipeline,
  definition: PipelineDefinition,
  { refusals, failures, networked }: Provision,
): { readonly found: readonly Fault[]; readonly muted: readonly DocumentPath[] } {
  const usesOf = (connector: string): DocumentPath[] => [
    ...Object.entries(definition.extract).filter(([, stream]) => stream.connector === connector)
      .map(([name]) => ["extract", name]),
    ...Object.entries(definition.load).filter(([, load]) =>
      loadTargets(load).some((target) => target.connector === connector)
    ).map(([name]) => ["load", name]),
  ];
  const found = [
    ...refusals.map(({ message, place }): Fault => ({
      ...pipeline.place(place),
      message,
      severity: "error",
    })),
    ...failures.map(({ message, place, isMissing }): Fault => ({
      ...("connectors" in place ? pipeline.connectorPlace(place.connectors) : pipeline.place(place.pipeline)),
      message,
      severity: isMissing && isOffline ? "warning" : "error",
    })),
  ];
  const muted = [
    ...refusals.map(({ place }) => place),
    ...failures.flatMap(({ connector, place }) => "pipeline" in place ? [place.pipeline] : usesOf(connector)),
    ...(isOffline ? [...networked].flatMap(usesOf) : []),
  ];
  return { found, muted };
}

/** Pipelines that may share a process. */
function groupsOf(provided: readonly Provided[]): Provided[][] {
  const groups: Provided[][] = [];
  const openByGrant = new Map<string, Provided[]>();
  for (const entry of provided) {
    const { grant, hasSecrets, connectors } = entry.provision;
    const isAlone = grant.permissions.hosts.length > 0 || hasSecrets;
    const key = JSON.stringify([grant, connectors]);
    const open = isAlone ? undefined : openByGrant.get(key);
    if (open !== undefined && open.length < PIPELINES_A_PROCESS) {
      open.push(entry);
      continue;
    }
    const group = [entry];
    groups.push(group);
    if (!isAlone) openByGrant.set(key, group);
  }
  return groups;
}

async function checkGroup(
  context: CheckContext,
  group: readonly Provided[],
  release: () => void,
  signal: AbortSignal,
): Promise<CheckedPipeline[]> {
  let end = await checkTogether(context, group, release, signal);
  if ("stopped" in end && group.length === 1 && end.place?.isOneOfMany === true) {
    // Which of the models it is shows where each is bound alone.
    end = await checkTogether(context, group, release, signal, 1);
  }
  if ("stopped" in end && group.length > 1) {
    const checked: CheckedPipeline[] = [];
    for (const entry of group) checked.push(...await checkGroup(context, [entry], release, signal));
    return checked;
  }
  if ("stopped" in end) {
    const budget = context.checkBudget ?? DEFAULT_BUDGET;
    return group.map(({ pipeline, faults }) =>
      checkedAs(pipeline, [...faults, stopFault(pipeline, end, budget)])
    );
  }
  const byName = new Map(end.reports.map((report) => [report.name, report]));
  return group.map((entry) => {
    const report = byName.get(entry.pipeline.name);
    const found = (report?.faults ?? []).map((fault) => placed(entry.pipeline, fault));
    const remote = report && remoteOf(entry, report);
    const old = remote === undefined ? [] : oldSchemas(context, entry, remote);
    const rules = piiFaults(entry.pipeline, report?.lineage);
    return {
      ...checkedAs(
        entry.pipeline,
        [...entry.faults, ...memoryFaults(context, entry), ...found, ...old, ...rules],
        report,
      ),
      ...(remote === undefined ? {} : { remoteColumns: remote }),
    };
  });
}

function remoteOf({ pipeline, sketch, provision }: Provided, { streamColumns }: CheckReport): StreamColumns {
  return remoteColumns(sketch.definition, pipeline.connectors, provision.networked, streamColumns);
}

/** Where the pipeline's file of schemas says otherwise than its sources, as far as they were asked. */
function oldSchemas(
  { writesSchemas }: CheckContext,
  { pipeline, sketch }: Provided,
  remote: StreamColumns,
): Fault[] {
  if (writesSchemas === true || pipeline.schemas === undefined) return [];
  const asked = Object.entries(remote).filter(([stream]) => !sketch.mutedStreams.has(stream));
  return schemaDifferences(pipeline.schemas, Object.fromEntries(asked));
}

async function checkTogether(
  context: CheckContext,
  group: readonly Provided[],
  release: () => void,
  signal: AbortSignal,
  modelsAtOnce?: number,
): Promise<CheckEnd> {
  const [first] = group;
  if (first === undefined) return { reports: [] };
  const subjects = await Promise.all(group.map(async ({ pipeline, sketch }) => ({
    name: pipeline.name,
    definition: sketch.definition,
    written: pipeline.sketch?.definition ?? sketch.definition,
    files: context.streamsOnly === true ? [] : sketch.files,
    mutedStreams: [...sketch.mutedStreams],
    mutedParams: sketch.mutedParams,
    refusedModels: sketch.refusedModels,
    tests: context.tests?.get(pipeline.name) ?? [],
    knownColumns: { ...pipeline.schemas?.columns, ...await context.knownColumns(pipeline.name) },
  })));
  const published = await inputsOfChecks(
    group.map(({ sketch }) => sketch),
    context.publishedColumns ?? (() => Promise.resolve(undefined)),
  );
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const hasNetwork = first.provision.grant.permissions.hosts.length > 0;
  const onWaiting = () => {
    release();
    for (const { pipeline } of group) context.onWaiting?.(pipeline.name);
  };
  try {
    return await runCheckProcess({
      program: context.runProcess,
      processes: context.processes,
      projectDir: context.projectDir,
      subjects,
      published,
      scripts: first.provision.grant.permissions.startsScripts === true
        ? group.flatMap(({ pipeline }) => splitFiles(pipeline.scripts).scripts)
        : [],
      wantsLineage: context.wantsLineage === true ||
        group.some(({ pipeline }) => pipeline.piiRules !== undefined),
      connectors: first.provision.connectors,
      grant: first.provision.grant,
      budget: context.checkBudget ?? DEFAULT_BUDGET,
      ...(modelsAtOnce === undefined ? {} : { modelsAtOnce }),
      runsTests: context.runsTests ?? false,
      streamsOnly: context.streamsOnly ?? false,
      answers: first.provision.answers,
      redact: first.provision.redactor.redact,
      log: context.log,
      onPlace: ({ file }) => {
        clearTimeout(waiting);
        if (file === null && hasNetwork) waiting = setTimeout(onWaiting, WAITS_AFTER_MS);
      },
    }, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { stopped: "died", place: undefined, detail: toAppError(error).message };
  } finally {
    clearTimeout(waiting);
  }
}

function checkedAs(
  pipeline: LoadedPipeline,
  found: readonly Fault[],
  report?: CheckReport,
): CheckedPipeline {
  return {
    pipeline,
    faults: [...pipeline.faults, ...found],
    steps: report?.steps ?? [],
    streamColumns: report?.streamColumns ?? {},
    modelColumns: report?.modelColumns ?? {},
    ...(report?.lineage === undefined ? {} : { lineage: report.lineage }),
    tests: report?.tests ?? [],
  };
}

/** Why a check did not come to its end, at the file that it was at. */
function stopFault(
  pipeline: LoadedPipeline,
  { stopped, place, detail }: Extract<CheckEnd, { stopped: string }>,
  budget: ProcessBudget,
): Fault {
  const at = place === undefined ? "" : ` at ${place.subject}`;
  const message = stopped === "time"
    ? `the check was stopped${at}: it took more than ${budget.timeMs / 1000} s`
    : stopped === "memory"
    ? `the check was stopped${at}: it took more than ${Math.round(budget.memoryBytes / 1e6)} MB of memory`
    : `the check ended without a result${at}: ${detail}`;
  const hint = stopped !== "died" && place !== undefined && place.file !== null
    ? "; DuckDB computes constants when it reads the SQL, look for one that is large or takes long"
    : "";
  return { ...faultOf(pipeline, `${message}${hint}`), file: place?.file ?? pipeline.path };
}

/** What a run asks for and does not get. */
function memoryFaults({ policy: { memoryMax } }: CheckContext, { pipeline, sketch }: Provided): Fault[] {
  const asked = sketch.definition.resources.memory;
  if (asked === undefined || memoryMax === undefined || (parseSize(asked) ?? 0) <= memoryMax.bytes) return [];
  const message = `resources.memory: a run gets ${memoryMax.text}, the most that the operator's policy gives`;
  return [{ ...pipeline.place(["resources", "memory"]), message, severity: "warning" }];
}

export function placed(pipeline: LoadedPipeline, fault: Fault | DefinitionFault): Fault {
  if (!("path" in fault)) return fault;
  return { ...pipeline.place(fault.path), message: fault.message, severity: fault.severity };
}

function faultOf(pipeline: LoadedPipeline, message: string): Fault {
  return { file: pipeline.path, message, severity: "error" };
}
