import type { CheckReport, DefinitionFault } from "../../../contract/jobs/check_job.ts";
import { AppError } from "../../../contract/errors.ts";
import type { ModelChange, PipelinePlan } from "../../../contract/plan/plan.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import type { Column } from "../../../contract/sql.ts";
import { namesState, selectSteps, type StepStates } from "../../../sql/language/selector.ts";
import type { Fault } from "../../../text/fault.ts";
import { UNASKED_STORES } from "../../secrets/open_stores.ts";
import { type CheckContext, isRunnable } from "../check/check_context.ts";
import { checkPipelines } from "../check/check_pipelines.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import { stepGraph } from "./step_graph.ts";
import { compileSides, type Uncompiled } from "./compile_sides.ts";
import { fileDiffs } from "./file_diffs.ts";
import { changesOf, type Compiled, modelChanges, type PipelineChanges } from "./plan_pipeline.ts";
import { type PlanSide, sideOfProject } from "./plan_side.ts";

/** One pipeline, as it is and as it would be; undefined for a side that there is not. */
export interface PlannedPipeline {
  readonly name: string;
  readonly before: PlanSide | undefined;
  /** What it is compared with, to be read. */
  readonly against: string;
  readonly after: LoadedPipeline | undefined;
  readonly afterScripts: readonly RevisionFile[];
}

/** How rows are compared; what it returns of a model is put into its change. */
export type CompareRows = (
  pipeline: string,
  changes: PipelineChanges,
  compiled: Compiled,
  models: readonly ModelChange[],
  signal: AbortSignal,
) => Promise<{ readonly models: readonly ModelChange[]; readonly data: PipelinePlan["data"] }>;

export interface PlanContext extends CheckContext {
  /** The last success of models, by their names. */
  readonly lastBuilds: (pipeline: string) => Promise<ReadonlyMap<string, NonNullable<ModelChange["last"]>>>;
  /** Whether files that streams name may be asked for their columns, where nothing else says them. */
  readonly asksFiles: boolean;
  /** Rows are not compared without it. */
  readonly compareRows?: CompareRows | undefined;
}

export interface PlanOptions {
  /** Only changes of these steps: an expression as `--select` takes it. */
  readonly select?: string | undefined;
}

/** How many pipelines are compiled in one process. */
const PIPELINES_A_PROCESS = 10;

/**
 * What would be another than before, of each of the pipelines in their order. Only those that differ are compiled. Throws
 * invalid for a selection that selects nothing of any of them.
 */
export async function planPipelines(
  context: PlanContext,
  pipelines: readonly PlannedPipeline[],
  options: PlanOptions,
  signal: AbortSignal,
): Promise<PipelinePlan[]> {
  const compared = pipelines.map((planned) => {
    const side = planned.after === undefined ? undefined : sideOfProject(planned.after, planned.afterScripts);
    return { planned, changes: changesOf(planned.before, side) };
  });
  const isWanted = ({ planned, changes }: (typeof compared)[number]) =>
    isReadable(planned) && (changes.isChanged || options.select !== undefined);
  const compiled = await compileAll(context, compared.filter(isWanted), signal);
  const plans: PipelinePlan[] = [];
  let failure: AppError | undefined;
  for (const { planned, changes } of compared) {
    const found = compiled.get(planned.name);
    try {
      plans.push(await planOf(context, planned, changes, found, options, signal));
    } catch (error) {
      // Of one that selects nothing here, another pipeline may have something.
      if (options.select === undefined || !(error instanceof AppError) || error.code !== "invalid") {
        throw error;
      }
      failure ??= error;
    }
  }
  if (plans.length === 0 && failure !== undefined) throw failure;
  return plans;
}

/** A file with faults says nothing of what it would be. */
const isReadable = ({ after }: PlannedPipeline) => after === undefined || after.definition !== undefined;

interface Found extends Compiled {
  readonly faults: readonly Fault[];
}

interface Compared {
  readonly planned: PlannedPipeline;
  readonly changes: PipelineChanges;
}

async function compileAll(
  context: PlanContext,
  compared: readonly Compared[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Found>();
  for (let first = 0; first < compared.length; first += PIPELINES_A_PROCESS) {
    const some = compared.slice(first, first + PIPELINES_A_PROCESS);
    const columns = await columnsOf(context, some, signal);
    const sides = some.flatMap(({ planned: { name }, changes: { before, after } }): Uncompiled[] => {
      const known = columns.get(name) ?? { before: {}, after: {} };
      return [
        ...(before === undefined
          ? []
          : [{ name: `before ${name}`, pipeline: name, side: before, columns: known.before }]),
        ...(after === undefined
          ? []
          : [{ name: `after ${name}`, pipeline: name, side: after, columns: known.after }]),
      ];
    });
    const reports = await compileSides(context, sides, signal);
    for (const { planned: { name, after } } of some) {
      const reportOf = (side: string): CheckReport | undefined =>
        typeof reports === "string" ? undefined : reports.get(`${side} ${name}`);
      const ofProcess = typeof reports === "string" && after !== undefined
        ? [{ file: after.path, message: reports, severity: "error" as const }]
        : [];
      const ofReport = (reportOf("after")?.faults ?? []).map((fault) => placed(after, fault));
      found.set(name, {
        before: reportOf("before"),
        after: reportOf("after"),
        faults: [...ofProcess, ...ofReport],
      });
    }
  }
  return found;
}

function placed(pipeline: LoadedPipeline | undefined, fault: Fault | DefinitionFault): Fault {
  if (!("path" in fault)) return fault;
  const place = pipeline?.place(fault.path) ?? { file: "" };
  return { ...place, message: fault.message, severity: fault.severity };
}

type StreamColumns = Readonly<Record<string, readonly Column[]>>;

/** The columns of raw tables: as they were last seen, and of streams that nobody has seen as their files have them. */
async function columnsOf(
  context: PlanContext,
  compared: readonly Compared[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, { readonly before: StreamColumns; readonly after: StreamColumns }>> {
  const columns = new Map<string, { before: StreamColumns; after: StreamColumns }>();
  const unseen: { pipeline: LoadedPipeline; streams: ReadonlySet<string>; known: StreamColumns }[] = [];
  for (const { planned: { name, after }, changes } of compared) {
    // As the project keeps them in git, and better as runs have seen them.
    const known = { ...after?.schemas?.columns, ...await context.knownColumns(name) };
    columns.set(name, { before: known, after: known });
    const streams = new Set(
      Object.keys(changes.after?.definition.extract ?? {}).filter((stream) =>
        known[stream] === undefined || changes.parts.streams.some((change) => change.name === stream)
      ),
    );
    if (context.asksFiles && after !== undefined && streams.size > 0) {
      unseen.push({ pipeline: after, streams, known });
    }
  }
  const offline = {
    ...context,
    isOffline: true,
    references: { ...context.references, stores: UNASKED_STORES },
  };
  const asked = unseen.map(({ pipeline }) => withoutModels(pipeline));
  for await (const { pipeline: { name }, streamColumns } of checkPipelines(offline, asked, signal)) {
    const { streams, known } = unseen.find(({ pipeline }) => pipeline.name === name) ??
      { streams: new Set(), known: {} };
    const fresh = Object.fromEntries(Object.entries(streamColumns).filter(([stream]) => streams.has(stream)));
    columns.set(name, {
      before: { ...streamColumns, ...known },
      after: { ...streamColumns, ...known, ...fresh },
    });
  }
  return columns;
}

/** For who asks for the columns of its streams alone. */
function withoutModels(pipeline: LoadedPipeline): LoadedPipeline {
  const { sketch } = pipeline;
  return { ...pipeline, files: [], sketch: sketch === undefined ? undefined : { ...sketch, files: [] } };
}

const NO_COST: PipelinePlan["cost"] = { models: 0, duration_ms: null, rows: null, unknown: 0 };

async function planOf(
  context: PlanContext,
  planned: PlannedPipeline,
  changes: PipelineChanges,
  found: Found | undefined,
  { select }: PlanOptions,
  signal: AbortSignal,
): Promise<PipelinePlan> {
  const { name, before, after, against } = planned;
  const faults = [...after?.faults ?? [], ...found?.faults ?? []];
  const isRead = isReadable(planned);
  const all = isRead && found !== undefined ? modelChanges(changes, found) : [];
  // Where nothing has changed, what has is nothing: that is no slip.
  const isOfNothing = isRead && !changes.isChanged;
  const chosen = select === undefined || (isOfNothing && namesState(select))
    ? undefined
    : chosenSteps(changes, found, all, select);
  const models = all.filter(({ model, change }) =>
    change === "removed" || (chosen?.has(`model:${model}`) ?? true)
  );
  const last = models.length === 0 ? new Map<string, never>() : await context.lastBuilds(name);
  const withLast = models.map((model) => ({ ...model, last: last.get(model.model) ?? null }));
  const isBroken = !isRunnable(faults);
  const rows = context.compareRows === undefined || found === undefined || isBroken || before === undefined ||
      changes.after === undefined
    ? undefined
    : await context.compareRows(name, changes, found, withLast, signal);
  const shown = rows?.models ?? withLast;
  const parts = {
    ...changes.parts,
    streams: changes.parts.streams.filter((stream) => chosen?.has(`extract:${stream.name}`) ?? true),
  };
  return {
    pipeline: name,
    change: isOfNothing
      ? "unchanged"
      : before === undefined
      ? "added"
      : after === undefined
      ? "removed"
      : "changed",
    against,
    faults: isOfNothing ? [] : faults,
    ...(isRead ? parts : { settings: [], streams: [], loads: [], connectors: [], scripts: [] }),
    models: [...shown],
    readers: [],
    breaking: shown.some(({ breaking }) => breaking.length > 0) || after === undefined,
    cost: costOf(shown),
    data: rows?.data ?? { compared: false, note: noteOf(context, planned, isBroken), duration_ms: null },
    diffs: isRead && changes.isChanged ? await diffsOf(changes) : [],
  };
}

function noteOf(
  { compareRows }: PlanContext,
  { before, after }: PlannedPipeline,
  isBroken: boolean,
): string | null {
  if (compareRows === undefined || after === undefined) return null;
  if (isBroken) return "rows are not compared while there are faults";
  return before === undefined ? "the pipeline is new: there are no rows to compare with" : null;
}

/** The steps that the selection names, of the new version and of what changes. */
function chosenSteps(
  { before, after, parts }: PipelineChanges,
  found: Found | undefined,
  models: readonly ModelChange[],
  select: string,
): ReadonlySet<string> {
  const side = after ?? before;
  if (side === undefined) return new Set();
  const steps = (after === undefined ? found?.before : found?.after)?.steps ?? [];
  const named = (...wanted: readonly ModelChange["change"][]) =>
    new Set([
      ...models.filter(({ change }) => wanted.includes(change)).map(({ model }) => `model:${model}`),
      ...parts.streams.filter(({ change }) => wanted.includes(change)).map(({ name }) => `extract:${name}`),
    ]);
  const states: StepStates = { modified: named("added", "changed"), new: named("added") };
  return selectSteps(select, stepGraph(side, steps), states).steps;
}

function costOf(models: readonly ModelChange[]): PipelinePlan["cost"] {
  const built = models.filter(({ rows, change }) => rows && change !== "removed");
  if (built.length === 0) return NO_COST;
  const known = built.flatMap(({ last }) => last ?? []);
  const sum = (of: (last: NonNullable<ModelChange["last"]>) => number | null) =>
    known.length === 0 ? null : known.reduce((total, last) => total + (of(last) ?? 0), 0);
  return {
    models: built.length,
    duration_ms: sum((last) => last.duration_ms),
    rows: sum((last) => last.rows),
    unknown: built.length - known.length,
  };
}

async function diffsOf({ before, after }: PipelineChanges): Promise<PipelinePlan["diffs"]> {
  const textsOf = (side: PlanSide | undefined, other: PlanSide | undefined) => [
    // Of an older revision the definition's own text is not kept: there is nothing to hold the new one against.
    ...(side?.text === undefined || (other !== undefined && other.text === undefined) ? [] : [side.text]),
    ...side?.files ?? [],
    ...side?.scripts ?? [],
  ];
  return await fileDiffs(textsOf(before, after), textsOf(after, before));
}
